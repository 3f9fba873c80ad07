// SPDX-License-Identifier: GPL-2.0-or-later
/* From what the maps hold (wire.h) to what a snapshot holds: times made whole. Called by whoever copies the maps. */
#include <string.h>

#include "snapshot.h"

#define LONG_AGO_MS (1 << 30) /* twelve days: nobody asks for what is older */

/* The latest time with these low 32 bits that is not after `now`. */
static msec_t widen(msec_t ms, msec_t now)
{
	return ms ? now - (uint32_t)((uint32_t)now - ms) : 0;
}

/* The programs may write it meanwhile: what they write stays. */
static void age(uint32_t *ms, uint32_t now_ms)
{
	uint32_t seen = __atomic_load_n(ms, __ATOMIC_RELAXED);

	if (seen && (int32_t)(now_ms - seen) > LONG_AGO_MS)
		__atomic_compare_exchange_n(ms, &seen, (now_ms - LONG_AGO_MS) | 1, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

/* Padding is zero as well: a snapshot may go to a file. */
#define MEMBER(type, name)   to->name = from->name;
#define ARRAY(type, name, n) memcpy(to->name, from->name, sizeof(to->name));
#define TIME(name)	     to->name = widen(from->name, now);

void flow_widen(struct flow *to, const struct wire_flow *from, msec_t now)
{
	memset(to, 0, sizeof(*to));
#include "flow.def"
}

#undef MEMBER
#undef ARRAY
#undef TIME
#define MEMBER(type, name)
#define ARRAY(type, name, n)
#define TIME(name) age(&f->name, now_ms);

void flow_age(struct wire_flow *f, uint32_t now_ms)
{
#include "flow.def"
}

#undef MEMBER
#undef TIME
#define MEMBER(type, name) to->value.name = from->name;
#define TIME(name)	   to->value.name = widen(from->name, now);

void session_widen(struct session *to, const struct wire_session_key *key, const struct wire_session *from, msec_t now)
{
	memset(to, 0, sizeof(*to));
	to->key = *key;
#include "session.def"
}

void tally_widen(struct tally *to, const struct wire_tally_key *key, const struct wire_tally *from, msec_t now)
{
	memset(to, 0, sizeof(*to));
	to->key = *key;
#include "tally.def"
}
