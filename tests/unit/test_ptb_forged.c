// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests of user/core/detect/ptb_forged.c: too-big messages about nothing that was sent, and honest ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "snapshots.h"

#define MTU   1420
#define OUTER (MTU + 60)

static struct scene s;
static struct peer *peer;
static struct tally message;

static int start(void **state)
{
	(void)state;
	scene_start(&s, MTU);
	s.links[1].peers_n = 1;
	peer = scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

/* A message about a packet to that address comes by that link, and nothing else for a while. */
static void message_comes(bool inner, const uint8_t to[4], uint16_t port, uint16_t mtu)
{
	message = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_RX,
					   .aux = mtu,
					   .ifindex = s.links[inner].ifindex,
					   .tunnel = inner,
					   .family = AF_INET,
					   .port = port,
					   .reporter = { 198, 51, 100, 7 } },
				  .value.count = 1 };
	memcpy(message.key.remote, to, 4);
	scene_tick_tallies(&s, &message, 1);
}

static void time_passes(int ticks)
{
	for (int i = 0; i < ticks; i++)
		scene_tick_tallies(&s, &message, 1);
}

static void assert_forged(void)
{
	time_passes(SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, FINDING_PTB_FORGED);
}

static void assert_honest(void)
{
	time_passes(10 * SECOND);
	scene_assert_silent(&s);
}

static const uint8_t endpoint[4] = { 192, 0, 2, 1 }, elsewhere[4] = { 192, 0, 2, 99 };
static const uint8_t behind[4] = { 10, 1, 0, 9 }, nowhere[4] = { 10, 99, 0, 9 };

/* What goes to an endpoint, seen on the underlay. */
static struct scene_session *sends_to(const uint8_t to[4], uint16_t size)
{
	struct scene_session *w = scene_session(&s, peer);

	w->key.direction = WIRE_TX;
	memcpy(w->key.remote, to, 4);
	w->value.size_outer = size;
	w->value.size_ms = s.clock_ms;
	return w;
}

static void test_honest_router(void **state)
{
	(void)state;
	message_comes(false, endpoint, 51820, 1400);
	assert_honest();
}

static void test_absurd(void **state)
{
	(void)state;
	message_comes(false, endpoint, 51820, 68);
	assert_forged();
}

static void test_of_nobody(void **state)
{
	(void)state;
	message_comes(false, elsewhere, 51820, 1400);
	assert_forged();
}

/* The packets that it complains about are not so large. */
static void test_mtu_that_is_not_exceeded(void **state)
{
	(void)state;
	message_comes(false, endpoint, 51820, OUTER);
	assert_forged();
}

/* Larger ones than the tunnel's MTU makes were sent: what was sized for another link, and redirected into the tunnel. */
static void test_larger_were_sent(void **state)
{
	(void)state;
	sends_to(endpoint, 1560);
	message_comes(false, endpoint, 51820, 1500);
	message_comes(true, behind, 443, 1450);
	assert_honest();
	message_comes(false, endpoint, 51820, 1560);
	assert_forged();
}

/* … before the tunnel's MTU was lowered. */
static void test_larger_were_sent_long_ago(void **state)
{
	(void)state;
	s.links[1].mtu = 1500;
	sends_to(endpoint, 1560);
	scene_ticks(&s, SECOND);
	s.links[1].mtu = MTU;
	scene_ticks(&s, SECOND);
	message_comes(false, endpoint, 51820, 1500);
	assert_forged();
}

static void test_peer_roams_after_it(void **state)
{
	(void)state;
	message_comes(false, endpoint, 51820, 1400);
	peer->endpoint.port = 51821;
	assert_honest();
}

/* It was on its way still. */
static void test_peer_roams_before_it(void **state)
{
	(void)state;
	sends_to(endpoint, OUTER);
	scene_ticks(&s, SECOND);
	peer->endpoint.ip.bytes[3] = 2;
	scene_ticks(&s, SECOND);
	message_comes(false, endpoint, 51820, 1400);
	assert_honest();
}

/* A host behind the gateway has a tunnel of its own, from the same port: its datagrams pass here. */
static void test_about_another_ones_tunnel(void **state)
{
	(void)state;
	sends_to(elsewhere, 1452);
	message_comes(false, elsewhere, 51820, 1400);
	assert_honest();
}

/* A router behind the peer. */
static void test_honest_router_behind_the_peer(void **state)
{
	(void)state;
	message_comes(true, behind, 443, 1300);
	assert_honest();
}

static void test_inner_of_nobody(void **state)
{
	(void)state;
	message_comes(true, nowhere, 443, 1300);
	assert_forged();
}

static void test_inner_mtu_that_is_not_exceeded(void **state)
{
	(void)state;
	message_comes(true, behind, 443, MTU);
	assert_forged();
}

/* A tunnel of which the peers are not known: whatever it carries may have been sent. */
static void test_peers_unknown(void **state)
{
	(void)state;
	s.peers_n = s.links[1].peers_n = 0;
	message_comes(true, nowhere, 443, 1300);
	assert_honest();
}

/* What a peer's AllowedIPs were when the message came counts. */
static void test_peer_given_another_network(void **state)
{
	(void)state;
	message_comes(true, behind, 443, 1300);
	s.allowed_ips[0].ip.bytes[1] = 2;
	assert_honest();
}

#define honest_or_not(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		honest_or_not(test_honest_router),
		honest_or_not(test_absurd),
		honest_or_not(test_of_nobody),
		honest_or_not(test_mtu_that_is_not_exceeded),
		honest_or_not(test_larger_were_sent),
		honest_or_not(test_larger_were_sent_long_ago),
		honest_or_not(test_peer_roams_after_it),
		honest_or_not(test_peer_roams_before_it),
		honest_or_not(test_about_another_ones_tunnel),
		honest_or_not(test_honest_router_behind_the_peer),
		honest_or_not(test_inner_of_nobody),
		honest_or_not(test_inner_mtu_that_is_not_exceeded),
		honest_or_not(test_peers_unknown),
		honest_or_not(test_peer_given_another_network),
	};

	return cmocka_run_group_tests_name("ptb-forged", tests, NULL, NULL);
}
