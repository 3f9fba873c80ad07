// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs as on a PREEMPT_RT kernel, where a packet may come in while another one is under way on the same CPU: it is
 * left alone and counted as a loss, and does not change what the other one is about.
 */
#include "harness.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "tc.skel.h"

static struct frame f;

/* On all CPUs a packet of that link is under way, and has been parsed. */
static void interrupt(struct harness *h, uint32_t key, uint64_t inside)
{
	struct wire_counters *c = calloc(h->cpus, sizeof(*c));

	assert_non_null(c);
	for (int cpu = 0; cpu < h->cpus; cpu++) {
		c[cpu].inside = inside;
		memset(c[cpu].scratch, 0x55, sizeof(c[cpu].scratch));
	}
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(h->tc->maps.counters), &key, c, BPF_ANY), 0);
	free(c);
}

static void assert_untouched(struct harness *h, uint32_t key, uint64_t inside)
{
	struct wire_counters *c = calloc(h->cpus, sizeof(*c));

	assert_non_null(c);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(h->tc->maps.counters), &key, c), 0);
	for (int cpu = 0; cpu < h->cpus; cpu++) {
		assert_int_equal(c[cpu].inside, inside);
		for (size_t i = 0; i < sizeof(c[cpu].scratch) / sizeof(c[cpu].scratch[0]); i++)
			assert_int_equal(c[cpu].scratch[i], 0x5555555555555555);
	}
	free(c);
}

static void test_a_packet_within_another(void **state)
{
	struct harness *h = *state;
	struct wire_counters c;

	frame_tcp(&f, &(struct ip){ .tx = true }, &(struct segment){ .flags = TCP_SYN });
	interrupt(h, WIRE_TX, 1); /* the tunnel is the first link */
	run(h, TUN_TX, &f);
	counters_read(h, TUN_TX, &c);
	assert_int_equal(c.packets, 0);
	assert_int_equal(flows_n(h), 0);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 1);
	assert_untouched(h, WIRE_TX, 1);
	/* The other direction has a place of its own. */
	frame_tcp(&f, &(struct ip){ .tx = false }, &(struct segment){ .flags = TCP_SYN });
	run(h, TUN_RX, &f);
	assert_int_equal(flows_n(h), 1);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 1);
}

static void test_one_after_the_other(void **state)
{
	struct harness *h = *state;
	struct wire_counters c;

	frame_tcp(&f, &(struct ip){ .tx = true }, &(struct segment){ .flags = TCP_SYN });
	run_times(h, TUN_TX, &f, 3);
	counters_read(h, TUN_TX, &c);
	assert_int_equal(c.packets, 3);
	assert_int_equal(c.inside, 0);
	assert_int_equal(flow_only(h)->trial_tries, 3);
	assert_int_equal(loss(h, WIRE_LOSS_UNPARSED), 0);
	/* What cannot be read lets the next one in as well. */
	f.bytes[ETHERNET_LEN] = 0x44;
	run(h, TUN_TX, &f);
	counters_read(h, TUN_TX, &c);
	assert_int_equal(c.unparsed, 1);
	assert_int_equal(c.inside, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_a_packet_within_another),
		bpf_test(test_one_after_the_other),
	};

	return cmocka_run_group_tests_name("preempt_rt", tests, harness_open_preempt_rt, harness_close);
}
