/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ECS records have in common: defined in ecs*.c, used by them and ocsf.c. */
#ifndef MTUSCOPE_ECS_INTERNAL_H
#define MTUSCOPE_ECS_INTERNAL_H

#include "json.h"
#include "sink.h"
#include "totals.h"

/* The fields that every record begins with; the message is at most `size` bytes. */
void ecs_common(struct json_writer *w, int64_t realtime_ms, const char *level, const char *message, size_t size);

/* The event object, left open for what a kind of record adds. */
void ecs_event_begin(struct json_writer *w, const char *kind, const char *dataset);

/* {"ip","port"}, or null if there is no address. */
void ecs_endpoint(struct json_writer *w, const char *key, const struct ip_endpoint *e, bool has_port);

/* "finding": {…} and its kin, everything of our own about a record: OCSF carries the same. */
void ecs_finding_object(struct json_writer *w, const struct finding *f);
void ecs_status_object(struct json_writer *w, const struct status *s);
void ecs_ptb_object(struct json_writer *w, const struct ptb *p);
void ecs_counters_object(struct json_writer *w, const struct snapshot *snap, const struct totals *t);

#endif
