// SPDX-License-Identifier: GPL-2.0-or-later
/* Both kernel edges as one source of snapshots; see observer.h. */
#include "clock.h"
#include "observer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"
#include "inventory.h"
#include "kernel.h"

#define INVENTORY_PERIOD_MS 2000 /* WireGuard announces neither peers nor endpoints: ask */
#define STRANGER_PERIOD_MS  500	 /* anybody can look like a peer that has moved: no sooner than this for them */
#define CLOCK_START_MS	    1000 /* 0 means never */
#define BTF_PATH	    "/sys/kernel/btf/vmlinux"

struct observer {
	struct inventory_reader *reader;
	struct inventory_options inventory_options;
	struct inventory inventory;
	struct kernel *kernel;
	struct snapshot snapshot;
	uint64_t start_ms;
	msec_t inventory_ms;
	bool coverage_changed;
	struct status before, after; /* what was seen, when it was last looked whether that has changed */
};

static msec_t now_ms(const struct observer *o)
{
	msec_t ms = clock_ms(CLOCK_MONOTONIC) - o->start_ms + CLOCK_START_MS;

	return (uint32_t)ms ? ms : ms + 1;
}

static int say_kernel_error(const char *command, int err, const char *why)
{
	bool refused = err == -EPERM || err == -EACCES;

	/* What libbpf says then is of memory limits. */
	if (refused && geteuid())
		fprintf(stderr, "mtuscope %s: needs root to load BPF programs\n", command);
	else if (refused)
		fprintf(stderr, "mtuscope %s: needs root to load BPF programs: %s\n", command, why);
	else
		fprintf(stderr, "mtuscope %s: cannot load BPF programs into this kernel: %s\n", command, why);
	return -1;
}

static int open_inventory(struct observer *o, const struct options *opt, const char *command)
{
	o->inventory_options.interfaces = opt->interfaces;
	o->inventory_options.interfaces_n = opt->interfaces_n;
	return gateway_read(&o->reader, &o->inventory_options, &o->inventory,
			    opt->may_be_none ? GATEWAY_NOTHING : GATEWAY_ANY_LINK, command);
}

static int open_kernel(struct observer *o, const struct options *opt, const char *command)
{
	struct kernel_options options = { .btf_path = opt->btf, .verbose = opt->verbose };
	char why[1024];
	int err;

	if (access(opt->btf ? opt->btf : BTF_PATH, R_OK)) {
		fprintf(stderr,
			"mtuscope %s: no type information (BTF) of this kernel at %s: %s; give one with --btf FILE\n",
			command, opt->btf ? opt->btf : BTF_PATH, strerror(errno));
		return -1;
	}
	if (getrandom(options.hash_seed, sizeof(options.hash_seed), 0) != sizeof(options.hash_seed)) {
		fprintf(stderr, "mtuscope %s: no random numbers: %s\n", command, strerror(errno));
		return -1;
	}
	err = kernel_open(&o->kernel, &options, o->reader, why, sizeof(why));
	if (err)
		return say_kernel_error(command, err, why);
	kernel_set_clock(o->kernel, now_ms(o));
	if (!kernel_watch(o->kernel, &o->inventory) && o->inventory.links_n) {
		fprintf(stderr, "mtuscope %s: could not attach to any of the interfaces; see mtuscope hooks\n",
			command);
		return -1;
	}
	return 0;
}

int observer_open(struct observer **observer, const struct options *opt, const char *command)
{
	struct observer *o = calloc(1, sizeof(*o));

	*observer = NULL;
	if (!o) {
		fprintf(stderr, "mtuscope %s: out of memory\n", command);
		return -1;
	}
	o->start_ms = clock_ms(CLOCK_MONOTONIC);
	if (open_inventory(o, opt, command) || open_kernel(o, opt, command)) {
		observer_close(o);
		return -1;
	}
	o->inventory_ms = now_ms(o);
	*observer = o;
	return 0;
}

void observer_close(struct observer *o)
{
	if (!o)
		return;
	kernel_close(o->kernel);
	inventory_close(o->reader);
	inventory_free(&o->inventory);
	o->snapshot.inventory = (struct inventory){ 0 };
	snapshot_free(&o->snapshot);
	free(o);
}

/* Whether as much is seen as before: the same interfaces, by the same hooks, in the same way. */
static bool same_coverage(const struct status *a, const struct status *b)
{
	bool same = a->hooks_n == b->hooks_n && a->links_n == b->links_n;

	for (size_t i = 0; same && i < a->hooks_n; i++)
		same = a->hooks[i].attached == b->hooks[i].attached && !strcmp(a->hooks[i].name, b->hooks[i].name) &&
		       !strcmp(a->hooks[i].how, b->hooks[i].how);
	for (size_t i = 0; same && i < a->links_n; i++)
		same = a->links[i].ifindex == b->links[i].ifindex && a->links[i].role == b->links[i].role &&
		       !strcmp(a->links[i].name, b->links[i].name);
	return same;
}

/* A failure leaves the inventory as it was: the next tick asks again. */
static void refresh_inventory(struct observer *o, msec_t now)
{
	struct inventory fresh = { 0 }, before;
	const char *missing = NULL;

	o->inventory_ms = now;
	if (inventory_read(o->reader, &o->inventory_options, &fresh, &missing)) {
		inventory_free(&fresh);
		return;
	}
	observer_status(o, &o->before);
	before = o->inventory;
	o->inventory = fresh;
	kernel_watch(o->kernel, &o->inventory);
	observer_status(o, &o->after);
	if (!same_coverage(&o->before, &o->after))
		o->coverage_changed = true;
	inventory_free(&before);
}

/* Whether WireGuard was spoken at an address that was no peer's when it was last asked: a peer may have moved there. */
static bool has_strangers(const struct observer *o, const struct snapshot *snap)
{
	if (snap->now_ms - o->inventory_ms < STRANGER_PERIOD_MS)
		return false;
	for (size_t i = 0; i < snap->sessions_n; i++) {
		const struct session *s = &snap->sessions[i];

		if (s->value.last_ms >= o->inventory_ms &&
		    !inventory_peer_at(&o->inventory, s->key.family, s->key.remote, s->key.remote_port,
				       s->key.local_port))
			return true;
	}
	return false;
}

int observer_tick(struct observer *o, struct snapshot *snap)
{
	struct snapshot fresh = { .now_ms = now_ms(o), .realtime_ms = clock_ms(CLOCK_REALTIME) };
	bool changed = inventory_changed(o->reader);
	int err;

	o->snapshot.inventory = (struct inventory){ 0 };
	snapshot_free(&o->snapshot);
	if (changed || fresh.now_ms - o->inventory_ms >= INVENTORY_PERIOD_MS)
		refresh_inventory(o, fresh.now_ms);
	err = kernel_collect(o->kernel, &fresh);
	kernel_set_clock(o->kernel, fresh.now_ms);
	if (!err && has_strangers(o, &fresh))
		refresh_inventory(o, fresh.now_ms);
	o->snapshot = fresh;
	o->snapshot.inventory = o->inventory;
	*snap = o->snapshot;
	return err;
}

void observer_ignore_echo(struct observer *o, uint16_t id)
{
	kernel_set_probe_id(o->kernel, id);
}

void observer_status(struct observer *o, struct status *status)
{
	kernel_status(o->kernel, status);
	status->links = o->inventory.links;
	status->links_n = o->inventory.links_n;
}

bool observer_coverage_changed(struct observer *o)
{
	bool changed = o->coverage_changed;

	o->coverage_changed = false;
	return changed;
}

bool observer_is_shut_out(const struct observer *o)
{
	return kernel_is_shut_out(o->kernel);
}

uint64_t observer_run_ns(const struct observer *o)
{
	return kernel_run_ns(o->kernel);
}
