// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Black holes on the way from the peer, which this end never sees: holes in streams, silence where something is due, and the gaps
 * in the peer's counters that go with them; and streams that merely end.
 */
#include <stdio.h>

#include "stalled_mail.h"

/* The peer may not pad as far as this end would; what arrives proves no more than its own size. */
static void test_proves_no_padding(void **state)
{
	struct wire_flow *web;

	(void)state;
	start_over(1500, "192.0.2.1");
	web = scene_flow(&s, "10.1.0.9");
	flow_hole(&s, web, 1448);
	for (int i = 0; i < 8 * SECOND; i++) {
		flow_receives(&s, other, 1432); /* from a host with the right MTU on a path of 1492 */
		flow_hears(&s, web);
		scene_tick(&s);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->direction, WIRE_RX);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 1492);
	assert_int_equal(scene_last(&s)->recommended_mtu, 1432);
}

/* This side has sent nothing on the connection, so how long its headers are is not known: 20 + 20, or time stamps as well. */
static void test_headers_not_known(void **state)
{
	struct wire_flow *web;

	(void)state;
	start_over(1430, "192.0.2.1");
	web = scene_flow(&s, "10.1.0.9");
	web->headers = 0;
	flow_hole(&s, web, 1430 - 52);
	for (int i = 0; i < 8 * SECOND; i++) {
		flow_receives(&s, other, 1300);
		flow_hears(&s, web);
		scene_tick(&s);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 1500);
}

/* The server's certificate never comes, its last, small segment does; the counters show what was lost. */
static void test_hole_with_gaps(void **state)
{
	struct scene_session *w = scene_session(&s, &s.peers[0]);
	struct wire_flow *tls;

	(void)state;
	s.flows_n = 0; /* no mail */
	tls = scene_flow(&s, "10.1.0.9");
	session_receives(&s, w, 20, 1500);
	scene_tick(&s);
	session_loses(w, 1);
	session_receives(&s, w, 1, 172);
	stall_from_peer(w, tls, 1500);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_int_equal(s.log[0].class, FINDING_PATH_BLACKHOLE);
	assert_bracket(&s.log[0], 1500, 8988, 1440);
	assert_int_equal(s.log[0].flows[0].source.port, 25);
	assert_int_equal(s.log[0].flows[0].destination.port, tls->local_port);
}

static struct scene_session *w;
static struct wire_flow *tcp, *ping;

/* A connection and a ping, and no mail. */
static void two_flows(void)
{
	s.flows_n = 0;
	w = scene_session(&s, &s.peers[0]);
	tcp = scene_flow(&s, "10.1.0.9");
	ping = scene_ping(&s, "10.1.0.9");
}

/*
 * The peer's sender loses a window and repeats itself in vain, with time-outs that double, while so many small packets
 * come a tick.
 */
static void repeats_in_vain(uint32_t under_way, int seconds, uint32_t small, int ping_every)
{
	session_loses(w, under_way);
	for (int i = 0; i < seconds * SECOND; i++) {
		session_receives(&s, w, small, 172);
		if (i % ping_every == 0)
			flow_delivers(&s, ping, 100);
		scene_tick(&s);
		if (i == 1 || i == 3 || i == 6 || i == 12 || i == 25 || i == 50)
			session_loses(w, 1);
	}
}

/* rx: nothing of the answer comes at all; that anything was lost shows in the counters of the pings beside it. */
static void test_silence_with_gaps(void **state)
{
	(void)state;
	two_flows();
	for (int i = 0; i < 10 * SECOND; i++) {
		session_receives(&s, w, 2, 172);
		flow_delivers(&s, ping, 100);
		scene_tick(&s);
	}
	flow_asks(&s, tcp, 400);
	repeats_in_vain(4, 6, 1, 1);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_int_equal(s.log[0].path_mtu_lower, 172);
	assert_int_equal(s.log[0].recommended_mtu, 1280);
	assert_int_equal(s.log[0].evidence[0].kind, EVIDENCE_TCP_SILENCE);
}

/*
 * Clients wait for servers that think, a call goes on, and the path begins to lose one packet in 25: of the gaps each client's flow
 * could claim some, but they are not where its server would have repeated itself, nor enough for all three.
 */
static void test_clients_wait_while_loss_rises(void **state)
{
	static const uint8_t lost[24] = { 1, 1, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0 };
	static const char *const servers[] = { "10.1.0.9", "10.1.0.10", "10.1.0.11" };
	struct wire_flow *flows[3];

	(void)state;
	two_flows();
	flow_receives(&s, tcp, 300);
	for (int i = 0; i < 3; i++)
		flows[i] = scene_flow(&s, servers[i]);
	for (int i = -20; i < 24; i++) { /* from when it begins to lose */
		session_receives(&s, w, 11, 172);
		if (i % SECOND == 0)
			flow_delivers(&s, ping, 100);
		for (int k = 0; k < 3; k++)
			if (i == 2 * k - 7)
				flow_asks(&s, flows[k], 400);
			else if (i < 2 * k - 7)
				flow_receives(&s, flows[k], 300);
		scene_tick(&s);
		if (i >= 0)
			session_loses(w, lost[i]);
	}
	assert_int_equal(s.opened, 0);
}

#define IDLE_CLIENTS 12

/* Connections that are used each ten seconds, on a path that loses one in 200 packets, and then one in 20. */
static bool idle_clients_alarm(uint64_t seed)
{
	struct wire_flow *flows[IDLE_CLIENTS];

	start_over(1440, "192.0.2.1");
	two_flows();
	for (int i = 0; i < IDLE_CLIENTS; i++) {
		char address[16];

		snprintf(address, sizeof(address), "10.1.0.%d", 20 + i);
		flows[i] = scene_flow(&s, address);
		flows[i]->flags &= ~WIRE_FLOW_SYN_TX;
	}
	for (int i = 0; i < 40 * SECOND; i++) {
		int asks = i % (10 * SECOND) / 3;

		for (int packet = 0; packet < 3; packet++) {
			if (random_true(&seed, i < 20 * SECOND ? 0.005 : 0.05))
				session_loses(w, 1);
			else
				session_receives(&s, w, 1, 172);
		}
		if (i % SECOND == 0)
			flow_delivers(&s, ping, 100);
		if (asks < IDLE_CLIENTS && i % 3 == 0)
			flow_receives(&s, flows[asks], 300);
		if (asks < IDLE_CLIENTS && i % 3 == 1)
			flow_delivers(&s, flows[asks], 300);
		scene_tick(&s);
	}
	return s.opened;
}

/* That all gaps are where one client would have repeated itself does occur. Once 14 of these were told. */
static void test_idle_clients_as_loss_rises(void **state)
{
	int alarms = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		alarms += idle_clients_alarm(seed);
	assert_in_range(alarms, 0, 1);
}

/* … right after a download that came whole, in the tick in which the next one was asked for. */
static void test_silence_after_a_download(void **state)
{
	(void)state;
	two_flows();
	session_receives(&s, w, 1, 172);
	scene_tick(&s);
	session_receives(&s, w, 1000, 1372);
	flow_asks(&s, tcp, 400);
	scene_tick(&s);
	repeats_in_vain(2, 6, 1, 1);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
}

/* A client connects, and its request, a whole window, never comes; nothing large did before. */
static void test_request_never_comes(void **state)
{
	(void)state;
	start_over(1440, "192.0.2.1");
	two_flows();
	tcp->flags &= ~WIRE_FLOW_SYN_TX;
	session_receives(&s, w, 2, 172);
	scene_tick(&s);
	repeats_in_vain(10, 20, 3, SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_int_equal(s.log[0].evidence[0].kind, EVIDENCE_TCP_SILENCE);
}

/* It has spoken, and was answered: what it says next, a window of it, never comes. */
static void client_has_spoken(void)
{
	start_over(1440, "192.0.2.1");
	two_flows();
	tcp->flags &= ~WIRE_FLOW_SYN_TX;
	for (int i = 0; i < 10 * SECOND; i++) {
		session_receives(&s, w, 2, 172);
		if (i == 9 * SECOND)
			flow_receives(&s, tcp, 150);
		if (i == 9 * SECOND + 1)
			flow_delivers(&s, tcp, 100);
		scene_tick(&s);
	}
}

static void test_a_dialogue_ends_in_an_upload(void **state)
{
	(void)state;
	client_has_spoken();
	repeats_in_vain(10, 20, 3, SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_int_equal(s.log[0].path_mtu_upper, 1500);
}

/* Or it is done, and the path fails for a while, once. */
static void test_a_dialogue_is_over(void **state)
{
	(void)state;
	client_has_spoken();
	session_loses(w, 30);
	scene_ticks(&s, 3 * SECOND);
	for (int i = 0; i < 20 * SECOND; i++) {
		session_receives(&s, w, 2, 172);
		flow_delivers(&s, ping, 100);
		scene_tick(&s);
		if (i == SECOND)
			session_loses(w, 1);
	}
	assert_int_equal(s.opened, 0);
}

/* In full segments. */
static void download(void)
{
	two_flows();
	for (int i = 0; i < 10 * SECOND; i++) {
		session_receives(&s, w, 20, 8988);
		flow_receives(&s, tcp, 8920);
		tcp->rx_next = tcp->rx_end += 20 * 8868;
		flow_delivers(&s, ping, 100);
		scene_tick(&s);
	}
}

/*
 * A download whose path shrinks: nothing behind what vanishes is small enough to show the hole. What came last was not all,
 * unless the local side takes no more; a server that merely says nothing more is done.
 */
static void download_stops(uint16_t flags, uint32_t under_way)
{
	download();
	tcp->flags |= flags;
	repeats_in_vain(under_way, 20, 1, 1);
}

static void test_stops_midway(void **state)
{
	(void)state;
	download_stops(WIRE_FLOW_RX_MORE, 10);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_bracket(&s.log[0], 172, 8988, 1280);
	assert_int_equal(s.log[0].evidence[0].kind, EVIDENCE_TCP_SILENCE);
}

/* … while a large window was under way. */
static void test_stops_in_full_flight(void **state)
{
	(void)state;
	download_stops(WIRE_FLOW_RX_MORE, 300);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
}

static void test_stops_and_is_complete(void **state)
{
	(void)state;
	download_stops(0, 10);
	scene_assert_silent(&s);
}

/* Its client hangs up, for whatever reason; what is lost from then on is of others, and comes when its sender's repetitions would. */
static void test_loss_after_it_has_stopped(void **state)
{
	(void)state;
	download();
	tcp->flags |= WIRE_FLOW_RX_MORE;
	for (int i = 0; i < 7 * SECOND; i++) {
		session_receives(&s, w, 2, 172);
		flow_delivers(&s, ping, 100);
		scene_tick(&s);
	}
	tcp->last_tx_ms = s.clock_ms;
	tcp->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET | WIRE_FLOW_ABORTED;
	repeats_in_vain(0, 20, 1, 1);
	scene_assert_silent(&s);
}

static void test_stops_as_nobody_reads(void **state)
{
	(void)state;
	download_stops(WIRE_FLOW_RX_MORE | WIRE_FLOW_RX_SHUT, 10);
	scene_assert_silent(&s);
}

/*
 * Clients that hang up after two seconds: what is missing never came, though they answer what still comes after it with a
 * reset that acknowledges nothing.
 */
static void clients_hang_up(int attempts)
{
	while (attempts--) {
		struct wire_flow *f = scene_flow(&s, "10.1.0.9");

		session_loses(w, 1);
		flow_hole(&s, f, 1368);
		for (int tick = 0; tick < 2 * SECOND; tick++) {
			session_receives(&s, w, 2, 172);
			if (tick == 1 || tick == 3 || tick == 6)
				session_loses(w, 1);
			scene_tick(&s);
		}
		f->last_rx_ms = s.clock_ms;
		f->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
	}
}

static void test_clients_that_hang_up(void **state)
{
	(void)state;
	start_over(1420, "192.0.2.1");
	s.flows_n = 0; /* no mail */
	w = scene_session(&s, &s.peers[0]);
	session_receives(&s, w, 20, 172);
	clients_hang_up(8);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_bracket(&s.log[0], 172, 1484, 1280);
}

/* What the hole from the peer takes is no loss that would take as much on the way to it: that way has one as well. */
static void test_the_other_way_as_well(void **state)
{
	struct wire_flow *echo;

	(void)state;
	start_over(1420, "192.0.2.1");
	s.flows_n = 0;
	w = scene_session(&s, &s.peers[0]);
	session_receives(&s, w, 20, 172);
	clients_hang_up(8);
	assert_int_equal(s.opened, 1);
	for (int i = 0; i < 20 * SECOND; i++) {
		session_receives(&s, w, i % SECOND == 0, 172);
		scene_tick(&s);
	}
	mail = scene_flow(&s, "10.1.0.9");
	echo = scene_ping(&s, "10.1.0.9");
	for (int i = 0; i < 5 * SECOND; i++) {
		session_receives(&s, w, i % SECOND == 0, 172);
		scene_stall(&s, mail, 1420, i % SECOND ? NULL : echo, 1);
	}
	assert_int_equal(s.opened, 2);
	assert_int_equal(scene_last(&s)->direction, WIRE_TX);
}

/* What a sender does that looks for holes itself (RFC 4821). */
struct probing_sender {
	bool loses;    /* its tries leave gaps in the peer's counters */
	bool smaller;  /* it goes over to smaller segments */
	int heard;     /* every so many ticks a ping is answered meanwhile; 0: none is */
	uint32_t more; /* small packets of others are lost as well, so many a second */
};

/* The next answer's first window is lost, and repeated in vain three times; the fourth repetition comes. */
static void answer_interrupted(const struct probing_sender *p)
{
	flow_asks(&s, tcp, 400);
	for (int i = 0; i < 13; i++) {
		if (p->loses && (i == 0 || i == 1 || i == 3 || i == 6))
			session_loses(w, i ? 1 : 10);
		if (p->heard && i % p->heard == p->heard - 1) {
			session_receives(&s, w, 1, 172);
			flow_delivers(&s, ping, 100);
		}
		if (i % SECOND == 0)
			session_loses(w, p->more);
		scene_tick(&s);
	}
	tcp->flags &= ~WIRE_FLOW_TX_REQUEST;
	if (p->smaller)
		tcp->rx_cut_inner = 1076;
	for (int i = 0; i < 5 * SECOND; i++) {
		session_receives(&s, w, 20, p->smaller ? 1148 : 8988);
		flow_receives(&s, tcp, p->smaller ? 1076 : 8920);
		tcp->rx_next = tcp->rx_end += 20 * 1024;
		flow_delivers(&s, ping, 100);
		scene_tick(&s);
	}
}

/* … of a connection whose answers came in full until then. */
static void size_given_up(struct probing_sender p, int times)
{
	download();
	tcp->rx_cut_inner = 8920;
	while (times--) {
		answer_interrupted(&p);
		if (!times)
			break;
		tcp = scene_flow(&s, "10.1.0.9");
		tcp->rx_cut_inner = 8920;
	}
}

static void test_sender_that_goes_over_to_less(void **state)
{
	(void)state;
	size_given_up((struct probing_sender){ .loses = true, .smaller = true, .heard = 2 }, 1);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_bracket(&s.log[0], 1148, 8988, 1280);
}

/* One outage would do the same to a connection alone; not twice, and in between all was well. */
static void test_sender_that_goes_over_to_less_alone(void **state)
{
	(void)state;
	size_given_up((struct probing_sender){ .loses = true, .smaller = true }, 1);
	scene_assert_silent(&s);
}

static void test_sender_that_goes_on_as_before(void **state)
{
	(void)state;
	size_given_up((struct probing_sender){ .loses = true, .heard = 2 }, 1);
	scene_assert_silent(&s);
}

/* A server was cut off: of what it repeated nothing came so far as to be missed. */
static void test_server_that_was_cut_off(void **state)
{
	(void)state;
	size_given_up((struct probing_sender){ .smaller = true, .heard = 2 }, 2);
	scene_assert_silent(&s);
}

/* … while others lose some of theirs. */
static void test_server_that_was_cut_off_at_loss(void **state)
{
	(void)state;
	size_given_up((struct probing_sender){ .smaller = true, .heard = 2, .more = 1 }, 1);
	scene_assert_silent(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_proves_no_padding),
		stalled_mail_test(test_headers_not_known),
		stalled_mail_test(test_hole_with_gaps),
		stalled_mail_test(test_silence_with_gaps),
		stalled_mail_test(test_clients_wait_while_loss_rises),
		stalled_mail_test(test_idle_clients_as_loss_rises),
		stalled_mail_test(test_silence_after_a_download),
		stalled_mail_test(test_request_never_comes),
		stalled_mail_test(test_a_dialogue_ends_in_an_upload),
		stalled_mail_test(test_a_dialogue_is_over),
		stalled_mail_test(test_stops_midway),
		stalled_mail_test(test_stops_in_full_flight),
		stalled_mail_test(test_stops_and_is_complete),
		stalled_mail_test(test_loss_after_it_has_stopped),
		stalled_mail_test(test_stops_as_nobody_reads),
		stalled_mail_test(test_clients_that_hang_up),
		stalled_mail_test(test_the_other_way_as_well),
		stalled_mail_test(test_sender_that_goes_over_to_less),
		stalled_mail_test(test_sender_that_goes_over_to_less_alone),
		stalled_mail_test(test_sender_that_goes_on_as_before),
		stalled_mail_test(test_server_that_was_cut_off),
		stalled_mail_test(test_server_that_was_cut_off_at_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
