// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program's own loader on this kernel: what watch and serve open is opened here, attached to a tunnel and an underlay,
 * and a packet of each is found in the snapshot. The other tests here load the objects themselves, so what goes wrong between
 * user space and its objects, such as read-only data that libbpf does not find, shows here alone, or in a
 * virtual machine. A hook may be missing for what this kernel lacks, not because its verifier refuses it. Needs root.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "inventory.h"
#include "kernel.h"

#define MSS 1380

static struct frame f;

static struct {
	struct inventory_reader *reader;
	struct inventory inventory;
	struct kernel *kernel;
	uint32_t tunnel, underlay;
	int tunnel_fd, underlay_fd;
} gateway;

static int loader_open(void **state)
{
	static const char *const names[] = { "tunnel", "underlay" };
	const struct inventory_options links = { names, 2 };
	const struct kernel_options options = { .hash_seed = { 1, 2 } };
	char why[1024];

	(void)state;
	if (unshare(CLONE_NEWNET) || inventory_open(&gateway.reader))
		return -1;
	gateway.tunnel_fd = device_make("tunnel", IFF_TUN, &gateway.tunnel);
	gateway.underlay_fd = device_make("underlay", IFF_TAP, &gateway.underlay);
	if (inventory_read(gateway.reader, &links, &gateway.inventory, NULL))
		return -1;
	if (kernel_open(&gateway.kernel, &options, gateway.reader, why, sizeof(why))) {
		print_error("%s\n", why);
		return -1;
	}
	kernel_set_clock(gateway.kernel, NOW);
	return kernel_watch(gateway.kernel, &gateway.inventory) == 2 ? 0 : -1;
}

static int loader_close(void **state)
{
	(void)state;
	kernel_close(gateway.kernel);
	inventory_free(&gateway.inventory);
	inventory_close(gateway.reader);
	close(gateway.tunnel_fd);
	close(gateway.underlay_fd);
	return 0;
}

static const struct link_counters *counters_of(const struct snapshot *snap, uint32_t ifindex)
{
	for (size_t i = 0; i < snap->counters_n; i++)
		if (snap->counters[i].ifindex == ifindex)
			return &snap->counters[i];
	fail_msg("nothing is counted of link %u", ifindex);
	return NULL;
}

static void test_packets_are_seen(void **state)
{
	struct snapshot snap = { .now_ms = NOW };

	(void)state;
	frame_tcp(&f, &(struct ip){ .bare = true }, &(struct segment){ .flags = TCP_SYN, .mss = MSS });
	assert_int_equal(write(gateway.tunnel_fd, f.bytes, f.len), f.len);
	frame_udp(&f, &(struct ip){ 0 }, 5353, 5353, 100);
	assert_int_equal(write(gateway.underlay_fd, f.bytes, f.len), f.len);
	assert_int_equal(kernel_collect(gateway.kernel, &snap), 0);
	assert_int_equal(counters_of(&snap, gateway.tunnel)->direction[WIRE_RX].packets, 1);
	assert_int_equal(counters_of(&snap, gateway.underlay)->direction[WIRE_RX].packets, 1);
	assert_int_equal(snap.flows_n, 1);
	assert_int_equal(snap.flows[0].mss_remote, MSS);
	assert_int_equal(snap.flows[0].ifindex, gateway.tunnel);
	snapshot_free(&snap);
}

/* Who looks too late is told so: what came meanwhile has no time of its own. */
static void test_clock_that_stood_still(void **state)
{
	static struct status status;
	static const struct {
		uint32_t after_ms;
		uint64_t late;
	} snapshots[] = { { 5000, 0 }, { 5001, 1 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct snapshot snap = { .now_ms = NOW + snapshots[i].after_ms };

		assert_int_equal(kernel_collect(gateway.kernel, &snap), 0);
		kernel_status(gateway.kernel, &status);
		assert_int_equal(snap.losses[WIRE_LOSS_CLOCK_LATE], snapshots[i].late);
		assert_int_equal(status.losses[WIRE_LOSS_CLOCK_LATE], snapshots[i].late);
		snapshot_free(&snap);
	}
}

/* The places where packets pass and the tracepoints are there on every kernel that has type information. */
static bool is_everywhere(const struct hook_status *hook)
{
	return !strncmp(hook->name, "tc ", 3) || strchr(hook->name, ':');
}

static bool is_for_want_of_kernel(const char *reason)
{
	return strstr(reason, "this kernel") || strstr(reason, "is not loaded");
}

static void test_hooks(void **state)
{
	static struct status status;

	(void)state;
	kernel_status(gateway.kernel, &status);
	assert_true(status.hooks_n > 4);
	for (size_t i = 0; i < status.hooks_n; i++) {
		const struct hook_status *hook = &status.hooks[i];

		if (!hook->attached && (is_everywhere(hook) || !is_for_want_of_kernel(hook->why_not)))
			fail_msg("%s: %s", hook->name, hook->why_not);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_are_seen),
		cmocka_unit_test(test_clock_that_stood_still),
		cmocka_unit_test(test_hooks),
	};

	return cmocka_run_group_tests_name("loader", tests, loader_open, loader_close);
}
