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

/* to NULL: only drops them. */
static void get(struct queue *q, void *to, size_t n)
{
	size_t first = n < q->cap - q->head ? n : q->cap - q->head;

	if (to) {
		memcpy(to, q->bytes + q->head, first);
		memcpy((char *)to + first, q->bytes, n - first);
	}
	q->head = (q->head + n) % q->cap;
	q->used -= n;
}

size_t queue_pop(struct queue *q, char *to)
{
	uint32_t n = 0;

	if (!q->used)
		return 0;
	get(q, &n, sizeof(n));
	get(q, to, n);
	return n;
}

uint64_t queue_push(struct queue *q, const char *record, size_t n)
{
	uint32_t len = (uint32_t)n;
	uint64_t lost = 0;

	if (!n || n > q->cap - sizeof(len))
		return 1;
	while (q->cap - q->used < n + sizeof(len))
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
