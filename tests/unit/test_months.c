// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that runs for months beside peers that roam, rekey and come and go: what it judges on the last day it judges as
 * on the first, nothing else makes it speak, and its memory is what it was.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshots.h"

#define DAYS	100
#define HOUR_MS 3600000
#define TALLIES 64 /* subjects at a time; each hour they are others */

static struct scene s;
static uint32_t hour;

static void roam(struct peer *p, struct scene_session *w)
{
	p->endpoint.port++;
	p->endpoint.ip.bytes[2] = hour;
	s.sessions_n = w - s.sessions;
	scene_session(&s, p);
	w->key.index = 1000 + hour;
}

/* A snapshot with what the tallies of an hour count: handshakes from wherever a peer is, forged messages from anywhere. */
static void tick(void)
{
	struct snapshot snap = scene_snapshot(&s, s.clock_ms + SCENE_TICK_MS);

	snap.tallies = calloc(TALLIES, sizeof(*snap.tallies));
	assert_non_null(snap.tallies);
	snap.tallies_n = TALLIES;
	for (uint32_t i = 0; i < TALLIES; i++) {
		struct tally *t = &snap.tallies[i];

		t->key = (struct wire_tally_key){ .kind = i % 2 ? WIRE_TALLY_HANDSHAKE_RX : WIRE_TALLY_FRAGMENT_TX,
						  .family = 2,
						  .port = 1024 + i };
		memcpy(t->key.remote, &hour, sizeof(hour));
		t->value =
			(struct tally_value){ .count = 1 + s.clock_ms / HOUR_MS, .first_ms = 1, .last_ms = s.clock_ms };
	}
	scene_step(&s, &snap);
	snapshot_free(&snap);
	s.clock_ms += SCENE_TICK_MS;
}

/* A little traffic of connections that are gone the next hour, and then nothing until then. */
static void pass_an_hour(void)
{
	struct wire_flow *f;

	for (size_t i = 0; i < 2; i++)
		roam(&s.peers[i], &s.sessions[i]);
	s.flows_n = 0;
	f = scene_flow(&s, hour % 2 ? "10.1.0.9" : "10.2.0.9");
	f->tag = 1000 + hour;
	f->ifindex = s.links[1].ifindex;
	for (int i = 0; i < 8; i++) {
		flow_delivers(&s, f, 1420);
		for (size_t p = 0; p < 2; p++)
			session_receives(&s, &s.sessions[p], 10, 1480);
		tick();
	}
	s.clock_ms += HOUR_MS;
	hour++;
}

/* The tunnel is taken down and made anew: another interface, of the same name. */
static void remake_tunnel(void)
{
	s.links[1].ifindex++;
	for (size_t i = 0; i < s.peers_n; i++)
		s.peers[i].tunnel_ifindex = s.links[1].ifindex;
	s.flows_n = 0;
}

/* A path that swallows what is large, and lets it pass again. */
static void tell_of_a_hole(void)
{
	struct wire_flow *mail = scene_flow(&s, "10.1.0.9"), *other = scene_flow(&s, "10.1.0.8");
	size_t opened = s.opened;

	mail->ifindex = other->ifindex = s.links[1].ifindex;
	for (int i = 0; i < 16; i++) {
		flow_delivers(&s, other, 1428);
		scene_stall(&s, mail, 8920, NULL, 1);
	}
	assert_int_equal(s.opened, opened + 1);
	assert_int_equal(scene_last(&s)->class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 1500);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
	flow_answered(&s, mail);
	scene_ticks(&s, 8);
	assert_int_equal(s.resolved, s.opened);
}

static void test_months(void **state)
{
	size_t early = 0;

	(void)state;
	scene_start(&s, 8920);
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	scene_peer(&s, 'B', "192.0.2.2", "10.2.0.0");
	for (uint32_t day = 0; day < DAYS; day++) {
		size_t told = s.log_n;

		remake_tunnel();
		for (int i = 0; i < 24; i++)
			pass_an_hour();
		assert_int_equal(s.log_n, told);
		if (day % (DAYS / 4) == 1)
			tell_of_a_hole();
		if (day == 2)
			early = mallinfo2().uordblks;
	}
	assert_int_equal(s.opened, 4);
	/* Hash tables keep the buckets that they once needed; 2,400 of anything remembered would be more. */
	assert_true(mallinfo2().uordblks <= early + early / 2);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_months),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
