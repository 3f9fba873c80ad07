/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and probabilities: user/core/outer.c against the numbers of real packets, user/core/chance.c against tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "chance.h"
#include "outer.h"

#define NO_MTU 0

static void test_the_pings_that_passed_and_failed(void **state)
{
	(void)state;
	assert_int_equal(outer_size(1428, 8920, AF_INET), 1500); /* ping -s 1400 */
	assert_int_equal(outer_size(1448, 8920, AF_INET), 1516); /* ping -s 1420 */
	assert_int_equal(outer_size(1440, 8920, AF_INET), 1500); /* the right tunnel MTU fills the path */
	assert_int_equal(outer_size(1441, 8920, AF_INET), 1516);
}

static void test_full_packets_of_jumbo_tunnels(void **state)
{
	(void)state;
	assert_int_equal(outer_size(8920, 8920, AF_INET), 8980);
	assert_int_equal(outer_size(8921, 8921, AF_INET), 8981); /* the MTU ends the padding */
	assert_int_equal(outer_size(8912, 8921, AF_INET), 8972);
	assert_int_equal(outer_size(8921, NO_MTU, AF_INET), 8988);
}

static void test_ipv6_takes_twenty_bytes_more(void **state)
{
	(void)state;
	assert_int_equal(outer_overhead(AF_INET), 60);
	assert_int_equal(outer_overhead(AF_INET6), 80);
	assert_int_equal(outer_overhead(0), 60);
	assert_int_equal(outer_size(1428, 8920, AF_INET6), 1520);
	assert_int_equal(outer_size(1420, 1420, AF_INET6), 1500); /* WireGuard's default MTU */
}

/* On a path of 1492 a too large tunnel MTU loses inner packets above 1424, and yet the right tunnel MTU is 1432. */
static void test_the_cliff_is_not_the_right_mtu(void **state)
{
	(void)state;
	assert_int_equal(outer_size(1424, 8920, AF_INET), 1484);
	assert_int_equal(outer_size(1425, 8920, AF_INET), 1500);
	for (uint32_t inner = 1; inner <= 1432; inner++)
		assert_true(outer_size(inner, 1432, AF_INET) <= 1492);
	assert_int_equal(outer_size(1432, 1432, AF_INET), 1492);
	assert_int_equal(outer_size(1433, 1433, AF_INET), 1493);
}

static void test_small_packets(void **state)
{
	(void)state;
	assert_int_equal(outer_size(0, 1420, AF_INET), 60); /* keep-alive: no padding of nothing */
	assert_int_equal(outer_size(1, 1420, AF_INET), 76);
	assert_int_equal(outer_size(16, 1420, AF_INET), 76);
	assert_int_equal(outer_size(17, 1420, AF_INET), 92);
}

/* The networking layer may hand a tunnel more than its MTU: the last unit of it is padded (send.c). */
static void test_packets_above_the_mtu(void **state)
{
	(void)state;
	assert_int_equal(outer_size(1421, 1420, AF_INET), 1420 + 16 + 60);
	assert_int_equal(outer_size(2840, 1420, AF_INET), 2840 + 60);
	assert_int_equal(outer_size(65535, 1420, AF_INET), 65320 + 224 + 60);
}

static void test_padding_never_shrinks_and_never_exceeds(void **state)
{
	(void)state;
	for (uint32_t mtu = 576; mtu < 9000; mtu += 7) {
		for (uint32_t inner = 1; inner <= mtu; inner += 3) {
			uint32_t outer = outer_size(inner, mtu, AF_INET);

			assert_true(outer >= inner + 60 && outer < inner + 60 + 16 && outer <= mtu + 60);
		}
	}
}

static void test_loss_rate(void **state)
{
	(void)state;
	assert_true(chance_loss_rate(0, 0) > 0.01 &&
		    chance_loss_rate(0, 0) < 0.2); /* ignorance is no proof of perfection */
	assert_true(chance_loss_rate(0, 1000000) < 1e-5);
	assert_float_equal(chance_loss_rate(10000, 1000000), 0.01, 1e-4);
	assert_true(chance_loss_rate(UINT64_MAX, 1) <= 1.0);
	assert_true(chance_loss_rate(1, 10) > chance_loss_rate(0, 10));
}

static void test_all_lost(void **state)
{
	(void)state;
	assert_float_equal(chance_all_lost(0.1, 4), 1e-4, 1e-9);
	assert_float_equal(chance_all_lost(0.5, 0), 1.0, 0);
	assert_float_equal(chance_all_lost(1.0, 65535), 1.0, 0);
	assert_true(chance_all_lost(1e-6, UINT64_MAX) >= 0.0);
}

static const struct tried NONE = { 0, 0 };

/* `tries` lost one by one, none of them because another was. */
static double lost_apart(double tries, double lost, double passed)
{
	return chance_lost_too(tries, tries, (struct tried){ lost, passed }, NONE, NONE);
}

/* The more passed, the less does plain loss explain; the more were lost, the more. */
static void test_lost_too(void **state)
{
	(void)state;
	assert_float_equal(lost_apart(0, 3, 10), 1.0, 1e-9);
	assert_float_equal(lost_apart(4, 30000, 70000), 0.3 * 0.3 * 0.3 * 0.3, 1e-5);
	assert_true(lost_apart(5, 0, 0) > 5e-4); /* the path may be dead */
	assert_true(lost_apart(5, 0, 20) < 1e-5);
	assert_true(lost_apart(5, 6, 20) > 1e-4);
	for (double tries = 1; tries < 1e10; tries *= 3) {
		double chance = lost_apart(tries, tries, 1e9);

		assert_true(chance >= 0.0 && chance <= 1.0);
		assert_true(lost_apart(tries + 1, tries, 1e9) <= chance);
		assert_true(lost_apart(tries, tries + 1, 1e9) >= chance);
		assert_true(lost_apart(tries, tries, 2e9) <= chance);
	}
}

/* What comes back without loss makes a path that loses much less likely. */
static void test_the_way_back_counts(void **state)
{
	const struct tried back = { 0, 40 }, known = { 0, 1 };

	(void)state;
	assert_true(chance_lost_too(5, 5, known, NONE, NONE) > 1e-4);
	assert_true(chance_lost_too(5, 5, known, back, NONE) < 1e-4);
}

/* Five tries in two bursts prove less than five alone, unless bursts are known to be short. */
static void test_bursts(void **state)
{
	const struct tried known = { 2, 400 }, last = { 40, 10 }, end = { 0, 50 };

	(void)state;
	assert_true(chance_lost_too(5, 2, known, NONE, last) > 10 * chance_lost_too(5, 5, known, NONE, last));
	assert_true(chance_lost_too(5, 2, known, NONE, end) < chance_lost_too(5, 2, known, NONE, last) / 10);
	assert_true(chance_lost_too(5, 2, known, NONE, end) >= chance_lost_too(5, 5, known, NONE, end));
}

/* What loses large packets and not small ones takes five large ones more easily. */
static void test_policed(void **state)
{
	const struct tried others = { 0, 100 }, well = { 0, 50 }, policed = { 20, 40 };

	(void)state;
	assert_true(chance_policed(5, well, others) < 1e-8);
	assert_true(chance_policed(5, policed, others) > 1e-4);
	assert_true(chance_policed(5, NONE, others) < 1e-4); /* policers are rare */
}

/* One gap among many packets is anybody's; six where none are usual are not. */
static void test_gaps_of_others(void **state)
{
	(void)state;
	assert_true(chance_gaps_of_others(4, (struct tried){ 3, 100 }, (struct tried){ 0, 100 }, NONE) >
		    1.0); /* one is missing */
	assert_true(chance_gaps_of_others(1, (struct tried){ 1, 100 }, (struct tried){ 10, 990 }, NONE) > 0.1);
	assert_true(chance_gaps_of_others(6, (struct tried){ 6, 20 }, (struct tried){ 0, 200 }, NONE) < 1e-5);
	assert_true(chance_gaps_of_others(6, (struct tried){ 6, 20 }, (struct tried){ 60, 140 }, NONE) > 0.1);
	/* The way back loses as much, but not of necessity: little of what goes there does. */
	assert_true(chance_gaps_of_others(6, (struct tried){ 6, 20 }, NONE, (struct tried){ 60, 140 }) > 0.1);
	assert_true(chance_gaps_of_others(6, (struct tried){ 6, 20 }, (struct tried){ 0, 500 },
					  (struct tried){ 60, 140 }) < 1e-2);
	assert_true(chance_gaps_of_others(UINT32_MAX, (struct tried){ UINT32_MAX, UINT32_MAX }, (struct tried){ 0, 1 },
					  NONE) >= 0.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_pings_that_passed_and_failed),
		cmocka_unit_test(test_full_packets_of_jumbo_tunnels),
		cmocka_unit_test(test_ipv6_takes_twenty_bytes_more),
		cmocka_unit_test(test_the_cliff_is_not_the_right_mtu),
		cmocka_unit_test(test_small_packets),
		cmocka_unit_test(test_packets_above_the_mtu),
		cmocka_unit_test(test_padding_never_shrinks_and_never_exceeds),
		cmocka_unit_test(test_loss_rate),
		cmocka_unit_test(test_all_lost),
		cmocka_unit_test(test_lost_too),
		cmocka_unit_test(test_the_way_back_counts),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_policed),
		cmocka_unit_test(test_gaps_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
