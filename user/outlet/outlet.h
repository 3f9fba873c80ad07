/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An outlet takes records to where they are read: a file, journald, a syslog server. It never blocks: what the receiver
 * does not take waits in a bounded queue, whose oldest records give way and are counted, and a receiver that has gone is
 * tried again with growing pauses. Called by the reporter, at least once a tick.
 */
#ifndef MTUSCOPE_OUTLET_H
#define MTUSCOPE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct outlet;

/* The kinds, made from outlets.def. */
enum outlet_kind {
#define OUTLET(id, format) OUTLET_##id,
#include "outlets.def"
#undef OUTLET
	OUTLET_KINDS,
};

struct outlet_counts {
	uint64_t sent, lost; /* records; over TCP those are sent that the other end's kernel has acknowledged */
};

/* --syslog's argument: local, unix:PATH, udp:HOST[:PORT], tcp:HOST[:PORT]. False if it is none of these. */
bool outlet_syslog_kind(const char *text, enum outlet_kind *kind);

/* The format that this kind of receiver reads, NULL: any. */
const char *outlet_format(enum outlet_kind kind);

/* target: a path or an address; NULL for standard output and journald. NULL on error, with errno. */
struct outlet *outlet_open(enum outlet_kind kind, const char *target);

/* Whether it was opened so. */
bool outlet_is(const struct outlet *o, enum outlet_kind kind, const char *target);

/* Gives a file to the user that will have to open it again. 0 or -errno. */
int outlet_own(struct outlet *o, uid_t uid, gid_t gid);

/*
 * Hands over a record of n bytes, its newline last; and goes on with what waits. now_ms: of any clock that goes on, for pauses
 * and time-outs.
 */
void outlet_send(struct outlet *o, const char *record, size_t n, uint64_t now_ms);
void outlet_pump(struct outlet *o, uint64_t now_ms);

/* After a file was moved away: opens its name again. On error the old one stays: -errno. */
int outlet_reopen(struct outlet *o);

struct outlet_counts outlet_counts(const struct outlet *o);

/* True if records wait to be sent, or the receiver is not there. */
bool outlet_is_behind(const struct outlet *o);

/* Sends what can be sent at once and counts the rest as lost. */
void outlet_finish(struct outlet *o, uint64_t now_ms);

/* NULL is allowed. */
void outlet_close(struct outlet *o);

#endif
