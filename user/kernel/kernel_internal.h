/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the BPF edge share: the loaded object with the maps, the hooks, the links with tc programs. */
#ifndef MTUSCOPE_KERNEL_INTERNAL_H
#define MTUSCOPE_KERNEL_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel.h"
#include "tc.skel.h"

#define LIBBPF_LOG_LEN 1024

struct hook {
	const char *function;
	const char *blinds;
	const void *(*elf)(size_t *len);
	struct bpf_object *object;
	struct bpf_link *link;
	char how[16];
	char why_not[STATUS_REASON_LEN];
};

/* One direction of one link with a tc program. */
struct tc_attachment {
	uint32_t ifindex;
	char ifname[IFACE_NAME_LEN];
	enum wire_direction direction;
	enum wire_role role;
	int link_fd;	    /* tcx: closing it detaches; -1 with clsact */
	uint32_t handle;    /* clsact */
	uint32_t priority;  /* clsact */
	bool attached;
	char why_not[STATUS_REASON_LEN];
};

struct kernel {
	struct tc_bpf *tc;
	struct wire_config *config;    /* mapped */
	const struct wire_flow *flows; /* mapped, read only */
	struct hook *hooks;
	size_t hooks_n;
	struct tc_attachment attachments[WIRE_LINKS * WIRE_DIRECTIONS];
	size_t attachments_n;
	struct inventory_reader *reader;
	int slot_fd;  /* abstract socket that says this instance lives */
	int slot;     /* its number: part of our tc filters' handles */
	int cpus;
};

/* hooks.c: makes the table from hooks.def and attaches what can be attached. 0 or -ENOMEM. */
int hooks_attach(struct kernel *kernel, const struct kernel_options *options);
void hooks_detach(struct kernel *kernel);

/* tc.c: 0 or -errno; the reason for a failure is in at->why_not. */
int tc_attach(struct kernel *kernel, struct tc_attachment *at);
void tc_detach(struct kernel *kernel, struct tc_attachment *at);
/* Takes an instance number and removes the clsact filters of instances that no longer live. */
void tc_take_slot(struct kernel *kernel);

/* The last warning that libbpf printed, one line, for explaining a failure. */
const char *libbpf_last_warning(void);
void libbpf_forget_warnings(void);

#endif
