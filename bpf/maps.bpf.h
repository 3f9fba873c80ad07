/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every map, defined once. Each BPF object that includes this file declares them all; the loader creates them with
 * the first object (tc.bpf.c) and lets every later object reuse them by name, so all programs share one set. They are weak
 * symbols, so that the hooks can be linked into one object.
 * Keys and values are those of wire.h; user/kernel/collect.c reads them all, but for what only the programs need.
 */
#ifndef MTUSCOPE_MAPS_BPF_H
#define MTUSCOPE_MAPS_BPF_H

#include "wire.h"

/* For what several hooks include: a name of this object's own, which the Makefile calls OBJECT. */
#define OWN_NAME(name)		     OWN_NAME_OF(name, OBJECT)
#define OWN_NAME_OF(name, object)    OWN_NAME_PASTE(name, object)
#define OWN_NAME_PASTE(name, object) name##_##object

/* Written by user/kernel/ only, mapped there; read by every program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_config);
} config SEC(".maps") __weak;

/* Written by tc programs on tunnels. 12 MiB, mapped by user space: no system call to read 64k flows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_FLOWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_flow);
} flows SEC(".maps") __weak;

/* Written by tc programs on underlays. The kernel's LRU bounds it; a session lives two to three minutes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_SESSIONS);
	__type(key, struct wire_session_key);
	__type(value, struct wire_session);
} sessions SEC(".maps") __weak;

/* Written by tc programs: one element a link and direction. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_LINKS *WIRE_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct wire_counters);
} counters SEC(".maps") __weak;

/* Written by all: rare events by subject. When it is full the new subject is counted in losses, not kept. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_TALLIES);
	__type(key, struct wire_tally_key);
	__type(value, struct wire_tally);
} tallies SEC(".maps") __weak;

/* Written by the kfree_skb hook: drops by the kernel's reason number. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps") __weak;

/* Written by the kfree_skb hook of kernels without reasons: drops by address in the kernel's code. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_DROP_SITES);
	__type(key, __u64);
	__type(value, __u64);
} drop_sites SEC(".maps") __weak;

/* Written by all: enum wire_loss. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_LOSSES);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps") __weak;

/*
 * Packets that come in fragments, by what these have in common. Written by tc programs at each of them, read where they are put
 * together; they follow each other at once, so that a place is given up (LRU) long after it was needed.
 */
#define FRAGMENTED_PACKETS 4096
#define FRAGMENT_OF_OTHERS 0x10000

struct fragment_key {
	__u8 source[16];
	__u8 destination[16];
	__u32 id; /* as on the wire; IPv4's has 16 bits */
	__u32 family;
};

struct fragment_packet {
	__u32 owner; /* the port of the remote side, or FRAGMENT_OF_OTHERS: not WireGuard's; 0: no first fragment yet */
	__u32 first_ms;	  /* of whichever came first */
	__u32 came;	  /* bytes after the IP header, of all that have come */
	__u32 end;	  /* … and of the whole, as the last fragment tells; 0: not yet */
	__u32 local_port; /* of a data message, and … */
	__u32 receiver;	  /* … its header; else 0 */
	__u64 counter;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENTED_PACKETS);
	__type(key, struct fragment_key);
	__type(value, struct fragment_packet);
} fragments SEC(".maps") __weak;

static __always_inline const struct wire_config *config_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* Whether a WireGuard socket of this namespace listens on that UDP port (host order). */
static __always_inline int is_wg_port(const struct wire_config *cfg, __u64 port)
{
	/* The compiler knows that a port fits; the verifier has forgotten it after the byte swap. */
	asm volatile("%0 &= 0xffff" : "+r"(port));
	return cfg->wg_port[port];
}

/* WIRE_ROLE_NONE if the link is not watched. */
static __always_inline enum wire_role link_role(const struct wire_config *cfg, __u32 ifindex)
{
	__u32 slot = cfg->link_slot[ifindex & (sizeof(cfg->link_slot) - 1)];

	if (slot >= WIRE_LINKS || cfg->links[slot].ifindex != ifindex)
		return WIRE_ROLE_NONE;
	return cfg->links[slot].role;
}

static __always_inline void loss_count(enum wire_loss loss)
{
	__u32 key = loss;
	__u64 *n = bpf_map_lookup_elem(&losses, &key);

	if (n)
		*n += 1;
}

/* Counts an event of a subject; `size` in bytes widens its range, 0 leaves it. NULL if there is no place for it. */
static __noinline struct wire_tally *tally_add(struct wire_tally_key *key, __u32 size, __u32 now_ms)
{
	struct wire_tally *tally;

	if (!key)
		return NULL;
	tally = bpf_map_lookup_elem(&tallies, key);
	if (!tally) {
		struct wire_tally first = { .size_min = size, .size_max = size, .first_ms = now_ms };

		/* Another CPU may have been faster: then its element is the one to count in. */
		bpf_map_update_elem(&tallies, key, &first, BPF_NOEXIST);
		tally = bpf_map_lookup_elem(&tallies, key);
		if (!tally) {
			loss_count(WIRE_LOSS_TALLY_FULL);
			return NULL;
		}
	}
	__sync_fetch_and_add(&tally->count, 1);
	if (size && (!tally->size_min || size < tally->size_min))
		tally->size_min = size;
	if (size > tally->size_max)
		tally->size_max = size;
	tally->last_ms = now_ms;
	return tally;
}

#endif
