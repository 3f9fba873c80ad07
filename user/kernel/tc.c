// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attaching the tc programs: a tcx link where the kernel has it (6.6), which goes with the process whatever
 * happens to it; else a clsact filter, which does not. Our filters are known by their handle: a mark, the number of the
 * instance, and whether it was we who made the qdisc. An instance holds an abstract socket of its number for as long as it
 * lives, so the next start can tell the filters of the dead from those of the living, and removes them.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "inventory.h"
#include "kernel_internal.h"

#ifndef BPF_TCX_INGRESS_EGRESS_KNOWN
enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; /* enum bpf_attach_type, Linux 6.6; newer than Debian 12's headers */
#endif

#define FILTER_MARK	  0x6d740000u /* "mt" in the upper half of the handle */
#define FILTER_MARK_MASK  0xffff0000u
#define FILTER_OWN_QDISC  1u /* the qdisc is ours: remove it with the last filter */
#define FILTER_SLOT_SHIFT 1
/* 1 … 8: before others, whose verdict would hide packets; a priority that has filters of another kind refuses ours. */
#define FILTER_PRIORITIES 8
#define SLOTS		  64

static int slot_bind(int slot)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, len;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "mtuscope.%d", slot);
	if (bind(fd, (struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path) + 1 + len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static enum bpf_tc_attach_point attach_point(enum wire_direction direction)
{
	return direction == WIRE_RX ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static bool qdisc_is_empty(struct kernel *kernel, uint32_t ifindex)
{
	return inventory_tc_filters(kernel->reader, ifindex, WIRE_RX, NULL, NULL) == 0 &&
	       inventory_tc_filters(kernel->reader, ifindex, WIRE_TX, NULL, NULL) == 0;
}

/* Removes the qdisc if no filter is left in it. */
static void qdisc_release(struct kernel *kernel, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (qdisc_is_empty(kernel, ifindex))
		bpf_tc_hook_destroy(&hook);
}

static void filter_remove(struct kernel *kernel, uint32_t ifindex, enum wire_direction direction, uint32_t handle,
			  uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(direction));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	bpf_tc_detach(&hook, &opts);
	if (handle & FILTER_OWN_QDISC)
		qdisc_release(kernel, ifindex);
}

struct stale_filters {
	uint32_t handle[SLOTS], priority[SLOTS];
	size_t n;
};

static void stale_collect(const struct tc_filter *filter, void *arg)
{
	struct stale_filters *stale = arg;
	int slot = (filter->handle & ~FILTER_MARK_MASK) >> FILTER_SLOT_SHIFT, fd;

	if ((filter->handle & FILTER_MARK_MASK) != FILTER_MARK || strncmp(filter->name, "mtuscope_", 9) ||
	    stale->n == SLOTS)
		return;
	fd = slot_bind(slot);
	if (fd < 0)
		return; /* its instance lives */
	close(fd);
	stale->handle[stale->n] = filter->handle;
	stale->priority[stale->n++] = filter->priority;
}

static void stale_remove(struct kernel *kernel, uint32_t ifindex)
{
	for (int d = 0; d < WIRE_DIRECTIONS; d++) {
		struct stale_filters stale = { .n = 0 };

		inventory_tc_filters(kernel->reader, ifindex, d, stale_collect, &stale);
		for (size_t i = 0; i < stale.n; i++)
			filter_remove(kernel, ifindex, d, stale.handle[i], stale.priority[i]);
	}
}

void tc_take_slot(struct kernel *kernel)
{
	struct if_nameindex *links = if_nameindex();

	for (size_t i = 0; links && links[i].if_index; i++)
		stale_remove(kernel, links[i].if_index);
	if (links)
		if_freenameindex(links);
	kernel->slot_fd = -1;
	for (int slot = 0; slot < SLOTS && kernel->slot_fd < 0; slot++) {
		kernel->slot_fd = slot_bind(slot);
		kernel->slot = slot;
	}
}

static int clsact_attach(struct kernel *kernel, struct tc_attachment *at, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = at->ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	uint32_t handle = FILTER_MARK | (uint32_t)kernel->slot << FILTER_SLOT_SHIFT;
	int err;

	/* Both directions of a link belong to one qdisc: the second finds it made, by us or by others. */
	for (size_t i = 0; i < kernel->attachments_n; i++)
		if (kernel->attachments[i].ifindex == at->ifindex && kernel->attachments[i].attached)
			handle |= kernel->attachments[i].handle & FILTER_OWN_QDISC;
	err = bpf_tc_hook_create(&hook);
	/* One without filters is what an instance leaves that was killed between making it and using it. */
	if (!err || (err == -EEXIST && qdisc_is_empty(kernel, at->ifindex)))
		handle |= FILTER_OWN_QDISC;
	else if (err != -EEXIST)
		return err;
	hook.attach_point = attach_point(at->direction);
	for (uint32_t priority = 1; priority <= FILTER_PRIORITIES; priority++) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority, .prog_fd = prog_fd);

		err = bpf_tc_attach(&hook, &opts);
		if (!err) {
			at->handle = handle;
			at->priority = priority;
			return 0;
		}
	}
	return err;
}

static int program_fd(const struct kernel *kernel, const struct tc_attachment *at)
{
	const struct bpf_program *prog = kernel->tc->progs.mtuscope_lan_tx;

	if (at->role == WIRE_ROLE_TUNNEL)
		prog = at->direction == WIRE_RX ? kernel->tc->progs.mtuscope_tun_rx : kernel->tc->progs.mtuscope_tun_tx;
	else if (at->role == WIRE_ROLE_UNDERLAY)
		prog = at->direction == WIRE_RX ? kernel->tc->progs.mtuscope_und_rx : kernel->tc->progs.mtuscope_und_tx;
	return bpf_program__fd(prog);
}

int tc_attach(struct kernel *kernel, struct tc_attachment *at)
{
	int prog_fd = program_fd(kernel, at), err;

	at->handle = 0;
	at->link_fd =
		bpf_link_create(prog_fd, at->ifindex,
				(enum bpf_attach_type)(at->direction == WIRE_RX ? TCX_INGRESS : TCX_EGRESS), NULL);
	err = at->link_fd < 0 ? at->link_fd : 0;
	if (err == -EINVAL) /* before 6.6 */
		err = clsact_attach(kernel, at, prog_fd);
	at->attached = !err;
	if (err)
		snprintf(at->why_not, sizeof(at->why_not), "%s", strerror(-err));
	else
		at->why_not[0] = '\0';
	return err;
}

void tc_detach(struct kernel *kernel, struct tc_attachment *at)
{
	if (!at->attached)
		return;
	at->attached = false;
	if (at->link_fd >= 0)
		close(at->link_fd);
	else
		filter_remove(kernel, at->ifindex, at->direction, at->handle, at->priority);
	at->link_fd = -1;
}
