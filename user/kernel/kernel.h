/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel edge: BPF. Loads the programs, attaches them, and copies their maps into a snapshot. Nothing else in
 * the program includes libbpf. Needs root, or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN (the last for
 * WireGuard's module types) while loading.
 */
#ifndef MTUSCOPE_KERNEL_H
#define MTUSCOPE_KERNEL_H

#include "snapshot.h"
#include "status.h"

struct inventory_reader;
struct kernel;

struct kernel_options {
	const char *btf_path; /* BTF of the kernel when /sys/kernel/btf/vmlinux is missing; NULL: the kernel's own */
	int verbose;	      /* 1: libbpf's warnings on stderr, 2: everything */
	uint64_t hash_seed[2];
};

/*
 * Loads the tc programs and all hooks, attaches the hooks. A hook that cannot be attached is no error, it is in
 * kernel_status(). On failure *kernel is NULL, the result -errno, and why[] says which object failed and why.
 * Removes what a killed instance has left on any link of this namespace (clsact, kernels before 6.6).
 */
int kernel_open(struct kernel **kernel, const struct kernel_options *options, struct inventory_reader *reader,
		char *why, size_t why_len);

/* Detaches everything and frees. NULL is allowed. */
void kernel_close(struct kernel *kernel);

/*
 * Attaches the tc programs to the links of the inventory that have none yet, detaches from those that went away, and tells
 * the programs MTUs and WireGuard ports. Returns the number of links with at least one program attached.
 */
int kernel_watch(struct kernel *kernel, const struct inventory *inv);

/* Sets the programs' clock, in milliseconds; call it right after kernel_collect(). */
void kernel_set_clock(struct kernel *kernel, msec_t now_ms);

/* Echo messages with that id are our own probes, not traffic. */
void kernel_set_probe_id(struct kernel *kernel, uint16_t id);

/* Fills all of *snap but the inventory and the times, which are set. The caller frees with snapshot_free(). 0 or -errno. */
int kernel_collect(struct kernel *kernel, struct snapshot *snap);

/* Fills hooks, hooks_n and losses of *status, and state with STATUS_READY or STATUS_DEGRADED. */
void kernel_status(struct kernel *kernel, struct status *status);

/* A module was loaded since the start, and privileges to hook it are gone: only another start can. */
bool kernel_is_shut_out(const struct kernel *kernel);

/* Nanoseconds that the kernel has spent in the programs; only while kernel.bpf_stats_enabled is 1 does it count. */
uint64_t kernel_run_ns(const struct kernel *kernel);

#endif
