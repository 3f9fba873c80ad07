/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks, for the edges; the core gets its times in snapshots. */
#ifndef MTUSCOPE_CLOCK_H
#define MTUSCOPE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of that clock: CLOCK_REALTIME since 1970, CLOCK_MONOTONIC since some time before the start. */
static inline int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
