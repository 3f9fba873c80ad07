// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests of user/core/detect/peer_unreachable.c, and of what a forged message makes the kernel believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include "snapshots.h"

#define MTU   1420
#define NEVER 0

static struct scene scene;
static uint64_t counted;	/* by the kernel, of what happens */
static struct wire_flow *sends; /* so long somebody sends to the peer, who does not answer */

static int start(void **state)
{
	(void)state;
	scene_start(&scene, MTU);
	scene_peer(&scene, 1, "192.0.2.1", "10.1.0.0");
	counted = 0;
	sends = scene_ping(&scene, "10.1.0.9");
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&scene);
	return 0;
}

/* So many seconds in which something about the peer's endpoint happens now and then. */
static void happens(enum wire_tally_kind kind, uint16_t aux, int seconds, int every)
{
	const struct ip_endpoint *endpoint = &scene.peers[0].endpoint;
	struct tally t = { .key = { .kind = kind, .aux = aux, .family = AF_INET, .port = endpoint->port } };

	memcpy(t.key.remote, endpoint->ip.bytes, 16);
	for (int i = 0; i < seconds * SECOND; i++) {
		counted += every != NEVER && i % every == 0;
		t.value.count = counted;
		if (sends && i % SECOND == 0)
			flow_tries(&scene, sends, 84);
		scene_tick_tallies(&scene, &t, 1);
	}
}

static void answered(void)
{
	scene.peers[0].last_handshake_s = scene_realtime_s(scene.clock_ms) + 1;
}

static void is_found(void)
{
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PEER_UNREACHABLE);
}

static void test_handshakes_are_not_answered(void **state)
{
	(void)state;
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 19, 5 * SECOND);
	scene_assert_silent(&scene);
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 3, 5 * SECOND);
	is_found();
}

/* They are made, and never leave: this host's own firewall, nobody answers to ARP, a route back into the tunnel. */
static void test_handshakes_do_not_leave(void **state)
{
	(void)state;
	happens(WIRE_TALLY_HANDSHAKE_MADE, 0, 22, 5 * SECOND);
	is_found();
}

/* A peer that is switched off: WireGuard asks about the last packet for it, and then gives up. */
static void test_nobody_wants_it(void **state)
{
	(void)state;
	sends = NULL;
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 104, 5 * SECOND);
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 60, NEVER);
	scene_assert_silent(&scene);
}

/* Whatever it is that keeps WireGuard at it: UDP is not followed. */
static void test_somebody_wants_it(void **state)
{
	(void)state;
	sends = NULL;
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 112, 5 * SECOND);
	is_found();
}

/* The tunnel is to be kept up. */
static void test_keep_alives_want_it(void **state)
{
	(void)state;
	sends = NULL;
	scene.peers[0].keepalive_s = 25;
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 22, 5 * SECOND);
	is_found();
}

/* The answers to the peer's handshakes do not arrive: it asks again and again. */
static void test_the_peer_wants(void **state)
{
	const struct ip_endpoint *endpoint = &scene.peers[0].endpoint;
	struct tally t[2] = {
		{ .key = { .kind = WIRE_TALLY_HANDSHAKE_RX, .aux = 1, .family = AF_INET, .port = endpoint->port } },
		{ .key = { .kind = WIRE_TALLY_HANDSHAKE_MADE, .family = AF_INET, .port = endpoint->port } },
	};

	(void)state;
	memcpy(t[0].key.remote, endpoint->ip.bytes, 16);
	memcpy(t[1].key.remote, endpoint->ip.bytes, 16);
	for (int i = 0; i < 22 * SECOND; i++) {
		t[0].value.count += i % (5 * SECOND) == 0;
		t[1].value.count += i % (5 * SECOND) == 0;
		scene_tick_tallies(&scene, t, 2);
	}
	is_found();
}

/* A new session is late, and the one that there is still serves. */
static void test_rekey_among_losses(void **state)
{
	struct scene_session *w = scene_session(&scene, &scene.peers[0]);

	(void)state;
	for (int i = 0; i < 8; i++) {
		happens(WIRE_TALLY_HANDSHAKE_TX, 1, 5, 5 * SECOND);
		session_receives(&scene, w, 1, 172);
	}
	scene_assert_silent(&scene);
}

/* A peer that begins anew again and again. */
static void test_handshake_storm(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		happens(WIRE_TALLY_HANDSHAKE_MADE, 0, 1, 1);
		answered();
	}
	scene_assert_silent(&scene);
}

/* The peer goes soon after an outage or a storm: its handshakes in vain are one run with those that were not. */
static void test_after_it_was_heard(void **state)
{
	(void)state;
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 10, 5 * SECOND);
	answered();
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 15, 5 * SECOND);
	scene_assert_silent(&scene);
	happens(WIRE_TALLY_HANDSHAKE_TX, 1, 10, 5 * SECOND);
	is_found();
}

/* No route, or a firewall of this host's own: not even a handshake leaves. */
static void test_nothing_can_be_sent(void **state)
{
	(void)state;
	happens(WIRE_TALLY_SEND_ERROR, ENETUNREACH, 12, 5 * SECOND);
	is_found();
	assert_non_null(strstr(scene.log[0].message, "no way to its endpoint"));
}

/* A link that is down for a moment, however much is sent meanwhile. */
static void test_for_a_moment(void **state)
{
	(void)state;
	happens(WIRE_TALLY_SEND_ERROR, ENETDOWN, 6, 1);
	scene_ticks(&scene, MINUTE);
	assert_int_equal(scene.log_n, 0);
}

/* Large packets only: the peer is heard. */
static void test_what_cannot_be_sent_is_large(void **state)
{
	struct scene_session *w = scene_session(&scene, &scene.peers[0]);

	(void)state;
	for (int i = 0; i < 12; i++) {
		happens(WIRE_TALLY_SEND_ERROR, EPERM, 1, 1);
		session_receives(&scene, w, 1, 172);
	}
	assert_int_equal(scene.log_n, 0);
}

/* The kernel believes what somebody has made up; no finding rests on it. */
static void test_forged_path_mtu(void **state)
{
	(void)state;
	scene.peers[0].learned_mtu = 552;
	scene_ticks(&scene, 10 * SECOND);
	assert_int_equal(scene.log_n, 0);
	scene.peers[0].learned_mtu = 1400;
	scene_ticks(&scene, SECOND);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_TUNNEL_MTU_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_handshakes_are_not_answered, start, end),
		cmocka_unit_test_setup_teardown(test_handshakes_do_not_leave, start, end),
		cmocka_unit_test_setup_teardown(test_nobody_wants_it, start, end),
		cmocka_unit_test_setup_teardown(test_somebody_wants_it, start, end),
		cmocka_unit_test_setup_teardown(test_keep_alives_want_it, start, end),
		cmocka_unit_test_setup_teardown(test_the_peer_wants, start, end),
		cmocka_unit_test_setup_teardown(test_rekey_among_losses, start, end),
		cmocka_unit_test_setup_teardown(test_handshake_storm, start, end),
		cmocka_unit_test_setup_teardown(test_after_it_was_heard, start, end),
		cmocka_unit_test_setup_teardown(test_nothing_can_be_sent, start, end),
		cmocka_unit_test_setup_teardown(test_for_a_moment, start, end),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_sent_is_large, start, end),
		cmocka_unit_test_setup_teardown(test_forged_path_mtu, start, end),
	};

	return cmocka_run_group_tests_name("peer-unreachable", tests, NULL, NULL);
}
