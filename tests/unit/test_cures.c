/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cures, and what is none: an MTU made smaller at this end, at the peer's, or of the peer's route alone, ends a finding when
 * traffic shows that it does, and not where packets go on vanishing.
 */
#include <string.h>
#include <sys/socket.h>

#include "stalled_mail.h"

#define HOST	    "10.1.0.9"
#define OTHER_HOST  "10.1.0.8"
#define PATH_MTU    1500
#define CURE	    (PATH_MTU - 60)
#define TOO_LITTLE  2000
#define RESOLVES_S  10 /* so long after the cure at most */
#define FLOWS_FOR_S 30

static struct scene_session *w;
static struct wire_flow *tls;

/* A finding about packets from the peer: a hole in a stream, repetitions in vain that leave gaps, and small packets. */
static void open_rx(void)
{
	s.flows_n = 0; /* no mail */
	w = scene_session(&s, &s.peers[0]);
	tls = scene_flow(&s, HOST);
	session_receives(&s, w, 20, 1272);
	scene_tick(&s);
	session_loses(w, 1);
	stall_from_peer(w, tls, 1272);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_int_equal(s.log[0].path_mtu_upper, 8988);
	tls->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
	scene_ticks(&s, SECOND);
}

/* Transfers from a host for that long, in packets that it cuts to that size; so many packets are lost each second. */
static void transfers(struct wire_flow *f, int seconds, uint16_t inner, uint32_t lost)
{
	for (int i = 0; i < seconds * SECOND; i++) {
		f->rx_cut_inner = inner;
		f->rx_next = f->rx_end += 10 * (inner - SCENE_ACK_INNER);
		flow_receives(&s, f, inner);
		if (i % SECOND == 0)
			session_loses(w, lost);
		session_receives(&s, w, 10, inner + 60);
		scene_tick(&s);
	}
}

/* A transfer from this side, on a connection that announces that MTU, in full packets, which arrive. */
static void sends(const char *host, uint16_t mtu, uint16_t mss_remote, int seconds)
{
	struct wire_flow *f = scene_flow(&s, host);

	f->mss_local = mtu - 40;
	f->mss_remote = mss_remote;
	for (int i = 0; i < seconds * SECOND; i++) {
		flow_delivers(&s, f, f->mss_local < mss_remote ? mtu : mss_remote + 40);
		scene_tick(&s);
	}
}

/* What the peer's hosts send is limited there, and neither end of a connection announces less. */
static void test_the_peer_alone_lowers_its_mtu(void **state)
{
	(void)state;
	open_rx();
	transfers(scene_flow(&s, HOST), RESOLVES_S, CURE, 0);
	assert_int_equal(s.resolved, 1);
}

/* Its own sockets announce it, too. */
static void test_the_peer_alone_announces_less(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	f = scene_flow(&s, HOST);
	f->mss_remote = CURE - 40;
	transfers(f, RESOLVES_S, CURE, 0);
	assert_int_equal(s.resolved, 1);
}

/* A clamp between the two: the connection is limited to less than senders that look for the path's MTU begin with. */
static void test_a_clamp_to_little(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	f = scene_flow(&s, HOST);
	f->mss_remote = 1240 - 40;
	transfers(f, RESOLVES_S, 1240, 0);
	assert_int_equal(s.resolved, 1);
}

/* … at this end, whose host gave up nothing: its old connections are tried now and then, though nobody waits for them any more. */
static void test_a_clamp_to_little_here(void **state)
{
	(void)state;
	open_finding();
	sends(HOST, 1240, 8880, RESOLVES_S);
	assert_int_equal(s.resolved, 1);
	flow_tries(&s, mail, 8920);
	scene_ticks(&s, FLOWS_FOR_S * SECOND);
	assert_int_equal(s.opened, 1);
}

/* A stalled connection that is not given up goes on, in smaller packets, beside one that has stalled as long and waits yet. */
static void test_a_stalled_connection_goes_on(void **state)
{
	struct wire_flow *stuck;

	(void)state;
	open_rx();
	stuck = scene_flow(&s, HOST);
	flow_asks(&s, stuck, 400);
	flow_hole(&s, stuck, 8868);
	transfers(tls, RESOLVES_S, CURE, 0);
	assert_int_equal(s.resolved, 1);
}

/* Another host's link is no larger than that, and always was: its packets say nothing. */
static void test_a_host_that_never_sent_larger_ones(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	f = scene_flow(&s, OTHER_HOST);
	f->mss_remote = 1400 - 40;
	transfers(f, FLOWS_FOR_S, 1400, 0);
	assert_int_equal(s.resolved, 0);
}

/* Another host is asked for less, as it may always have been. */
static void test_a_connection_that_was_asked_for_less(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	f = scene_flow(&s, OTHER_HOST);
	f->mss_local = CURE - 40;
	f->mss_remote = 8880;
	transfers(f, FLOWS_FOR_S, CURE, 0);
	assert_int_equal(s.resolved, 0);
}

/* The same two hosts' next connection is asked for less, by a clamp: that binds TCP alone. */
static void test_a_clamp_of_what_is_asked_for(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	f = scene_flow(&s, HOST);
	f->mss_local = CURE - 40;
	f->mss_remote = 8880;
	transfers(f, FLOWS_FOR_S, CURE, 1);
	assert_int_equal(s.resolved, 0);
	transfers(f, RESOLVES_S, CURE, 0);
	assert_int_equal(s.resolved, 1);
}

/* A connection from before the clamp is not bound by it, and stalls once more. */
static void test_a_connection_from_before_the_clamp(void **state)
{
	struct wire_flow *old, *f;

	(void)state;
	open_rx();
	old = scene_flow(&s, HOST);
	for (int i = 0; i < 70 * SECOND; i++) {
		session_receives(&s, w, 3, 172);
		scene_tick(&s);
	}
	f = scene_flow(&s, HOST);
	f->mss_local = CURE - 40;
	f->mss_remote = 8880;
	transfers(f, 1, CURE, 0);
	stall_from_peer(w, old, 1272);
	old->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
	transfers(f, RESOLVES_S, CURE, 0);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.resolved, 1);
}

/* A sender that finds out for itself (RFC 4821) begins with little: the next connection will stall as this one did. */
static void test_a_sender_that_has_given_up(void **state)
{
	(void)state;
	open_rx();
	transfers(scene_flow(&s, HOST), FLOWS_FOR_S, 1240, 0);
	assert_int_equal(s.resolved, 0);
}

/* TCP is told of a smaller MTU there, datagrams vanish as before; until they do no more. */
static void test_datagrams_go_on_vanishing(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	f = scene_flow(&s, HOST);
	transfers(f, FLOWS_FOR_S, CURE, 1);
	assert_int_equal(s.resolved, 0);
	transfers(f, RESOLVES_S, CURE, 0);
	assert_int_equal(s.resolved, 1);
}

static void test_this_end_alone_lowers_its_mtu(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_rx();
	s.links[1].mtu = CURE;
	f = scene_flow(&s, HOST);
	transfers(f, FLOWS_FOR_S, CURE, 1);
	assert_int_equal(s.resolved, 0);
	transfers(f, RESOLVES_S, CURE, 0);
	assert_int_equal(s.resolved, 1);
}

/* Small packets flow in any hole. */
static void test_small_packets_do_not_show_that_much_passes(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = TOO_LITTLE;
	for (int i = 0; i < FLOWS_FOR_S * SECOND; i++) {
		flow_delivers(&s, other, 1440);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
	flow_delivers(&s, other, TOO_LITTLE);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

/* Whether the path takes what the tunnel allows now is as well known from a packet that went before the change was noticed. */
static void test_packets_of_the_moment_of_the_change(void **state)
{
	(void)state;
	open_finding();
	give_up();
	flow_delivers(&s, other, TOO_LITTLE);
	scene_tick(&s);
	s.links[1].mtu = TOO_LITTLE;
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

/* The gateway's own sockets are told of the route's MTU by no message: they announce it. What they gave up for it is history. */
static void test_route_for_own_sockets(void **state)
{
	(void)state;
	open_finding();
	flow_tries(&s, mail, CURE);
	flow_answered(&s, mail);
	scene_tick(&s);
	sends(HOST, CURE, 8880, RESOLVES_S);
	assert_int_equal(s.resolved, 1);
}

/* … of whose packets nothing is known to arrive as long as there are only small ones. */
static void test_route_lowered_too_little(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_finding();
	give_up();
	f = scene_flow(&s, HOST);
	f->mss_local = TOO_LITTLE - 40;
	for (int i = 0; i < FLOWS_FOR_S * SECOND; i++) {
		flow_delivers(&s, f, 1400);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
}

/* The other side asks for no more: one that never took more says nothing, that of the stalled connection did. */
static void test_remote_side_that_announces_less(void **state)
{
	(void)state;
	open_finding();
	give_up();
	sends(OTHER_HOST, 8920, CURE - 40, FLOWS_FOR_S);
	assert_int_equal(s.resolved, 0);
	sends(HOST, 8920, CURE - 40, RESOLVES_S);
	assert_int_equal(s.resolved, 1);
}

/* … and binds no datagrams: as large ones as vanish are sent until they are no more. */
static void test_datagrams_are_still_sent(void **state)
{
	struct wire_flow *f;

	(void)state;
	open_finding();
	give_up();
	w = scene_session(&s, &s.peers[0]);
	w->key.direction = WIRE_TX;
	w->value.size_outer = 8980;
	f = scene_flow(&s, HOST);
	f->mss_local = 8880;
	f->mss_remote = CURE - 40;
	for (int i = 0; i < 2 * FLOWS_FOR_S * SECOND; i++) {
		if (i == FLOWS_FOR_S * SECOND)
			assert_int_equal(s.resolved, 0);
		if (i < FLOWS_FOR_S * SECOND && i % SECOND == 0)
			w->value.size_ms = s.clock_ms;
		flow_delivers(&s, f, CURE);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_the_peer_alone_lowers_its_mtu),
		stalled_mail_test(test_the_peer_alone_announces_less),
		stalled_mail_test(test_a_clamp_to_little),
		stalled_mail_test(test_a_clamp_to_little_here),
		stalled_mail_test(test_a_stalled_connection_goes_on),
		stalled_mail_test(test_a_host_that_never_sent_larger_ones),
		stalled_mail_test(test_a_connection_that_was_asked_for_less),
		stalled_mail_test(test_a_clamp_of_what_is_asked_for),
		stalled_mail_test(test_a_connection_from_before_the_clamp),
		stalled_mail_test(test_a_sender_that_has_given_up),
		stalled_mail_test(test_datagrams_go_on_vanishing),
		stalled_mail_test(test_this_end_alone_lowers_its_mtu),
		stalled_mail_test(test_route_for_own_sockets),
		stalled_mail_test(test_route_lowered_too_little),
		stalled_mail_test(test_remote_side_that_announces_less),
		stalled_mail_test(test_datagrams_are_still_sent),
		stalled_mail_test(test_small_packets_do_not_show_that_much_passes),
		stalled_mail_test(test_packets_of_the_moment_of_the_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
