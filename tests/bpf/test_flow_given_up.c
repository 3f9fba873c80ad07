// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP into the tunnel: a sender that gives up a size for a smaller one, and what it tries after that (RFC 4821). */
#include "sender.h"

static void test_cut_smaller(void **state)
{
	struct harness *h = *state;
	struct wire_flow *flow;

	send_data(h, ISN, FULL);
	later(h, 300);
	send_data(h, ISN, FULL);
	later(h, 600);
	send_data(h, ISN, FULL);
	later(h, 1200);
	send_data(h, ISN, 512);
	flow = flow_only(h);
	assert_int_equal(flow->tx_lost_inner, INNER);
	assert_int_equal(flow->tx_lost_tries, 3);
	assert_int_equal(flow->tx_lost_ms, NOW + 2100);
	assert_int_equal(flow->trial_inner, 552);
	assert_int_equal(flow->trial_end, ISN + 512);
	assert_int_equal(flow->trial_tries, 1);
	assert_int_equal(flow->trial_first_ms, NOW + 2100);
	later(h, 50);
	receive_ack(h, ISN + 512);
	assert_int_equal(flow->tx_delivered_inner, 552);
	assert_int_equal(flow->tx_delivered_ms, NOW + 2150);
	assert_int_equal(flow->tx_lost_inner, INNER);
}

/* A sender that has given up a size tries others below it once each: further tries. Smaller than what got through is none. */
static void test_tries_after_giving_up(void **state)
{
	struct harness *h = *state;
	struct wire_flow *flow;

	for (int i = 0; i < 3; i++) {
		send_data(h, ISN, FULL);
		later(h, 300);
	}
	send_data(h, ISN, 512);
	receive_ack(h, ISN + FULL);
	flow = flow_only(h);
	later(h, 100);
	send_data(h, ISN + FULL, 900);
	later(h, 100);
	send_data(h, ISN + FULL, 512);
	receive_ack(h, ISN + FULL + 900);
	assert_int_equal(flow->tx_lost_tries, 4);
	send_data(h, ISN + FULL + 900, 512);
	send_data(h, ISN + FULL + 900, 256);
	assert_int_equal(flow->tx_lost_tries, 4);
	assert_int_equal(flow->tx_lost_inner, INNER);
	assert_int_equal(flow->tx_lost_ms, NOW + 900);
}

/* What is sent again of the old window was larger then: in that size it was sent once, and cut again it is no other loss. */
static void test_old_window_after_giving_up(void **state)
{
	struct harness *h = *state;
	struct wire_flow *flow;

	for (uint32_t i = 0; i < 3; i++)
		send_data(h, ISN + i * FULL, FULL);
	for (int i = 0; i < 3; i++) {
		later(h, 300);
		send_data(h, ISN, FULL);
	}
	send_data(h, ISN, 512);
	receive_ack(h, ISN + 512);
	flow = flow_only(h);
	send_data(h, ISN + 512, 512);
	assert_int_equal(flow->trial_inner, 552);
	assert_int_equal(flow->trial_tries, 1);
	receive_ack(h, ISN + 1024);
	assert_int_equal(flow->tx_retried, 0);
	send_data(h, ISN + 1024, 512);
	send_data(h, ISN + 1024, 256);
	assert_int_equal(flow->tx_lost_inner, INNER);
	assert_int_equal(flow->tx_lost_tries, 4);
	/* Again in full: that is a second try. */
	receive_ack(h, ISN + FULL);
	send_data(h, ISN + FULL, FULL);
	assert_int_equal(flow->trial_tries, 2);
}

/* Few tries of a smaller size count for the larger one. Of as many as the detectors ask for it takes its place. */
static void test_smaller_size_given_up(void **state)
{
	struct harness *h = *state;
	struct wire_flow *flow;

	for (int i = 0; i < 4; i++) {
		send_data(h, ISN, FULL);
		later(h, 300);
	}
	send_data(h, ISN, 1000);
	later(h, 300);
	send_data(h, ISN, 1000);
	send_data(h, ISN, 512);
	flow = flow_only(h);
	assert_int_equal(flow->tx_lost_inner, INNER);
	assert_int_equal(flow->tx_lost_tries, 6);
	assert_int_equal(flow->tx_lost_ms, NOW + 1200);
	receive_ack(h, ISN + 512);
	for (int i = 0; i < 3; i++) {
		send_data(h, ISN + 512, 800);
		later(h, 300);
	}
	send_data(h, ISN + 512, 512);
	assert_int_equal(flow->tx_lost_inner, 840);
	assert_int_equal(flow->tx_lost_tries, 3);
}

/* What was given up long ago is no record to add to. */
static void test_given_up_long_ago(void **state)
{
	struct harness *h = *state;

	for (int i = 0; i < 4; i++)
		send_data(h, ISN, FULL);
	send_data(h, ISN, 512);
	receive_ack(h, ISN + 512);
	later(h, 60001);
	for (int i = 0; i < 2; i++)
		send_data(h, ISN + 512, 900);
	send_data(h, ISN + 512, 512);
	assert_int_equal(flow_only(h)->tx_lost_inner, 940);
	assert_int_equal(flow_only(h)->tx_lost_tries, 2);
	assert_int_equal(flow_only(h)->tx_lost_ms, NOW + 60001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_cut_smaller),
		bpf_test(test_tries_after_giving_up),
		bpf_test(test_old_window_after_giving_up),
		bpf_test(test_smaller_size_given_up),
		bpf_test(test_given_up_long_ago),
	};

	return cmocka_run_group_tests_name("flow given up", tests, harness_open, harness_close);
}
