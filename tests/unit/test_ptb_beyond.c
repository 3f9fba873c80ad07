// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unit tests of ptb-ignored and ptb-suppressed where the link that is too small is not the tunnel: beyond the peer, whose routers'
 * messages come out of the tunnel, or on this side, where messages for a host behind the peer go into it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "snapshots.h"

#define MTU	1420
#define HOP_MTU 1300
#define LAN0	9 /* ifindex */

static const uint8_t host[4] = { 10, 0, 0, 1 }, far[4] = { 10, 1, 0, 9 }, router[4] = { 10, 1, 0, 254 };
static const uint8_t behind_nat[4] = { 192, 168, 3, 69 }, near[4] = { 192, 168, 3, 70 };

static struct scene scene;
static struct wire_flow *flow, *alive;
static struct tally tallies[3];
static size_t tallies_n;

static int start(void **state)
{
	(void)state;
	scene_start(&scene, MTU);
	scene_peer(&scene, 1, "192.0.2.1", "10.1.0.0");
	flow = scene_flow(&scene, "10.1.0.9");
	alive = scene_flow(&scene, "10.1.0.9");
	tallies_n = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&scene);
	return 0;
}

/* What is counted of messages: on a tunnel, or elsewhere. */
static struct tally *counted(enum wire_tally_kind kind, enum wire_tunnel tunnel, const uint8_t remote[4],
			     const uint8_t reporter[4])
{
	struct tally *t = &tallies[tallies_n++];

	*t = (struct tally){ .key = { .kind = kind,
				      .aux = HOP_MTU,
				      .ifindex = tunnel == WIRE_TUNNEL_SEEN ? SCENE_WG0 : LAN0,
				      .tunnel = tunnel,
				      .family = AF_INET } };
	memcpy(t->key.remote, remote, 4);
	memcpy(t->key.reporter, reporter, 4);
	if (kind == WIRE_TALLY_TOO_BIG_RX)
		t->key.port = 25;
	return t;
}

static struct tally *comes(void)
{
	return counted(WIRE_TALLY_TOO_BIG_RX, WIRE_TUNNEL_SEEN, far, router);
}

static struct tally *leaves(const uint8_t to[4])
{
	return counted(WIRE_TALLY_TOO_BIG_TX, WIRE_TUNNEL_NONE, to, far);
}

/* Snapshots in which the flow sends that size again and again, and is told so of each of the first tries. */
static void tries(uint16_t inner, unsigned int told, unsigned int n)
{
	while (n--) {
		uint16_t before = flow->trial_tries;

		if (!flow->trial_last_ms || scene.clock_ms - flow->trial_first_ms >= 250 * ((1U << before) - 1))
			flow_tries(&scene, flow, inner);
		if (flow->trial_tries > before && flow->trial_tries <= told) {
			flow->told = flow->trial_tries;
			flow->told_mtu = HOP_MTU;
			for (size_t i = 0; i < tallies_n; i++)
				tallies[i].value.count++;
		}
		flow_delivers(&scene, alive, 100);
		scene_tick_tallies(&scene, tallies, tallies_n);
	}
}

static const struct finding *only(enum finding_class class, enum wire_direction direction)
{
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, class);
	assert_int_equal(scene.log[0].direction, direction);
	assert_int_equal(scene.log[0].recommended_mtu, MTU);
	assert_int_equal(scene.log[0].hop_mtu, HOP_MTU);
	return &scene.log[0];
}

static void test_a_host_that_does_not_listen(void **state)
{
	const struct finding *f;

	(void)state;
	comes();
	leaves(host);
	tries(MTU, 9, 8 * SECOND);
	f = only(FINDING_PTB_IGNORED, WIRE_TX);
	assert_memory_equal(f->host.bytes, host, 4);
	assert_memory_equal(f->hop.bytes, router, 4);
	assert_memory_equal(f->flows[0].destination.ip.bytes, far, 4);
}

/* What leaves here is for the host behind this gateway's NAT. */
static void test_a_host_behind_nat(void **state)
{
	(void)state;
	comes();
	leaves(behind_nat);
	tries(MTU, 9, 8 * SECOND);
	assert_memory_equal(only(FINDING_PTB_IGNORED, WIRE_TX)->host.bytes, behind_nat, 4);
}

/* Another host, which has sent there as well, is told and listens. */
static void test_two_hosts(void **state)
{
	(void)state;
	comes();
	leaves(near);
	leaves(host);
	tries(MTU, 9, 8 * SECOND);
	assert_memory_equal(only(FINDING_PTB_IGNORED, WIRE_TX)->host.bytes, host, 4);
}

static void test_two_hosts_the_other_last(void **state)
{
	(void)state;
	comes();
	leaves(host);
	leaves(near);
	tries(MTU, 9, 8 * SECOND);
	assert_memory_equal(only(FINDING_PTB_IGNORED, WIRE_TX)->host.bytes, host, 4);
}

static void test_messages_that_do_not_leave(void **state)
{
	(void)state;
	comes();
	tries(MTU, 9, 8 * SECOND);
	assert_memory_equal(only(FINDING_PTB_SUPPRESSED, WIRE_TX)->host.bytes, host, 4);
}

/* WireGuard drops what a router says whose address the peer may not use. */
static void test_a_router_outside_allowed_ips(void **state)
{
	static const uint8_t outside[4] = { 100, 64, 0, 1 };
	const struct finding *f;

	(void)state;
	counted(WIRE_TALLY_SOURCE_REFUSED, WIRE_TUNNEL_SEEN, outside, (const uint8_t[4]){ 0 });
	tries(MTU, 9, 8 * SECOND);
	f = only(FINDING_PTB_SUPPRESSED, WIRE_TX);
	assert_true(f->hop_refused);
	assert_memory_equal(f->hop.bytes, outside, 4);
	assert_non_null(strstr(f->message, "100.64.0.1"));
	assert_non_null(strstr(f->fix[0], "100.64.0.1"));
}

/* This machine's own connection is told by what comes. */
static void test_this_host_does_not_listen(void **state)
{
	(void)state;
	comes();
	counted(WIRE_TALLY_TCP_RETRANSMIT, WIRE_TUNNEL_SEEN, far, (const uint8_t[4]){ 0 })->key.aux = 0;
	tries(MTU, 9, 8 * SECOND);
	only(FINDING_PTB_IGNORED, WIRE_TX);
}

static void test_a_host_that_listens_late(void **state)
{
	(void)state;
	comes();
	leaves(host);
	tries(MTU, 9, SECOND);
	flow_answered(&scene, flow);
	flow->told = 0;
	scene_ticks(&scene, 10 * SECOND);
	scene_assert_silent(&scene);
}

/* A path that swallows what is large, and messages that nobody under way caused. */
static void test_a_hole_beside_messages(void **state)
{
	(void)state;
	comes()->value.count = 1;
	leaves(host);
	tries(MTU, 0, 8 * SECOND);
	assert_int_equal(scene_last(&scene)->class, FINDING_PATH_BLACKHOLE);
}

/* The router does not say it each time: it is known all the same why that much does not get through to that host. */
static void test_a_router_that_falls_silent(void **state)
{
	(void)state;
	comes();
	leaves(host);
	tries(MTU, 1, 20 * SECOND);
	scene_assert_silent(&scene);
}

/* … to another host nobody has said anything. */
static void test_another_host(void **state)
{
	(void)state;
	comes();
	leaves(host);
	tries(MTU, 1, 2 * SECOND);
	flow = scene_flow(&scene, "10.1.0.10");
	alive = scene_flow(&scene, "10.1.0.10");
	tries(MTU, 0, 8 * SECOND);
	assert_int_equal(scene_last(&scene)->class, FINDING_PATH_BLACKHOLE);
}

static void test_over(void **state)
{
	(void)state;
	comes();
	leaves(host);
	tries(MTU, 9, 8 * SECOND);
	flow_answered(&scene, flow);
	flow->told = 0;
	for (int i = 0; i < MINUTE; i++)
		scene_tick_tallies(&scene, tallies, tallies_n);
	assert_int_equal(scene.resolved, 1);
}

/* A remote host is told on one connection, each second. */
static void told_seconds(struct tally *t, unsigned int n)
{
	for (unsigned int i = 0; i < n * SECOND; i++) {
		if (i % SECOND == 0) {
			t->value.told_protocol = IPPROTO_TCP;
			t->value.told_last_ms = scene.clock_ms;
			if (!t->value.told_ticks++)
				t->value.told_first_ms = scene.clock_ms;
			for (size_t j = 0; j < tallies_n; j++)
				tallies[j].value.count++;
		}
		flow_delivers(&scene, alive, 100);
		scene_tick_tallies(&scene, tallies, tallies_n);
	}
}

static void test_a_remote_host_does_not_listen(void **state)
{
	(void)state;
	told_seconds(counted(WIRE_TALLY_TOO_BIG_TX, WIRE_TUNNEL_SEEN, far, near), 5);
	assert_memory_equal(only(FINDING_PTB_IGNORED, WIRE_RX)->host.bytes, far, 4);
}

/* The link that is too small for what came out of the tunnel is this gateway's own. */
static void test_a_remote_host_is_not_told(void **state)
{
	(void)state;
	told_seconds(counted(WIRE_TALLY_TOO_BIG_MADE, WIRE_TUNNEL_LEFT, far, near), 5);
	assert_memory_equal(only(FINDING_PTB_SUPPRESSED, WIRE_RX)->host.bytes, far, 4);
}

static void test_a_remote_host_is_told_by_this_one(void **state)
{
	struct tally *made = counted(WIRE_TALLY_TOO_BIG_MADE, WIRE_TUNNEL_LEFT, far, near);

	(void)state;
	counted(WIRE_TALLY_TOO_BIG_TX, WIRE_TUNNEL_SEEN, far, near);
	told_seconds(made, 5);
	only(FINDING_PTB_IGNORED, WIRE_RX);
}

static void test_a_remote_host_listens(void **state)
{
	(void)state;
	told_seconds(counted(WIRE_TALLY_TOO_BIG_TX, WIRE_TUNNEL_SEEN, far, near), 2);
	scene_assert_silent(&scene);
}

/* From one host behind a peer to another: the message comes out of the tunnel and goes into it. */
static void test_from_peer_to_peer(void **state)
{
	static const uint8_t other[4] = { 10, 2, 0, 9 };
	struct tally *t;

	(void)state;
	scene_peer(&scene, 2, "192.0.2.2", "10.2.0.0");
	memcpy(flow->local, other, 4);
	comes();
	t = counted(WIRE_TALLY_TOO_BIG_TX, WIRE_TUNNEL_SEEN, other, far);
	t->value.told_protocol = IPPROTO_TCP;
	t->value.told_ticks = 5;
	t->value.told_first_ms = scene.clock_ms;
	t->value.told_last_ms = scene.clock_ms + 3000;
	tries(MTU, 9, 8 * SECOND);
	assert_memory_equal(only(FINDING_PTB_IGNORED, WIRE_TX)->host.bytes, other, 4);
}

#define of_ptb(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		of_ptb(test_a_host_that_does_not_listen),
		of_ptb(test_a_host_behind_nat),
		of_ptb(test_two_hosts),
		of_ptb(test_two_hosts_the_other_last),
		of_ptb(test_messages_that_do_not_leave),
		of_ptb(test_a_router_outside_allowed_ips),
		of_ptb(test_this_host_does_not_listen),
		of_ptb(test_a_host_that_listens_late),
		of_ptb(test_a_hole_beside_messages),
		of_ptb(test_a_router_that_falls_silent),
		of_ptb(test_another_host),
		of_ptb(test_over),
		of_ptb(test_a_remote_host_does_not_listen),
		of_ptb(test_a_remote_host_is_not_told),
		of_ptb(test_a_remote_host_is_told_by_this_one),
		of_ptb(test_a_remote_host_listens),
		of_ptb(test_from_peer_to_peer),
	};

	return cmocka_run_group_tests_name("ptb beyond", tests, NULL, NULL);
}
