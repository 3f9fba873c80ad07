// SPDX-License-Identifier: GPL-2.0-or-later
/* See queue.h. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int queue_init(struct queue *q, size_t cap)
{
	*q = (struct queue){ .bytes = malloc(cap), .cap = cap };
	return q->bytes ? 0 : -ENOMEM;
}

void queue_free(struct queue *q)
{
	free(q->bytes);
	*q = (struct queue){ 0 };
}

static void put(struct queue *q, const void *from, size_t n)
{
	size_t at = (q->head + q->used) % q->cap, first = n < q->cap - at ? n : q->cap - at;

	memcpy(q->bytes + at, from, first);
	memcpy(q->bytes, (const char *)from + first, n - first);
	q->used += n;
}

static void copy(const struct queue *q, size_t at, void *to, size_t n)
{
	size_t from = (q->head + at) % q->cap, first = n < q->cap - from ? n : q->cap - from;

	memcpy(to, q->bytes + from, first);
	memcpy((char *)to + first, q->bytes, n - first);
}

size_t queue_peek(const struct queue *q, size_t at, char *to)
{
	uint32_t n = 0;

	if (at >= q->used)
		return 0;
	copy(q, at, &n, sizeof(n));
	if (to)
		copy(q, at + sizeof(n), to, n);
	return n;
}

size_t queue_pop(struct queue *q, char *to)
{
	size_t n = queue_peek(q, 0, to);

	if (n) {
		q->head = (q->head + QUEUE_OVERHEAD + n) % q->cap;
		q->used -= QUEUE_OVERHEAD + n;
	}
	/* Begins anew, so that what mostly holds a few records does not in time touch all of its memory. */
	if (!q->used)
		q->head = 0;
	return n;
}

bool queue_has_room(const struct queue *q, size_t n)
{
	return q->cap - q->used >= QUEUE_OVERHEAD + n;
}

uint64_t queue_push(struct queue *q, const char *record, size_t n)
{
	uint32_t len = (uint32_t)n;
	uint64_t lost = 0;

	if (!n || n > q->cap - sizeof(len))
		return 1;
	while (!queue_has_room(q, n))
		lost += queue_pop(q, NULL) > 0;
	put(q, &len, sizeof(len));
	put(q, record, n);
	return lost;
}

uint64_t queue_clear(struct queue *q)
{
	uint64_t n = 0;

	while (queue_pop(q, NULL))
		n++;
	return n;
}
