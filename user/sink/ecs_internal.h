/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ECS records have in common: defined in ecs*.c, used by them and ocsf.c. */
#ifndef MTUSCOPE_ECS_INTERNAL_H
#define MTUSCOPE_ECS_INTERNAL_H

#include "json.h"
#include "sink.h"
#include "totals.h"

/*
 * What every record begins with, the message at most `size` bytes. The event object is left open for what a kind of
 * record adds to it.
 */
void ecs_begin(struct json_writer *w, int64_t realtime_ms, const char *level, const char *message, size_t size,
	       const char *kind, const char *dataset);

/* Around everything of our own, the last object of a record. ecs_end: as json_finish_line(). */
void ecs_own_begin(struct json_writer *w);
int ecs_end(struct json_writer *w);

/* {"ip","port"}, or null if there is no address. */
void ecs_endpoint(struct json_writer *w, const char *key, const struct ip_endpoint *e, bool has_port);

/* "finding": {…} and its kin, everything of our own about a record: OCSF carries the same. */
void ecs_finding_object(struct json_writer *w, const struct finding *f);
void ecs_status_object(struct json_writer *w, const struct status *s);
void ecs_joint(struct json_writer *w, const struct joint_result *j);
void ecs_ptb_object(struct json_writer *w, const struct ptb *p);
void ecs_counters_object(struct json_writer *w, const struct snapshot *snap, const struct totals *t);

#endif
