/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One session of a peer's with this machine, for the tests of WireGuard's data messages, each of which has its own. */
#ifndef TESTS_BPF_SESSION_H
#define TESTS_BPF_SESSION_H

#include "harness.h"

#define INDEX 0xc0ffee01u

static struct frame f;

static const struct ip in = { .tx = false, .local = 7, .remote = 8 };

static inline void receive(struct harness *h, uint64_t counter)
{
	frame_wg(&f, &in, &(struct wg){ .index = INDEX, .counter = counter, .inner = 1000 });
	run(h, UND_RX, &f);
}

static inline struct wire_session session(struct harness *h)
{
	struct wire_session_key key;
	struct wire_session s;

	assert_int_equal(sessions_n(h), 1);
	assert_true(session_find(h, WIRE_RX, INDEX, &key, &s));
	return s;
}

static inline int64_t lost(struct harness *h)
{
	struct wire_session s = session(h);

	return s.counter_max - s.counter_first + 1 - s.received;
}

#endif
