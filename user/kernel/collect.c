// SPDX-License-Identifier: GPL-2.0-or-later
/* Copies the maps into a snapshot. Called on every tick; bounded by the maps' sizes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_internal.h"

#define CLOCK_LATE_MS  5000 /* twenty snapshots that were not made */
#define FLOW_AGEING_MS 3600000
#define FLOW_MEMORY_MS 150000 /* a flow without a packet for so long says nothing any more */

static int flows_collect(struct kernel *kernel, struct snapshot *snap)
{
	bool ages = snap->now_ms - kernel->aged_ms > FLOW_AGEING_MS;
	uint32_t now = snap->now_ms;

	if (ages)
		kernel->aged_ms = snap->now_ms;
	for (size_t i = 0; i < WIRE_FLOWS; i++) {
		struct wire_flow *f = &kernel->flows[i];
		uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE);
		int err;

		if (tag && ages)
			flow_age(f, now);
		if (!tag || (now - f->last_tx_ms > FLOW_MEMORY_MS && now - f->last_rx_ms > FLOW_MEMORY_MS))
			continue;
		err = collect_grow((void **)&snap->flows, snap->flows_n, sizeof(*snap->flows));
		if (err)
			return err;
		flow_widen(&snap->flows[snap->flows_n], f, snap->now_ms);
		/* The place may have been given to another flow while it was copied. */
		if (snap->flows[snap->flows_n].tag == tag && __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE) == tag)
			snap->flows_n++;
	}
	return 0;
}

static int session_add(struct snapshot *snap, const void *key, const void *value)
{
	int err = collect_grow((void **)&snap->sessions, snap->sessions_n, sizeof(*snap->sessions));

	if (err)
		return err;
	session_widen(&snap->sessions[snap->sessions_n++], key, value, snap->now_ms);
	return 0;
}

static int counters_collect(const struct kernel *kernel, struct snapshot *snap)
{
	snap->counters = calloc(WIRE_LINKS, sizeof(*snap->counters));
	if (!snap->counters)
		return -ENOMEM;
	for (size_t i = 0; i < WIRE_LINKS; i++) {
		struct link_counters *c = &snap->counters[snap->counters_n];

		if (!kernel->config->links[i].ifindex)
			continue;
		snap->counters_n++;
		c->ifindex = kernel->config->links[i].ifindex;
		for (int d = 0; d < WIRE_DIRECTIONS; d++) {
			int err = collect_per_cpu(kernel, kernel->tc->maps.counters, i * WIRE_DIRECTIONS + d,
						  (uint64_t *)&c->direction[d], sizeof(c->direction[d]) / 8);

			if (err)
				return err;
		}
	}
	return 0;
}

int kernel_collect(struct kernel *kernel, struct snapshot *snap)
{
	int err;

	err = flows_collect(kernel, snap);
	if (!err)
		err = collect_map(bpf_map__fd(kernel->tc->maps.sessions), sizeof(struct wire_session_key),
				  sizeof(struct wire_session), snap, session_add);
	if (!err)
		err = tallies_collect(bpf_map__fd(kernel->tc->maps.tallies), kernel->retired, snap);
	if (!err)
		err = counters_collect(kernel, snap);
	if (!err)
		err = drops_collect(kernel, snap);
	netstat_collect(kernel, snap);
	for (uint32_t i = 0; !err && i < WIRE_LOSSES; i++)
		err = collect_per_cpu(kernel, kernel->tc->maps.losses, i, &snap->losses[i], 1);
	if (kernel->clock_ms && snap->now_ms - kernel->clock_ms > CLOCK_LATE_MS)
		kernel->clock_late++;
	snap->losses[WIRE_LOSS_CLOCK_LATE] = kernel->clock_late;
	return err;
}
