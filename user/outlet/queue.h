/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded queue of records: when it is full the oldest give way. Holds bytes, does no I/O. */
#ifndef MTUSCOPE_QUEUE_H
#define MTUSCOPE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_OVERHEAD sizeof(uint32_t) /* a record's length, before it */

struct queue {
	char *bytes; /* a ring; each record after its length */
	size_t cap, head, used;
};

int queue_init(struct queue *q, size_t cap); /* 0 or -ENOMEM */
void queue_free(struct queue *q);

/* Returns how many records gave way, the new one among them if it alone is too long. */
uint64_t queue_push(struct queue *q, const char *record, size_t n);

bool queue_has_room(const struct queue *q, size_t n);

/* Takes the oldest record out: its length, 0 if there is none. `to` has room for the longest ever pushed, or is NULL. */
size_t queue_pop(struct queue *q, char *to);

/* The same of the record that begins `at` bytes after the oldest, which stays. */
size_t queue_peek(const struct queue *q, size_t at, char *to);

/* Drops all, returns their number. */
uint64_t queue_clear(struct queue *q);

#endif
