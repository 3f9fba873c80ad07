/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a finding: that it opens once, says no more than it must, and ends when the trouble has ended, not
 * before. And snapshots that come twice, late, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "network.h"
#include "prober.h"

#define SECOND 4 /* snapshots */
#define MINUTE (60 * SECOND)

static struct scene s;
static struct wire_flow *mail, *other;
static struct suspect suspect;
static size_t suspects;

static int start(void **state)
{
	(void)state;
	suspects = 0;
	scene_start(&s, 8920);
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	mail = scene_flow(&s, "10.1.0.9");
	other = scene_flow(&s, "10.1.0.9");
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

/* Stalls the mail until the finding is open. */
static void open_finding(void)
{
	size_t opened = s.opened;

	scene_stall(&s, mail, 8920, other, 5 * SECOND);
	assert_int_equal(s.opened, opened + 1);
}

/* The sender has given up and closed; what remains in the table is a flow that is over. */
static void give_up(void)
{
	mail->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET;
}

static void test_opens_once_and_is_counted(void **state)
{
	enum finding_severity worst;

	(void)state;
	assert_int_equal(analysis_opened(s.analysis, &worst), 0);
	assert_int_equal(worst, SEVERITY_INFO);
	open_finding();
	scene_stall(&s, mail, 8920, other, MINUTE);
	assert_int_equal(s.log_n, 1);
	assert_int_equal(analysis_opened(s.analysis, &worst), 1);
	assert_int_equal(worst, SEVERITY_CRITICAL);
}

static void test_id_is_stable_and_the_next_is_another(void **state)
{
	char first[FINDING_ID_LEN];

	(void)state;
	open_finding();
	memcpy(first, s.log[0].id, sizeof(first));
	flow_answered(&s, mail);
	flow_delivers(&s, mail, 8920);
	scene_ticks(&s, SECOND);
	assert_int_equal(s.resolved, 1);
	assert_string_equal(scene_last(&s)->id, first);
	scene_ticks(&s, 2 * MINUTE);
	mail = scene_flow(&s, "10.1.0.9");
	open_finding();
	assert_int_equal(scene_last(&s)->state, FINDING_OPEN);
	assert_string_not_equal(scene_last(&s)->id, first);
}

/* One packet of that size, however late, refutes the hole. */
static void test_delivery_resolves(void **state)
{
	(void)state;
	open_finding();
	flow_answered(&s, mail);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
	assert_int_equal(scene_last(&s)->state, FINDING_RESOLVED);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

static void test_smaller_deliveries_do_not_resolve(void **state)
{
	(void)state;
	open_finding();
	give_up();
	for (int i = 0; i < 2 * MINUTE; i++) {
		flow_delivers(&s, other, 1428);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
}

static void test_lowered_mtu_resolves_when_traffic_flows(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = 1440;
	scene_ticks(&s, MINUTE); /* not a packet: nothing is known yet */
	assert_int_equal(s.resolved, 0);
	flow_delivers(&s, other, 1440);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
	assert_int_equal(scene_last(&s)->tunnel_mtu, 1440);
}

/* The sender learns of the new MTU from this machine, and goes over to it: what it gives up thereby is no second hole. */
static void test_a_size_given_up_for_the_lowered_mtu_is_history(void **state)
{
	(void)state;
	open_finding();
	s.links[1].mtu = 1440;
	scene_ticks(&s, 2);
	flow_tries(&s, mail, 1440);
	flow_answered(&s, mail);
	for (int i = 0; i < 10 * SECOND; i++) {
		flow_delivers(&s, mail, 1440);
		flow_delivers(&s, other, 100);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 1);
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

/* A packet that came right after the snapshot that saw the change bears that snapshot's time. */
static void test_traffic_dated_with_the_change_resolves(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = 1440;
	scene_tick(&s);
	flow_delivers(&s, other, 1440);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_the_recommended_mtu_resolves_without_traffic(void **state)
{
	(void)state;
	open_finding();
	give_up();
	s.links[1].mtu = scene_last(&s)->recommended_mtu;
	scene_ticks(&s, 10 * SECOND);
	assert_int_equal(s.resolved, 1);
}

/* Some time may pass between the finding and the one who reads it. */
static void test_mtu_lowered_after_a_quiet_time(void **state)
{
	(void)state;
	open_finding();
	give_up();
	scene_ticks(&s, 3 * MINUTE);
	s.links[1].mtu = 1440;
	scene_ticks(&s, SECOND);
	flow_delivers(&s, other, 1440);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_mtu_lowered_too_little_does_not_resolve(void **state)
{
	(void)state;
	scene_stall(&s, mail, 1441, other, 5 * SECOND); /* 1516 does not arrive */
	assert_int_equal(s.opened, 1);
	give_up();
	s.links[1].mtu = 1456;
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, other, 1440);
		scene_tick(&s);
	}
	assert_int_equal(s.resolved, 0);
}

/* A snapshot by which the kernel has told a sender, once, that a packet for 10.1.0.9 does not fit. */
static void tick_told(uint16_t mtu)
{
	struct snapshot snap = scene_snapshot(&s, s.clock_ms + SCENE_TICK_MS);

	snap.tallies = calloc(1, sizeof(*snap.tallies));
	snap.tallies_n = 1;
	snap.tallies[0] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_MADE,
						   .aux = mtu,
						   .family = AF_INET,
						   .remote = { 192, 168, 3, 69 },
						   .reporter = { 10, 1, 0, 9 } },
					  .value.count = 1 };
	scene_step(&s, &snap);
	snapshot_free(&snap);
	s.clock_ms += SCENE_TICK_MS;
}

/* A smaller MTU of the peer's route is a cure as well. */
static void test_lowered_route_resolves_when_traffic_flows(void **state)
{
	uint16_t mtu;

	(void)state;
	open_finding();
	give_up();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	tick_told(mtu);
	tick_told(mtu);
	assert_int_equal(s.resolved, 0);
	flow_delivers(&s, other, 1200);
	tick_told(mtu);
	assert_int_equal(s.resolved, 1);
}

/* The whole transfer may be over by the next snapshot. */
static void test_traffic_of_the_tick_of_the_lowered_route_resolves(void **state)
{
	uint16_t mtu;

	(void)state;
	open_finding();
	give_up();
	mtu = (uint16_t)scene_last(&s)->recommended_mtu;
	flow_delivers(&s, other, 1200);
	tick_told(mtu);
	assert_int_equal(s.resolved, 0);
	for (int i = 0; i < 6 * SECOND; i++)
		tick_told(mtu);
	assert_int_equal(s.resolved, 1);
}

static void test_route_lowered_too_little_does_not_resolve(void **state)
{
	(void)state;
	open_finding();
	give_up();
	for (int i = 0; i < MINUTE; i++) {
		tick_told((uint16_t)(scene_last(&s)->recommended_mtu + 1));
		flow_delivers(&s, other, 1200);
	}
	assert_int_equal(s.resolved, 0);
}

/* Where the peer is now is told at once, not with the next evidence. */
static void test_peer_that_roams_is_followed(void **state)
{
	(void)state;
	open_finding();
	give_up();
	scene_ticks(&s, 2 * SECOND);
	s.peers[0].endpoint.ip.bytes[3]++;
	scene_ticks(&s, SECOND);
	assert_int_equal(s.updated, 1);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_memory_equal(&scene_last(&s)->endpoint, &s.peers[0].endpoint, sizeof(s.peers[0].endpoint));
}

static void test_removed_peer_resolves(void **state)
{
	(void)state;
	open_finding();
	s.peers_n = 0;
	scene_ticks(&s, 2 * SECOND); /* wg-quick may be putting it back */
	assert_int_equal(s.resolved, 0);
	scene_ticks(&s, 15 * SECOND);
	assert_int_equal(s.resolved, 1);
}

static void test_removed_tunnel_resolves(void **state)
{
	(void)state;
	open_finding();
	s.peers_n = 0;
	s.links_n = 1;
	scene_ticks(&s, 15 * SECOND);
	assert_int_equal(s.resolved, 1);
	assert_string_equal(scene_last(&s)->interface, "wg0");
}

static void test_without_evidence_it_is_forgotten_in_the_end(void **state)
{
	(void)state;
	open_finding();
	give_up();
	scene_ticks(&s, 11 * MINUTE);
	assert_int_equal(s.resolved, 1);
}

static void test_narrower_bracket_is_an_update(void **state)
{
	(void)state;
	open_finding();
	for (int i = 0; i < 10; i++) { /* more often than anybody wants to hear */
		flow_delivers(&s, other, 200 + 100 * i);
		scene_stall(&s, mail, 8920, NULL, 1);
	}
	scene_stall(&s, mail, 8920, other, 2 * SECOND);
	assert_true(s.updated >= 1 && s.updated <= 5);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 1100 + 4 + 60);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
}

/* Of one peer no finding recommends more than another one leaves, and none counts on a jumbo link for the whole path. */
static void test_a_warning_recommends_no_more_than_the_hole_leaves(void **state)
{
	(void)state;
	s.links[1].mtu = 9000;
	scene_ticks(&s, SECOND);
	assert_int_equal(scene_last(&s)->class, FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(scene_last(&s)->recommended_mtu, 1440);
	open_finding();
	assert_int_equal(s.log[1].class, FINDING_PATH_BLACKHOLE);
	scene_stall(&s, mail, 8920, other, 2 * SECOND);
	assert_int_equal(scene_last(&s)->class, FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_int_equal(scene_last(&s)->recommended_mtu, s.log[1].recommended_mtu);
}

static void test_a_proven_jumbo_path_is_counted_on(void **state)
{
	(void)state;
	flow_delivers(&s, mail, 8920);
	scene_ticks(&s, SECOND);
	scene_assert_silent(&s);
	s.links[1].mtu = 9000;
	scene_ticks(&s, SECOND);
	assert_int_equal(scene_last(&s)->class, FINDING_TUNNEL_MTU_TOO_LARGE);
	assert_int_equal(scene_last(&s)->recommended_mtu, 8920);
}

/* Ten minutes of a hole beneath random loss, from either side: one finding a direction, that never ends. */
static void test_noisy_hole_does_not_flap(void **state)
{
	static struct network n;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		network_start(&n, seed, 8920, 8);
		n.mtu[WIRE_RX] = n.mtu[WIRE_TX] = 1500;
		n.loss[WIRE_RX] = n.loss[WIRE_TX] = 0.02;
		n.pings = true;
		network_run(&n, 600000);
		assert_int_equal(n.scene.opened, 2);
		assert_int_equal(n.scene.resolved, 0);
		assert_true(n.scene.updated <= 40);
		for (size_t i = 0; i < n.scene.log_n; i++)
			assert_true(n.scene.log[i].path_mtu_lower <= 1500 && n.scene.log[i].path_mtu_upper > 1500);
		network_end(&n);
	}
}

static void step_at(uint32_t now_ms)
{
	struct snapshot snap = scene_snapshot(&s, now_ms);

	scene_step(&s, &snap);
	snapshot_free(&snap);
}

static void test_time_going_back_is_ignored(void **state)
{
	(void)state;
	open_finding();
	s.peers_n = 0;
	for (uint32_t ago = 0; ago < s.clock_ms; ago += 50)
		step_at(s.clock_ms - ago);
	assert_int_equal(s.log_n, 1);
	s.peers_n = 1;
	flow_answered(&s, mail);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_snapshot_that_comes_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 5 * SECOND; i++) {
		scene_stall(&s, mail, 8920, other, 1);
		step_at(s.clock_ms);
		step_at(s.clock_ms);
	}
	assert_int_equal(s.log_n, 1);
}

static void test_missing_snapshots(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * SECOND; i++) {
		scene_stall(&s, mail, 8920, other, 1);
		s.clock_ms += i % 3 * SCENE_TICK_MS;
	}
	assert_int_equal(s.opened, 1);
	s.clock_ms += 3600000;
	flow_delivers(&s, mail, 8920);
	scene_ticks(&s, SECOND);
	assert_int_equal(s.resolved, 1);
}

#define SERIES 480

/* A recorded healthy series, told wrongly: cut, doubled, shuffled, with holes. Nothing of that is a black hole. */
static void test_mangled_healthy_series_is_silent(void **state)
{
	static struct snapshot series[SERIES];
	static struct network n;

	(void)state;
	network_start(&n, 7, 1420, 16);
	n.pings = true;
	n.loss[WIRE_RX] = n.loss[WIRE_TX] = 0.005;
	for (size_t i = 0; i < SERIES; i++) {
		network_run(&n, SCENE_TICK_MS);
		series[i] = scene_snapshot(&n.scene, n.scene.clock_ms + SCENE_TICK_MS);
	}
	scene_assert_silent(&n.scene);
	network_end(&n);
	for (uint64_t seed = 1; seed <= 100; seed++) {
		uint64_t random = seed;

		scene_start(&s, 1420);
		for (size_t i = 0; i < SERIES; i++) {
			uint32_t far = random_true(&random, 0.02) ? 100 : 3;
			size_t at = random_true(&random, 0.3) ? i + random_below(&random, far) : i;
			struct snapshot snap = series[at < SERIES ? at : SERIES - 1];

			if (random_true(&random, 0.2))
				continue;
			if (random_true(&random, 0.05))
				snap.flows_n = random_below(&random, snap.flows_n + 1);
			if (random_true(&random, 0.05))
				snap.sessions_n = 0;
			if (random_true(&random, 0.02))
				snap.inventory = (struct inventory){ 0 };
			scene_step(&s, &snap);
			if (random_true(&random, 0.2))
				scene_step(&s, &snap);
		}
		scene_assert_silent(&s);
		scene_end(&s);
	}
	for (size_t i = 0; i < SERIES; i++)
		snapshot_free(&series[i]);
}

static void collect(const struct finding *f, void *arg)
{
	(void)arg;
	assert_true(s.log_n < SCENE_LOG);
	s.log[s.log_n++] = *f;
}

static void probed(uint32_t lower, uint32_t upper, bool exact)
{
	const struct finding_probe p = {
		.lower = lower, .upper = upper, .exact = exact, .count = 17, .size_min = 124, .size_max = 1516
	};

	analysis_probing(s.analysis, s.log[0].id);
	analysis_probed(s.analysis, s.log[0].id, &p, collect, NULL);
}

static void wants_probing(const struct finding *f, void *arg)
{
	size_t *n = arg;

	*n += f->to_probe;
}

/* How many findings wait for somebody to probe their path. */
static size_t unprobed(void)
{
	size_t n = 0;

	analysis_open_findings(s.analysis, wants_probing, &n);
	return n;
}

static const struct evidence *probe_evidence(const struct finding *f)
{
	for (size_t i = 0; i < f->evidence_n; i++)
		if (f->evidence[i].kind == EVIDENCE_PROBE)
			return &f->evidence[i];
	return NULL;
}

static void assert_probed(const struct finding *f, uint32_t lower, uint32_t mtu)
{
	assert_int_equal(f->path_mtu_lower, lower);
	assert_int_equal(f->path_mtu_upper, lower + 1);
	assert_true(f->path_mtu_exact);
	assert_int_equal(f->recommended_mtu, mtu);
	assert_int_equal(f->basis, BASIS_PROBE);
	assert_non_null(probe_evidence(f));
	assert_int_equal(probe_evidence(f)->count, 17);
	assert_int_equal(probe_evidence(f)->max_size, 1516);
	assert_true(strstr(f->fix[0], "mtu 1432") || mtu != 1432);
}

/* What was probed is told at once, is labelled, and still holds when the next traffic stalls. */
static void test_probing_makes_the_bracket_exact(void **state)
{
	(void)state;
	open_finding();
	assert_null(probe_evidence(scene_last(&s)));
	probed(1492, 1493, true);
	assert_int_equal(scene_last(&s)->state, FINDING_UPDATE);
	assert_probed(scene_last(&s), 1492, 1432);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8000, other, MINUTE);
	assert_int_equal(analysis_open_findings(s.analysis, collect, NULL), 1);
	assert_probed(scene_last(&s), 1492, 1432);
	assert_int_equal(s.resolved, 0);
}

/* Below 1280 only a probe or a delivery can know. */
static void test_probing_goes_below_the_floor(void **state)
{
	(void)state;
	open_finding();
	probed(1124, 1125, true);
	assert_probed(scene_last(&s), 1124, 1064);
}

/* Proven to arrive, and no more: the recommendation is that and not called exact. */
static void test_probing_may_show_the_lower_end_alone(void **state)
{
	(void)state;
	open_finding();
	probed(1500, 0, false);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 1500);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8980);
	assert_false(scene_last(&s)->path_mtu_exact);
	assert_int_equal(scene_last(&s)->recommended_mtu, 1440);
	assert_int_equal(scene_last(&s)->basis, BASIS_PROBE);
}

static void test_probing_resolves_what_is_well_again(void **state)
{
	(void)state;
	open_finding();
	give_up();
	probed(8980, 0, false);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

/* The path has changed since: traffic of a size that probes found dead arrives, and the finding is over. */
static void test_traffic_refutes_what_was_probed(void **state)
{
	(void)state;
	open_finding();
	probed(1492, 1493, true);
	give_up();
	flow_delivers(&s, other, 4000);
	scene_ticks(&s, 2);
	assert_int_equal(s.resolved, 1);
}

static void test_a_hole_is_probed_once(void **state)
{
	(void)state;
	assert_int_equal(unprobed(), 0);
	open_finding();
	assert_int_equal(unprobed(), 1);
	analysis_probing(s.analysis, s.log[0].id);
	assert_int_equal(unprobed(), 0);
	probed(1492, 1493, true);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8000, other, MINUTE);
	assert_int_equal(unprobed(), 0);
}

/* Another uplink, where the hole is a smaller one. */
static void fail_over(void)
{
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 1440, other, 10 * SECOND);
	assert_int_equal(s.resolved, 0);
}

/* What is known of the first path is not said of the second, which is probed in its turn. */
static void test_another_path_is_probed_anew(void **state)
{
	(void)state;
	open_finding();
	probed(1492, 1493, true);
	fail_over();
	assert_int_equal(unprobed(), 1);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 1500);
	assert_int_not_equal(scene_last(&s)->basis, BASIS_PROBE);
	probed(1400, 1401, true);
	assert_probed(scene_last(&s), 1400, 1340);
	assert_int_equal(unprobed(), 0);
}

/* A path that moves again and again does not make us send without end. */
static void test_a_finding_has_one_budget(void **state)
{
	(void)state;
	open_finding();
	probed(1492, 1493, true);
	analysis_probes_sent(s.analysis, s.log[0].id, PROBER_BUDGET - 1);
	fail_over();
	assert_int_equal(unprobed(), 1);
	analysis_probes_sent(s.analysis, s.log[0].id, 1);
	assert_int_equal(unprobed(), 0);
}

/* The path has moved under the probes: what they show is of neither. */
static void test_probes_of_two_paths_say_nothing(void **state)
{
	const struct finding_probe p = { .lower = 1492, .upper = 1493, .exact = true };

	(void)state;
	open_finding();
	analysis_probing(s.analysis, s.log[0].id);
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	analysis_probed(s.analysis, s.log[0].id, &p, collect, NULL);
	assert_int_equal(s.log_n, 1);
	assert_int_equal(unprobed(), 1);
}

/* What a smaller path had lost and delivered bounds the next one neither way. */
static void test_the_bracket_is_of_the_path_as_it_is(void **state)
{
	(void)state;
	open_finding();
	probed(1400, 1401, true);
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 8000, other, 10 * SECOND);
	assert_int_equal(scene_last(&s)->path_mtu_lower, 172);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 8060);
}

/* Smaller packets were lost by chance, and yet the path does not carry all. */
static void test_probing_may_find_the_hole_higher_up(void **state)
{
	(void)state;
	open_finding();
	scene_stall(&s, scene_flow(&s, "10.1.0.9"), 1300, other, 10 * SECOND);
	assert_int_equal(scene_last(&s)->path_mtu_upper, 1372);
	probed(1492, 1493, true);
	assert_probed(scene_last(&s), 1492, 1432);
	assert_int_equal(s.resolved, 0);
}

static void test_probing_of_an_unknown_finding_is_ignored(void **state)
{
	const struct finding_probe p = { .lower = 1492, .upper = 1493, .exact = true };

	(void)state;
	analysis_probed(s.analysis, "", &p, collect, NULL);
	open_finding();
	analysis_probed(s.analysis, "0123456789abcdef0123456789abcdef", &p, collect, NULL);
	assert_int_equal(s.log_n, 1);
}

static void suspected(const struct suspect *it, void *arg)
{
	(void)arg;
	suspect = *it;
	suspects++;
}

/* One flow alone stalls, its host is heard no more: dead, or a hole. */
static void stall_alone(void)
{
	flow_delivers(&s, mail, 100);
	scene_tick(&s);
	scene_stall(&s, mail, 1400, NULL, 10 * SECOND);
	suspects = 0;
	analysis_suspects(s.analysis, suspected, NULL);
}

static void test_a_suspicion_is_no_finding(void **state)
{
	(void)state;
	stall_alone();
	assert_int_equal(suspects, 1);
	assert_int_equal(suspect.outer, 1468);
	assert_int_equal(suspect.host.family, AF_INET);
	scene_stall(&s, mail, 1400, NULL, MINUTE);
	assert_int_equal(s.log_n, 0);
}

static void test_a_suspicion_that_probes_confirm_is_a_finding(void **state)
{
	(void)state;
	stall_alone();
	assert_true(analysis_suspect_probed(s.analysis, &suspect, 1404));
	scene_stall(&s, mail, 1400, NULL, SECOND);
	assert_int_equal(s.opened, 1);
	assert_int_equal(scene_last(&s)->class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(scene_last(&s)->direction, WIRE_TX);
	/* It is explained now: nothing is left to be suspected. */
	suspects = 0;
	analysis_suspects(s.analysis, suspected, NULL);
	assert_int_equal(suspects, 0);
}

static void test_probes_of_larger_sizes_confirm_nothing(void **state)
{
	(void)state;
	stall_alone();
	assert_true(analysis_suspect_probed(s.analysis, &suspect, 1484));
	scene_stall(&s, mail, 1400, NULL, MINUTE);
	assert_int_equal(s.log_n, 0);
}

static void test_probes_of_another_path_confirm_nothing(void **state)
{
	(void)state;
	stall_alone();
	s.peers[0].egress_ifindex = s.links[0].ifindex + 100;
	scene_tick(&s);
	assert_false(analysis_suspect_probed(s.analysis, &suspect, 1404));
	scene_stall(&s, mail, 1400, NULL, SECOND);
	assert_int_equal(s.log_n, 0);
}

static void test_a_healthy_flow_is_not_suspected(void **state)
{
	(void)state;
	for (int i = 0; i < MINUTE; i++) {
		flow_delivers(&s, mail, 1400);
		scene_tick(&s);
		analysis_suspects(s.analysis, suspected, NULL);
	}
	assert_int_equal(suspects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_opens_once_and_is_counted, start, end),
		cmocka_unit_test_setup_teardown(test_id_is_stable_and_the_next_is_another, start, end),
		cmocka_unit_test_setup_teardown(test_delivery_resolves, start, end),
		cmocka_unit_test_setup_teardown(test_smaller_deliveries_do_not_resolve, start, end),
		cmocka_unit_test_setup_teardown(test_lowered_mtu_resolves_when_traffic_flows, start, end),
		cmocka_unit_test_setup_teardown(test_a_size_given_up_for_the_lowered_mtu_is_history, start, end),
		cmocka_unit_test_setup_teardown(test_traffic_dated_with_the_change_resolves, start, end),
		cmocka_unit_test_setup_teardown(test_the_recommended_mtu_resolves_without_traffic, start, end),
		cmocka_unit_test_setup_teardown(test_mtu_lowered_after_a_quiet_time, start, end),
		cmocka_unit_test_setup_teardown(test_mtu_lowered_too_little_does_not_resolve, start, end),
		cmocka_unit_test_setup_teardown(test_lowered_route_resolves_when_traffic_flows, start, end),
		cmocka_unit_test_setup_teardown(test_traffic_of_the_tick_of_the_lowered_route_resolves, start, end),
		cmocka_unit_test_setup_teardown(test_route_lowered_too_little_does_not_resolve, start, end),
		cmocka_unit_test_setup_teardown(test_peer_that_roams_is_followed, start, end),
		cmocka_unit_test_setup_teardown(test_removed_peer_resolves, start, end),
		cmocka_unit_test_setup_teardown(test_removed_tunnel_resolves, start, end),
		cmocka_unit_test_setup_teardown(test_without_evidence_it_is_forgotten_in_the_end, start, end),
		cmocka_unit_test_setup_teardown(test_narrower_bracket_is_an_update, start, end),
		cmocka_unit_test_setup_teardown(test_a_warning_recommends_no_more_than_the_hole_leaves, start, end),
		cmocka_unit_test_setup_teardown(test_a_proven_jumbo_path_is_counted_on, start, end),
		cmocka_unit_test(test_noisy_hole_does_not_flap),
		cmocka_unit_test_setup_teardown(test_time_going_back_is_ignored, start, end),
		cmocka_unit_test_setup_teardown(test_snapshot_that_comes_twice, start, end),
		cmocka_unit_test_setup_teardown(test_missing_snapshots, start, end),
		cmocka_unit_test(test_mangled_healthy_series_is_silent),
		cmocka_unit_test_setup_teardown(test_probing_makes_the_bracket_exact, start, end),
		cmocka_unit_test_setup_teardown(test_probing_goes_below_the_floor, start, end),
		cmocka_unit_test_setup_teardown(test_probing_may_show_the_lower_end_alone, start, end),
		cmocka_unit_test_setup_teardown(test_probing_resolves_what_is_well_again, start, end),
		cmocka_unit_test_setup_teardown(test_traffic_refutes_what_was_probed, start, end),
		cmocka_unit_test_setup_teardown(test_a_hole_is_probed_once, start, end),
		cmocka_unit_test_setup_teardown(test_another_path_is_probed_anew, start, end),
		cmocka_unit_test_setup_teardown(test_a_finding_has_one_budget, start, end),
		cmocka_unit_test_setup_teardown(test_probes_of_two_paths_say_nothing, start, end),
		cmocka_unit_test_setup_teardown(test_the_bracket_is_of_the_path_as_it_is, start, end),
		cmocka_unit_test_setup_teardown(test_probing_may_find_the_hole_higher_up, start, end),
		cmocka_unit_test_setup_teardown(test_probing_of_an_unknown_finding_is_ignored, start, end),
		cmocka_unit_test_setup_teardown(test_a_suspicion_is_no_finding, start, end),
		cmocka_unit_test_setup_teardown(test_a_suspicion_that_probes_confirm_is_a_finding, start, end),
		cmocka_unit_test_setup_teardown(test_probes_of_larger_sizes_confirm_nothing, start, end),
		cmocka_unit_test_setup_teardown(test_probes_of_another_path_confirm_nothing, start, end),
		cmocka_unit_test_setup_teardown(test_a_healthy_flow_is_not_suspected, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
