/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: where the entry (struct wire_flow) of a flow inside the tunnel is. tcp.bpf.h and echo.bpf.h say in it which size was
 * last delivered, which is on trial and how often it was sent, and whether the stream from the other side has a hole.
 *
 * The table is an array addressed by keyed hash, open addressing with a bound on the places of each flow: an LRU hash costs
 * four times as much a packet, and lets a flood push out every flow that matters. A place is taken over only from a flow
 * that is idle, closed, or was never answered. Two CPUs may write one entry at the same moment; the fields are
 * evidence that is repeated with each packet, so a lost write costs a trial, not a verdict.
 */
#ifndef MTUSCOPE_FLOW_BPF_H
#define MTUSCOPE_FLOW_BPF_H

#include "maps.bpf.h"
#include "parse.bpf.h"

#define FLOW_PLACES	24     /* as many as it takes that a table 70 % full of living flows turns nobody away */
#define FLOW_IDLE_MS	60000  /* evidence is not older */
#define FLOW_STALLED_MS 130000 /* longer than the pauses between TCP's late tries: Linux's TCP_RTO_MAX is 120 s */
#define FLOW_ATTEMPT_MS 3000   /* three tries of a SYN fit into it, and the echo of each second */
#define FLOW_CLOSED_MS	2000   /* long enough for user space to read the end of a flow */

/* Writes a time only when the coarse clock has moved on: what is not written stays shared between CPUs' caches. */
static __always_inline void stamp(__u32 *ms, __u32 now)
{
	if (*ms != now)
		*ms = now;
}

static __always_inline int before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static __always_inline __u64 mix(__u64 h, __u64 v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

static __always_inline __u64 address_word(const __u8 *address, int i)
{
	__u64 word;

	__builtin_memcpy(&word, address + 8 * i, sizeof(word));
	return word;
}

/* Never 0. Two flows share a tag with probability 2^-64: the tuple is not compared again. */
static __always_inline __u64 flow_tag(const struct wire_config *cfg, __u8 family, __u8 protocol, const __u8 *local,
				      const __u8 *remote, __u16 local_port, __u16 remote_port, __u32 ifindex)
{
	__u64 h = cfg->hash_seed[0];

	h = mix(h, address_word(local, 0));
	h = mix(h, address_word(remote, 0));
	if (family == AF_INET6) {
		h = mix(h, address_word(local, 1));
		h = mix(h, address_word(remote, 1));
	}
	h = mix(h, (__u64)local_port << 48 | (__u64)remote_port << 32 | (ifindex & 0xffffff) << 8 | protocol);
	h = mix(h, cfg->hash_seed[1]);
	h ^= h >> 32;
	return h ? h : 1;
}

/* The nth place of a flow, from 0: anywhere, and each a step of the flow's own from the one before (double hashing). */
static __always_inline struct wire_flow *flow_place(__u64 tag, __u32 n)
{
	__u32 step = tag >> 40 | 1, i = (tag + n * step) & (WIRE_FLOWS - 1);

	return bpf_map_lookup_elem(&flows, &i);
}

/* What a flow is worth to those who look for stalled ones: where no place is free, the least gives way to a newcomer. */
enum flow_worth {
	FLOW_OVER,	 /* nothing, or it never was: a free place */
	FLOW_ATTEMPT,	 /* no payload and no answer: a SYN, a scan, a flood; or an echo, which will come again */
	FLOW_UNANSWERED, /* older than the programs and perhaps stalled, or packets that belong to nothing */
	FLOW_ANSWERED,	 /* it stays */
};

/*
 * Idle: since the last packet to and from the remote side. Not static, so that the verifier looks at it once and not for
 * each place.
 */
__noinline enum flow_worth flow_worth(__u32 flags, __s32 idle_tx, __s32 idle_rx, __u32 stalled)
{
	enum flow_worth worth = FLOW_ANSWERED;
	__s32 keep = FLOW_IDLE_MS;

	if (!(flags & WIRE_FLOW_ESTABLISHED))
		worth = flags & (WIRE_FLOW_TX_REQUEST | WIRE_FLOW_RX_RESPONSE) ? FLOW_UNANSWERED : FLOW_ATTEMPT;
	if (flags & WIRE_FLOW_RESET)
		keep = FLOW_CLOSED_MS;
	else if (worth == FLOW_ATTEMPT)
		keep = FLOW_ATTEMPT_MS;
	else if (stalled) /* closed or not, its sender still repeats what does not get through */
		keep = FLOW_STALLED_MS;
	else if (flags & WIRE_FLOW_CLOSED)
		keep = FLOW_CLOSED_MS;
	return idle_tx <= keep || idle_rx <= keep ? worth : FLOW_OVER;
}

/* The nearest place that is free, else that of the flow that is worth least; NULL if all are needed. */
static __noinline struct wire_flow *flow_claim(__u64 tag, __u32 now)
{
	enum flow_worth least = FLOW_ANSWERED, worth;
	struct wire_flow *victim = NULL, *f;

	for (__u32 n = 0; n < FLOW_PLACES; n++) {
		f = flow_place(tag, n);
		if (!f || !f->tag)
			return f;
		worth = flow_worth(f->flags, now - f->last_tx_ms, now - f->last_rx_ms, f->trial_last_ms | f->hole_ms);
		if (worth == FLOW_OVER)
			return f;
		if (worth < least) {
			least = worth;
			victim = f;
		}
	}
	/* Full of living flows: a flood evicts only its like. */
	loss_count(victim ? WIRE_LOSS_FLOW_EVICTED : WIRE_LOSS_FLOW_REFUSED);
	return victim;
}

/*
 * Where the flow is, besides its first place, or if `create` where it is to be. A function of its own: the first place, where
 * most flows are, shall cost no more for it.
 */
static __noinline struct wire_flow *flow_search(__u64 tag, int create, __u32 now)
{
	for (__u32 n = 1; n < FLOW_PLACES; n++) {
		struct wire_flow *f = flow_place(tag, n);

		if (!f || f->tag == tag)
			return f;
	}
	return create ? flow_claim(tag, now) : NULL;
}

/* The flow of the packet, made if `create`; NULL if it is not tracked. Ports are host order; echo has id and 0. */
static __always_inline struct wire_flow *flow_get(const struct wire_config *cfg, const struct packet *p, __u32 ifindex,
						  int tx, __u16 local_port, __u16 remote_port, int create)
{
	const __u8 *local = tx ? p->source : p->destination;
	const __u8 *remote = tx ? p->destination : p->source;
	__u64 tag = flow_tag(cfg, p->family, p->protocol, local, remote, local_port, remote_port, ifindex);
	struct wire_flow *f = flow_place(tag, 0);

	if (likely(f && f->tag == tag))
		return f;
	f = flow_search(tag, create, cfg->now_ms);
	if (!f || f->tag == tag)
		return f;
	__builtin_memset(f, 0, sizeof(*f));
	__builtin_memcpy(f->local, local, 16);
	__builtin_memcpy(f->remote, remote, 16);
	f->local_port = local_port;
	f->remote_port = remote_port;
	f->ifindex = ifindex;
	f->family = p->family;
	f->protocol = p->protocol;
	f->first_ms = cfg->now_ms;
	f->last_tx_ms = f->last_rx_ms = cfg->now_ms;
	f->tag = tag;
	return f;
}

#endif
