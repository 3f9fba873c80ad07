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

static void test_so_many(void **state)
{
	(void)state;
	assert_float_equal(chance_so_many(0, 3.0), 1.0, 0);
	assert_float_equal(chance_so_many(1, 1.0), 0.6321206, 1e-6); /* 1 - 1/e */
	assert_float_equal(chance_so_many(3, 1.0), 0.0803014, 1e-6);
	assert_float_equal(chance_so_many(10, 5.0), 0.0318281, 1e-6);
	assert_true(chance_so_many(1, 0.0) < 1e-9);
	assert_true(chance_so_many(3, 0.0) < 1e-9);
}

/* More losses are never more probable, and nothing leaves [0, 1]. */
static void test_so_many_is_a_tail(void **state)
{
	const double expected[] = { 0.0, 1e-9, 0.1, 1, 30, 499, 501, 1e6, 1e18 };

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		double before = 1.0;

		for (uint64_t lost = 0; lost < 30000; lost += lost < 100 ? 1 : 331) {
			double chance = chance_so_many(lost, expected[i]);

			assert_true(chance >= 0.0 && chance <= 1.0 && chance <= before + 1e-9);
			before = chance;
		}
		assert_true(chance_so_many(UINT64_MAX, expected[i]) >= 0.0);
	}
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
		cmocka_unit_test(test_so_many),
		cmocka_unit_test(test_so_many_is_a_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
