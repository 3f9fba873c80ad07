/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records that a TCP connection has been given and its other end has not acknowledged: when the connection breaks they are
 * sent again over the next one. What the other end's kernel has acknowledged and its program not read by then is beyond
 * anybody's knowledge. Called by outlet.c.
 */
#ifndef MTUSCOPE_FLIGHT_H
#define MTUSCOPE_FLIGHT_H

#include <stdbool.h>

#include "queue.h"

struct flight {
	struct queue records; /* from the oldest not acknowledged */
	size_t at;	      /* where in it the first is that this connection has not been given */
	uint64_t gone;	      /* bytes that this connection was given and are acknowledged */
};

int flight_init(struct flight *f, size_t cap); /* 0 or -ENOMEM */
void flight_free(struct flight *f);

bool flight_has_room(const struct flight *f, size_t n);

/* The record is being given to the connection; there is room for it. */
void flight_add(struct flight *f, const char *record, size_t n);

/* Takes the next record of a former connection: its length, 0 if there is none. It is being given to this one. */
size_t flight_again(struct flight *f, char *to);

/* The connection has taken `written` bytes. Returns how many records are newly acknowledged. */
uint64_t flight_acknowledged(struct flight *f, int fd, uint64_t written);

/* The connection is no more. */
void flight_broken(struct flight *f);

/* How many records the connection is being given or was given, and are not acknowledged. */
uint64_t flight_given(const struct flight *f);

/* Drops all, returns their number. */
uint64_t flight_clear(struct flight *f);

#endif
