// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of rare things over a hundred days of peers that roam: never full, nothing that counts given up, no count lost. */
#include "harness.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel_internal.h"

#define DAYS   100
#define HOUR_S 3600
#define ROAMS  300 /* new subjects an hour */

static int fd;
static uint64_t retired[WIRE_TALLY_KINDS];

/* What the programs do with an event: false if there is no place. */
static bool event(uint32_t subject, msec_t now)
{
	const struct wire_tally_key key = { .kind = WIRE_TALLY_HANDSHAKE_RX,
					    .port = subject,
					    .ifindex = subject >> 16 };
	struct wire_tally value = { .first_ms = now };

	if (bpf_map_lookup_elem(fd, &key, &value) && errno != ENOENT)
		return false;
	value.count++;
	value.last_ms = now;
	return !bpf_map_update_elem(fd, &key, &value, BPF_ANY);
}

/* The sum of what the snapshot holds; the subject 0, which never rests, must be there. */
static uint64_t collected(msec_t now, size_t *n)
{
	struct snapshot snap = { .now_ms = now };
	uint64_t sum;
	bool busy = false;

	assert_int_equal(tallies_collect(fd, retired, &snap), 0);
	sum = snap.retired[WIRE_TALLY_HANDSHAKE_RX];
	for (size_t i = 0; i < snap.tallies_n; i++) {
		sum += snap.tallies[i].value.count;
		busy = busy || (!snap.tallies[i].key.port && !snap.tallies[i].key.ifindex);
	}
	assert_true(busy);
	*n = snap.tallies_n;
	snapshot_free(&snap);
	return sum;
}

static void test_a_hundred_days(void **state)
{
	uint64_t events = 0;
	uint32_t subject = 1;
	size_t most = 0;

	(void)state;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "tallies", sizeof(struct wire_tally_key), sizeof(struct wire_tally),
			    WIRE_TALLIES, NULL);
	assert_true(fd >= 0);
	for (msec_t hour = 1; hour <= DAYS * 24; hour++) {
		msec_t now = hour * HOUR_S * 1000 + 1;
		size_t n;

		assert_true(event(0, now));
		for (uint32_t i = 0; i < ROAMS; i++)
			assert_true(event(subject++, now));
		events += 1 + ROAMS;
		assert_int_equal(collected(now + 250, &n), events);
		most = n > most ? n : most;
	}
	assert_true(most <= WIRE_TALLIES / 2);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hundred_days),
	};

	return cmocka_run_group_tests_name("tallies", tests, NULL, NULL);
}
