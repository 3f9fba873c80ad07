// SPDX-License-Identifier: GPL-2.0-or-later
/* See flight.h. */
#include "flight.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

int flight_init(struct flight *f, size_t cap)
{
	*f = (struct flight){ 0 };
	return queue_init(&f->records, cap);
}

void flight_free(struct flight *f)
{
	queue_free(&f->records);
}

bool flight_has_room(const struct flight *f, size_t n)
{
	return queue_has_room(&f->records, n);
}

void flight_add(struct flight *f, const char *record, size_t n)
{
	queue_push(&f->records, record, n);
	f->at = f->records.used;
}

size_t flight_again(struct flight *f, char *to)
{
	size_t n = queue_peek(&f->records, f->at, to);

	f->at += n ? QUEUE_OVERHEAD + n : 0;
	return n;
}

uint64_t flight_acknowledged(struct flight *f, int fd, uint64_t written)
{
	uint64_t records = 0;
	int waiting;

	if (!f->at || ioctl(fd, SIOCOUTQ, &waiting) || waiting < 0)
		return 0;
	while (f->at) {
		size_t n = queue_peek(&f->records, 0, NULL);

		if (f->gone + n + (uint64_t)waiting > written)
			break;
		queue_pop(&f->records, NULL);
		f->at -= QUEUE_OVERHEAD + n;
		f->gone += n;
		records++;
	}
	return records;
}

void flight_broken(struct flight *f)
{
	f->at = 0;
	f->gone = 0;
}

uint64_t flight_given(const struct flight *f)
{
	uint64_t records = 0;

	for (size_t at = 0; at < f->at; records++)
		at += QUEUE_OVERHEAD + queue_peek(&f->records, at, NULL);
	return records;
}

uint64_t flight_clear(struct flight *f)
{
	flight_broken(f);
	return queue_clear(&f->records);
}
