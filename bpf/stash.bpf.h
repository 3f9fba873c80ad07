/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a function's entry knows and its exit needs: kretprobes see no arguments, and at some exits the packet is
 * gone. One map for each object that includes this, never shared between hooks.
 */
#ifndef MTUSCOPE_STASH_BPF_H
#define MTUSCOPE_STASH_BPF_H

#include "maps.bpf.h"

#define STASH_CALLS 1024 /* under way at a time, on all CPUs */

/*
 * Names a call: a task is in a function once, and whoever interrupts it there for a call of its own has another
 * packet. Where the exit does not know the packet (kretprobe) it is NULL, and of two such calls the interrupted one
 * is lost. stash_put() counts that, and a call whose exit was missed, when it finds the place taken.
 */
struct stash_id {
	__u64 task;
	__u64 packet;
};

struct stash {
	struct wire_tally_key key;
	__u32 size;
	__u64 packet;
	__u64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STASH_CALLS);
	__type(key, struct stash_id);
	__type(value, struct stash);
} OWN_NAME(stash) SEC(".maps");

static __always_inline struct stash_id stash_id(void *packet)
{
	__u64 task = bpf_get_current_pid_tgid();

	/* The idle task has number 0 on every CPU. */
	return (struct stash_id){ .task = task ? task : bpf_get_smp_processor_id() + 1, .packet = (__u64)packet };
}

static __always_inline void stash_put(void *packet, const struct stash *what)
{
	struct stash_id id = stash_id(packet);

	if (!bpf_map_update_elem(&OWN_NAME(stash), &id, what, BPF_NOEXIST))
		return;
	loss_count(WIRE_LOSS_UNPARSED);
	bpf_map_update_elem(&OWN_NAME(stash), &id, what, BPF_EXIST);
}

/* Takes it out into *what; 0, or -1 if the entry was not seen. */
static __always_inline int stash_take(void *packet, struct stash *what)
{
	struct stash_id id = stash_id(packet);
	struct stash *s = bpf_map_lookup_elem(&OWN_NAME(stash), &id);

	if (!s)
		return -1;
	*what = *s;
	bpf_map_delete_elem(&OWN_NAME(stash), &id);
	return 0;
}

#endif
