// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening and closing the BPF edge, and keeping the set of watched links in step with the inventory. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "kernel_internal.h"

/* libbpf prints through one callback for the whole process and gives no context: the only globals here. */
static char last_warning[LIBBPF_LOG_LEN];
static int print_verbose;

const char *libbpf_last_warning(void)
{
	return last_warning;
}

void libbpf_forget_warnings(void)
{
	last_warning[0] = '\0';
}

static int print_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	va_list copy;

	va_copy(copy, args);
	if (level == LIBBPF_WARN && !last_warning[0]) {
		vsnprintf(last_warning, sizeof(last_warning), format, copy);
		last_warning[strcspn(last_warning, "\n")] = '\0';
	}
	va_end(copy);
	if (print_verbose > (level == LIBBPF_DEBUG ? 2 : 1))
		return vfprintf(stderr, format, args);
	return 0;
}

static int map_memory(struct kernel *kernel)
{
	void *config, *flows;

	config = mmap(NULL, sizeof(struct wire_config), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(kernel->tc->maps.config), 0);
	if (config == MAP_FAILED)
		return -errno;
	kernel->config = config;
	flows = mmap(NULL, sizeof(struct wire_flow) * WIRE_FLOWS, PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(kernel->tc->maps.flows), 0);
	if (flows == MAP_FAILED)
		return -errno;
	kernel->flows = flows;
	return 0;
}

static int config_init(struct kernel *kernel, const struct kernel_options *options)
{
	struct stat netns;

	if (stat("/proc/self/ns/net", &netns))
		return -errno;
	kernel->config->netns_inum = netns.st_ino;
	kernel->config->hash_seed[0] = options->hash_seed[0];
	kernel->config->hash_seed[1] = options->hash_seed[1];
	return 0;
}

static bool is_preempt_rt(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.version, "PREEMPT_RT");
}

static int tc_load(struct kernel *kernel, const struct kernel_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = options->btf_path);

	kernel->tc = tc_bpf__open_opts(&opts);
	if (!kernel->tc)
		return -errno;
	kernel->tc->rodata->preempt_rt = is_preempt_rt();
	return tc_bpf__load(kernel->tc);
}

/* A file that somebody has named must hold a kernel's types. Where the running kernel shows none, drops keep their numbers. */
static int drop_names_of_types(struct kernel *kernel)
{
	const char *path = kernel->options.btf_path;
	struct btf *types;
	int err = types_load(&types, path);

	if (err && path)
		return err;
	libbpf_forget_warnings();
	err = drop_names_load(kernel, types);
	btf__free(types);
	return err;
}

int kernel_open(struct kernel **kernel, const struct kernel_options *options, struct inventory_reader *reader,
		char *why, size_t why_len)
{
	struct kernel *k = calloc(1, sizeof(*k));
	const char *object;
	int err = -ENOMEM;

	*kernel = NULL;
	why[0] = '\0';
	if (!k)
		return err;
	k->reader = reader;
	k->options = *options;
	k->slot_fd = -1;
	netstat_open(k);
	print_verbose = options->verbose;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(print_warning);
	libbpf_forget_warnings();
	k->cpus = libbpf_num_possible_cpus();
	err = drop_names_of_types(k);
	if (err == -ENODATA) {
		snprintf(why, why_len, "%s holds no type information (BTF) of a kernel", options->btf_path);
		kernel_close(k);
		return err;
	}
	object = "drop reasons";
	if (err)
		goto fail;
	object = "tc programs";
	err = k->cpus < 0 ? k->cpus : tc_load(k, options);
	if (err)
		goto fail;
	object = "map memory";
	err = map_memory(k);
	if (err)
		goto fail;
	object = "network namespace";
	err = config_init(k, options);
	if (err)
		goto fail;
	tc_take_slot(k);
	object = "hooks";
	err = hooks_attach(k);
	if (err)
		goto fail;
	*kernel = k;
	return 0;
fail:
	snprintf(why, why_len, "%s: %s%s%s", object, strerror(-err), last_warning[0] ? ": " : "", last_warning);
	kernel_close(k);
	return err;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	for (size_t i = 0; i < kernel->attachments_n; i++)
		tc_detach(kernel, &kernel->attachments[i]);
	hooks_detach(kernel);
	drop_names_free(kernel->drop_names);
	netstat_close(kernel);
	if (kernel->config)
		munmap(kernel->config, sizeof(struct wire_config));
	if (kernel->flows)
		munmap(kernel->flows, sizeof(struct wire_flow) * WIRE_FLOWS);
	tc_bpf__destroy(kernel->tc);
	if (kernel->slot_fd >= 0)
		close(kernel->slot_fd);
	free(kernel);
}

/* The link's slot, WIRE_LINKS if it has none; with 0 a free one. */
static size_t slot_of(const struct wire_config *cfg, uint32_t ifindex)
{
	size_t slot = 0;

	while (slot < WIRE_LINKS && cfg->links[slot].ifindex != ifindex)
		slot++;
	return slot;
}

/* The counters of a link that has gone are not those of the next one. */
static void slot_clear(struct kernel *kernel, uint32_t slot)
{
	struct wire_counters *zeros = calloc(kernel->cpus, sizeof(*zeros));

	for (uint32_t d = 0; zeros && d < WIRE_DIRECTIONS; d++) {
		uint32_t key = slot * WIRE_DIRECTIONS + d;

		bpf_map_update_elem(bpf_map__fd(kernel->tc->maps.counters), &key, zeros, BPF_ANY);
	}
	free(zeros);
}

/*
 * A link keeps its slot, and so its counters, for as long as it exists. Written before the programs can see the link, read
 * by them without a lock: the slot table is changed last.
 */
static void config_links(struct kernel *kernel, const struct inventory *inv)
{
	struct wire_config *cfg = kernel->config;
	uint8_t ports[sizeof(cfg->wg_port)] = { 0 };

	for (size_t i = 0; i < WIRE_LINKS; i++)
		if (cfg->links[i].ifindex && !inventory_link(inv, cfg->links[i].ifindex))
			cfg->links[i] = (struct wire_link){ 0 };
	for (size_t i = 0; i < inv->links_n; i++) {
		const struct link *l = &inv->links[i];
		size_t slot = slot_of(cfg, l->ifindex);

		if (slot == WIRE_LINKS) {
			slot = slot_of(cfg, 0);
			if (slot == WIRE_LINKS)
				continue;
			slot_clear(kernel, slot);
		}
		cfg->links[slot] = (struct wire_link){
			.ifindex = l->ifindex,
			.mtu = l->mtu > UINT16_MAX ? 0 : l->mtu,
			.role = l->role,
			.l3_offset = l->ethernet ? 14 : 0,
		};
		if (l->role == WIRE_ROLE_TUNNEL)
			ports[l->listen_port] = l->listen_port != 0;
	}
	memcpy(cfg->wg_port, ports, sizeof(ports));
	for (size_t i = 0; i < WIRE_LINKS; i++)
		if (cfg->links[i].ifindex)
			cfg->link_slot[cfg->links[i].ifindex % sizeof(cfg->link_slot)] = i;
}

static const struct link *link_wanted(const struct inventory *inv, const struct tc_attachment *at)
{
	const struct link *l = inventory_link(inv, at->ifindex);

	return l && l->role == at->role ? l : NULL;
}

static void links_drop(struct kernel *kernel, const struct inventory *inv)
{
	size_t kept = 0;

	for (size_t i = 0; i < kernel->attachments_n; i++) {
		struct tc_attachment *at = &kernel->attachments[i];

		if (link_wanted(inv, at)) {
			kernel->attachments[kept++] = *at;
			continue;
		}
		tc_detach(kernel, at);
	}
	kernel->attachments_n = kept;
}

static struct tc_attachment *attachment_find(struct kernel *kernel, uint32_t ifindex, enum wire_direction direction)
{
	for (size_t i = 0; i < kernel->attachments_n; i++)
		if (kernel->attachments[i].ifindex == ifindex && kernel->attachments[i].direction == direction)
			return &kernel->attachments[i];
	return NULL;
}

static void link_attach(struct kernel *kernel, const struct link *l, enum wire_direction direction)
{
	struct tc_attachment *at = attachment_find(kernel, l->ifindex, direction);

	if (at && at->attached)
		return;
	if (!at) {
		if (kernel->attachments_n == sizeof(kernel->attachments) / sizeof(kernel->attachments[0]))
			return;
		at = &kernel->attachments[kernel->attachments_n++];
		*at = (struct tc_attachment){ .ifindex = l->ifindex, .direction = direction, .role = l->role };
	}
	memcpy(at->ifname, l->name, sizeof(at->ifname));
	tc_attach(kernel, at);
}

int kernel_watch(struct kernel *kernel, const struct inventory *inv)
{
	int attached = 0;

	hooks_refresh(kernel);
	links_drop(kernel, inv);
	config_links(kernel, inv);
	for (size_t i = 0; i < inv->links_n; i++) {
		const struct tc_attachment *rx, *tx;

		if (slot_of(kernel->config, inv->links[i].ifindex) == WIRE_LINKS)
			continue;
		if (inv->links[i].role != WIRE_ROLE_LAN)
			link_attach(kernel, &inv->links[i], WIRE_RX);
		link_attach(kernel, &inv->links[i], WIRE_TX);
		rx = attachment_find(kernel, inv->links[i].ifindex, WIRE_RX);
		tx = attachment_find(kernel, inv->links[i].ifindex, WIRE_TX);
		attached += (rx && rx->attached) || (tx && tx->attached);
	}
	return attached;
}

bool kernel_is_shut_out(const struct kernel *kernel)
{
	return kernel->shut_out;
}

void kernel_set_clock(struct kernel *kernel, msec_t now_ms)
{
	kernel->clock_ms = now_ms;
	__atomic_store_n(&kernel->config->now_ms, now_ms, __ATOMIC_RELAXED);
}

void kernel_set_probe_id(struct kernel *kernel, uint16_t id)
{
	__atomic_store_n(&kernel->config->probe_id, id + 1U, __ATOMIC_RELAXED);
}

static struct hook_status *status_add(struct status *status, const char *name, const char *how)
{
	struct hook_status *h;

	if (status->hooks_n == STATUS_HOOKS_MAX)
		return NULL;
	h = &status->hooks[status->hooks_n++];
	*h = (struct hook_status){ .attached = how != NULL };
	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->how, sizeof(h->how), "%s", how ? how : "");
	return h;
}

static void status_tc(struct status *status, const struct tc_attachment *at)
{
	struct hook_status *h;
	char name[STATUS_NAME_LEN];

	snprintf(name, sizeof(name), "tc %s %s", at->direction == WIRE_RX ? "ingress" : "egress", at->ifname);
	h = status_add(status, name, !at->attached ? NULL : at->link_fd >= 0 ? "tcx" : "clsact");
	if (!h || at->attached)
		return;
	snprintf(h->why_not, sizeof(h->why_not), "%s", at->why_not);
	h->blinds = "every packet of this link in this direction";
	status->state = STATUS_DEGRADED;
}

static void status_hook(struct status *status, const struct hook *hook)
{
	struct hook_status *h = status_add(status, hook->function, hook->object ? hook->how : NULL);

	if (!h)
		return;
	snprintf(h->attached ? h->note : h->why_not, STATUS_REASON_LEN, "%s", hook->why_not);
	if (h->attached || hook->dormant)
		return;
	h->blinds = hook->blinds;
	status->state = STATUS_DEGRADED;
}

void kernel_status(struct kernel *kernel, struct status *status)
{
	status->hooks_n = 0;
	status->state = STATUS_READY;
	for (size_t i = 0; i < kernel->attachments_n; i++)
		status_tc(status, &kernel->attachments[i]);
	for (size_t i = 0; i < kernel->hooks_n; i++)
		status_hook(status, &kernel->hooks[i]);
	for (uint32_t i = 0; i < WIRE_LOSSES; i++) {
		uint64_t per_cpu[kernel->cpus];

		status->losses[i] = 0;
		if (!bpf_map_lookup_elem(bpf_map__fd(kernel->tc->maps.losses), &i, per_cpu))
			for (int cpu = 0; cpu < kernel->cpus; cpu++)
				status->losses[i] += per_cpu[cpu];
	}
	status->losses[WIRE_LOSS_CLOCK_LATE] = kernel->clock_late;
}
