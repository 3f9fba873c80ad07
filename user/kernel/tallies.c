// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of rare things: copied into a snapshot, and kept from filling up, whatever comes by in months: roaming peers,
 * forged messages, interfaces of containers. Called by collect.c on every tick.
 */
#include "kernel_internal.h"

/* Of what nothing came for ten minutes no detector speaks any more, nor a finding that lives on. */
#define QUIET_MS 600000

static int tally_add(struct snapshot *snap, const void *key, const void *value)
{
	int err = collect_grow((void **)&snap->tallies, snap->tallies_n, sizeof(*snap->tallies));

	if (err)
		return err;
	tally_widen(&snap->tallies[snap->tallies_n++], key, value, snap->now_ms);
	return 0;
}

/* The programs write the last time after the first. */
static bool is_quiet(const struct tally *t, msec_t now)
{
	msec_t latest = t->value.last_ms > t->value.first_ms ? t->value.last_ms : t->value.first_ms;

	return now - latest > QUIET_MS;
}

/* What has been quiet gives its place; its count stays in the sum of its kind. */
static void retire(int fd, uint64_t retired[WIRE_TALLY_KINDS], struct snapshot *snap)
{
	size_t kept = 0;

	for (size_t i = 0; i < snap->tallies_n; i++) {
		const struct tally *t = &snap->tallies[i];

		if (t->key.kind < WIRE_TALLY_KINDS && is_quiet(t, snap->now_ms) && !bpf_map_delete_elem(fd, &t->key))
			retired[t->key.kind] += t->value.count;
		else
			snap->tallies[kept++] = *t;
	}
	snap->tallies_n = kept;
}

int tallies_collect(int fd, uint64_t retired[WIRE_TALLY_KINDS], struct snapshot *snap)
{
	int err = collect_map(fd, sizeof(struct wire_tally_key), sizeof(struct wire_tally), snap, tally_add);

	if (!err && snap->tallies_n > WIRE_TALLIES / 2)
		retire(fd, retired, snap);
	for (size_t i = 0; i < WIRE_TALLY_KINDS; i++)
		snap->retired[i] = retired[i];
	return err;
}
