/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots that come twice, late, in the wrong order or not at all: what is found is the same.
 */
#include "network.h"
#include "stalled_mail.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_time_going_back_is_ignored),
		stalled_mail_test(test_snapshot_that_comes_twice),
		stalled_mail_test(test_missing_snapshots),
		cmocka_unit_test(test_mangled_healthy_series_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
