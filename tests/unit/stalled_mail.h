/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scene that most stories of black holes begin with: a tunnel of 8920 bytes, one peer, a mail to a host behind it, and
 * another connection to the same host. For the tests of tests/unit/ that tell such stories, each of which has its own.
 */
#ifndef MTUSCOPE_TEST_STALLED_MAIL_H
#define MTUSCOPE_TEST_STALLED_MAIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshots.h"

static struct scene s;
static struct wire_flow *mail, *other;

static inline void begin(uint32_t mtu, const char *endpoint)
{
	scene_start(&s, mtu);
	scene_peer(&s, 'A', endpoint, "10.1.0.0");
	mail = scene_flow(&s, "10.1.0.9");
	other = scene_flow(&s, "10.1.0.9");
}

static inline int start(void **state)
{
	(void)state;
	begin(8920, "192.0.2.1");
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

/* The same anew, with another MTU of the tunnel or from another endpoint. */
static inline void start_over(uint32_t mtu, const char *endpoint)
{
	scene_end(&s);
	begin(mtu, endpoint);
}

/* From the peer: a hole in a stream, repetitions in vain that leave gaps, and packets of `outer` bytes that come beside. */
static inline void stall_from_peer(struct scene_session *session, struct wire_flow *f, uint32_t outer)
{
	flow_asks(&s, f, 400);
	flow_hole(&s, f, 8868);
	for (int i = 0; i < 4 * SECOND; i++) {
		scene_tick(&s);
		if (i % 3 == 0)
			session_loses(session, 1);
		session_receives(&s, session, 1, outer);
		flow_hears(&s, f);
	}
}

/* A finding_fn: into the scene's log, as the findings of a step go. */
static inline void collect(const struct finding *f, void *arg)
{
	(void)arg;
	assert_true(s.log_n < SCENE_LOG);
	s.log[s.log_n++] = *f;
}

static inline void assert_bracket(const struct finding *f, uint32_t lower, uint32_t upper, uint32_t recommended)
{
	assert_int_equal(f->path_mtu_lower, lower);
	assert_int_equal(f->path_mtu_upper, upper);
	assert_int_equal(f->recommended_mtu, recommended);
	assert_false(f->path_mtu_exact);
}

/* Stalls the mail until the finding is open. */
static inline void open_finding(void)
{
	size_t opened = s.opened;

	scene_stall(&s, mail, 8920, other, 5 * SECOND);
	assert_int_equal(s.opened, opened + 1);
}

/* The sender has given up and closed; what remains in the table is a flow that is over. */
static inline void give_up(void)
{
	mail->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
}

/* A test that begins with that scene. */
#define stalled_mail_test(test) cmocka_unit_test_setup_teardown(test, start, end)

#endif
