// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drops with their names. Reasons are numbers that move with every release, so the running kernel's type information
 * (enum skb_drop_reason) gives their names; kernels without reasons (before 5.17) tell the dropping code's address,
 * which /proc/kallsyms turns into a function. Called by collect.c on every tick.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kernel_internal.h"

#define PREFIX "SKB_DROP_REASON_"

struct drop_site {
	uint64_t address;
	uint64_t symbol; /* 0: not looked for yet, or unknown */
	char name[sizeof(((struct drop *)0)->reason)];
};

struct drop_names {
	char *reason[WIRE_REASONS];
	struct drop_site sites[WIRE_DROP_SITES];
	size_t sites_n;
};

static void reason_name(struct drop_names *names, uint64_t value, const char *name)
{
	size_t prefix = sizeof(PREFIX) - 1;

	if (value >= WIRE_REASONS - 1 || names->reason[value])
		return;
	names->reason[value] = strdup(strncmp(name, PREFIX, prefix) ? name : name + prefix);
}

static void reasons_read(struct drop_names *names, const struct btf *btf)
{
	int id = btf__find_by_name(btf, "skb_drop_reason");
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		if (btf_is_enum(t))
			reason_name(names, (uint32_t)btf_enum(t)[i].val,
				    btf__name_by_offset(btf, btf_enum(t)[i].name_off));
		else if (btf_is_enum64(t))
			reason_name(names, btf_enum64_value(&btf_enum64(t)[i]),
				    btf__name_by_offset(btf, btf_enum64(t)[i].name_off));
	}
}

int drop_names_load(struct kernel *kernel, const struct btf *types)
{
	kernel->drop_names = calloc(1, sizeof(*kernel->drop_names));
	if (!kernel->drop_names)
		return -ENOMEM;
	if (types)
		reasons_read(kernel->drop_names, types);
	return 0;
}

void drop_names_free(struct drop_names *names)
{
	for (size_t i = 0; names && i < WIRE_REASONS; i++)
		free(names->reason[i]);
	free(names);
}

/* The nearest symbol at or below each site from `first` on. */
static void sites_name(struct drop_names *names, size_t first)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], symbol[128], type;
	uint64_t address;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c %127s", &address, &type, symbol) != 3 || (type | 32) != 't')
			continue;
		for (size_t i = first; i < names->sites_n; i++) {
			struct drop_site *site = &names->sites[i];

			if (address > site->address || address <= site->symbol)
				continue;
			site->symbol = address;
			snprintf(site->name, sizeof(site->name), "at %.*s", (int)sizeof(site->name) - 4, symbol);
		}
	}
	if (f)
		fclose(f);
}

static int drop_add(struct snapshot *snap, const char *reason, uint64_t count)
{
	int err = collect_grow((void **)&snap->drops, snap->drops_n, sizeof(*snap->drops));

	if (err)
		return err;
	snap->drops[snap->drops_n] = (struct drop){ .count = count };
	snprintf(snap->drops[snap->drops_n].reason, sizeof(snap->drops->reason), "%s", reason);
	snap->drops_n++;
	return 0;
}

static int reasons_collect(struct kernel *kernel, struct snapshot *snap)
{
	for (uint32_t i = 0; i < WIRE_REASONS; i++) {
		const char *name = i == WIRE_REASONS - 1 ? "subsystem" : kernel->drop_names->reason[i];
		char number[32];
		uint64_t count;
		int err;

		err = collect_per_cpu(kernel, kernel->tc->maps.drops, i, &count, 1);
		if (err)
			return err;
		snprintf(number, sizeof(number), "reason %" PRIu32, i);
		err = count ? drop_add(snap, name ? name : number, count) : 0;
		if (err)
			return err;
	}
	return 0;
}

static const struct drop_site *site_find(const struct drop_names *names, uint64_t address)
{
	for (size_t i = 0; i < names->sites_n; i++)
		if (names->sites[i].address == address)
			return &names->sites[i];
	return NULL;
}

/* Notes sites that are new. There is room for as many as in the map, which never forgets one. */
static void sites_learn(struct kernel *kernel)
{
	struct drop_names *names = kernel->drop_names;
	int fd = bpf_map__fd(kernel->tc->maps.drop_sites);
	uint64_t address, *previous = NULL;
	size_t first = names->sites_n;

	while (!bpf_map_get_next_key(fd, previous, &address) && names->sites_n < WIRE_DROP_SITES) {
		if (!site_find(names, address))
			names->sites[names->sites_n++] = (struct drop_site){ .address = address, .name = "at unknown" };
		previous = &address;
	}
	if (names->sites_n > first)
		sites_name(names, first);
}

static int sites_collect(struct kernel *kernel, struct snapshot *snap)
{
	const struct drop_names *names = kernel->drop_names;

	for (size_t i = 0; i < names->sites_n; i++) {
		uint64_t count;
		int err =
			bpf_map_lookup_elem(bpf_map__fd(kernel->tc->maps.drop_sites), &names->sites[i].address, &count);

		if (!err)
			err = drop_add(snap, names->sites[i].name, count);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

int drops_collect(struct kernel *kernel, struct snapshot *snap)
{
	int err = reasons_collect(kernel, snap);

	sites_learn(kernel);
	return err ? err : sites_collect(kernel, snap);
}
