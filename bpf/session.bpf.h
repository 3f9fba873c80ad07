/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard on the wire: a data message has its receiver index and its counter in clear (drivers/net/wireguard/messages.h),
 * so an observer can count what never arrived. Handshake messages are tallied.
 */
#ifndef MTUSCOPE_SESSION_BPF_H
#define MTUSCOPE_SESSION_BPF_H

#include "maps.bpf.h"
#include "parse.bpf.h"

#define WG_DATA		 4	   /* message type; 1 to 3 are handshake and cookie */
#define WG_DATA_OVERHEAD 32	   /* 16 bytes header, 16 bytes authentication tag */
#define WG_SMALL	 128	   /* inner bytes: keep-alives, acknowledgements */
#define COUNTER_JUMP	 1024	   /* what is farther ahead needs a second one: anybody can write one into a datagram */
#define COUNTER_JUMP_MAX (1 << 20) /* a farther counter is not believed */
#define COUNTER_BACK_MAX 8128	   /* an older one WireGuard refuses itself (messages.h, COUNTER_WINDOW_SIZE) */
#define SESSION_WINDOW	 64

struct wg_data_header {
	__u8 type;
	__u8 reserved[3];
	__le32 receiver;
	__le64 counter;
};

static __always_inline void session_counter(struct wire_session *s, __u64 counter)
{
	__u64 ahead, behind;

	if (counter > s->counter_max) {
		ahead = counter - s->counter_max;
		s->window = ahead < SESSION_WINDOW ? s->window << ahead | 1 : 1;
		s->counter_max = counter;
	} else {
		behind = s->counter_max - counter;
		if (behind < SESSION_WINDOW) {
			if (s->window & (1ULL << behind)) {
				s->duplicates++;
				return;
			}
			s->window |= 1ULL << behind;
		}
		/* A packet from before the first one seen: the window of what is expected grows to hold it. */
		if (counter < s->counter_first)
			s->counter_first = counter;
	}
	__sync_fetch_and_add(&s->received, 1);
}

static __always_inline struct wire_session *session_get(const struct wire_session_key *key, __u64 counter,
							__u32 ifindex, __u32 now)
{
	struct wire_session *s = bpf_map_lookup_elem(&sessions, key);

	if (unlikely(!s)) {
		struct wire_session fresh = {
			.counter_first = counter,
			.counter_max = counter,
			.ifindex = ifindex,
			.first_ms = now,
		};

		bpf_map_update_elem(&sessions, key, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&sessions, key);
		if (!s)
			loss_count(WIRE_LOSS_SESSION_FULL);
	}
	return s;
}

/* A counter far ahead, as the first one after an outage: believed, with the one before, if that was as far. */
static __always_inline int jump_believed(struct wire_session *s, __u64 counter)
{
	__s16 on = (__u16)counter - s->jump;

	if (s->jump && on && on > -SESSION_WINDOW) {
		session_counter(s, counter - on);
		s->jump = 0;
		return 1;
	}
	if (s->jump)
		loss_count(WIRE_LOSS_UNPARSED);
	s->jump = counter;
	return 0;
}

static __always_inline int counter_believed(struct wire_session *s, __u64 counter)
{
	if (counter <= s->counter_max) {
		if (likely(s->counter_max - counter <= COUNTER_BACK_MAX))
			return 1;
	} else if (likely(counter - s->counter_max <= COUNTER_JUMP)) {
		if (likely(!s->jump))
			return 1;
		s->jump = 0;
		loss_count(WIRE_LOSS_UNPARSED);
		return 1;
	} else if (counter - s->counter_max <= COUNTER_JUMP_MAX) {
		return jump_believed(s, counter);
	}
	loss_count(WIRE_LOSS_UNPARSED);
	/* Of two that contradict each other the first one may be false as well: only of a third one it is known. */
	if (likely(s->received > 1))
		return 0;
	s->counter_first = s->counter_max = counter;
	s->window = s->received = 0;
	return 1;
}

/*
 * GRO makes one packet of many datagrams (ethtool: rx-gro-list). Its last one tells how far they go; all of them have
 * arrived, in whatever order.
 */
static __always_inline void session_run(struct __sk_buff *skb, const struct packet *p, struct wg_data_header *wg,
					const struct wire_session_key *key, struct wire_session *s)
{
	__u32 more = p->segments - 1;

	if (load(skb, p->l4 + 8 + more * skb->gso_size, wg) || wg->type != WG_DATA || wg->receiver != key->index ||
	    !counter_believed(s, wg->counter))
		return;
	if (wg->counter > s->counter_max) {
		s->counter_max = wg->counter;
		s->window = ~0ULL;
	}
	__sync_fetch_and_add(&s->received, more);
}

/* A data message of that counter is seen, whose IP packet has so many bytes. NULL: it is not believed, or there is no room. */
static __always_inline struct wire_session *session_message(const struct wire_session_key *key, __u64 counter,
							    __u32 size, __u32 ifindex, __u32 now)
{
	struct wire_session *s = session_get(key, counter, ifindex, now);

	if (!s || unlikely(!counter_believed(s, counter)))
		return 0;
	session_counter(s, counter);
	s->last_ms = now;
	if (s->size_ms != now || size > s->size_outer) {
		s->size_outer = size;
		s->size_ms = now;
	}
	return s;
}

static __always_inline void session_data(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
					 struct wg_data_header *wg, struct wire_session_key *key)
{
	struct wire_session *s;

	key->index = wg->receiver;
	s = session_message(key, wg->counter, p->size, skb->ifindex, cfg->now_ms);
	if (!s)
		return;
	if (unlikely(p->segments > 1))
		session_run(skb, p, wg, key, s);
	__sync_fetch_and_add(&s->bytes, p->len + (p->segments - 1) * p->headers);
	if (p->size <= (p->l4 - p->l3) + 8 + WG_DATA_OVERHEAD + WG_SMALL)
		s->small += p->segments;
}

/*
 * Returns 1 if the packet is WireGuard's, for or from a socket of this namespace. Whether its data message counts as one that has come
 * or gone: not if it is only the beginning of one that is yet to come.
 */
static __always_inline int session_udp(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
				       int tx, int counts)
{
	struct wire_session_key key = {};
	struct wg_data_header wg;
	__be16 ports[2];

	if (unlikely(load(skb, p->l4, &ports))) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 0;
	}
	key.local_port = bpf_ntohs(ports[tx ? 0 : 1]);
	key.remote_port = bpf_ntohs(ports[tx ? 1 : 0]);
	if (!is_wg_port(cfg, key.local_port))
		return 0;
	if (load(skb, p->l4 + 8, &wg))
		return 0;
	if (wg.type < 1 || wg.type > WG_DATA || wg.reserved[0] | wg.reserved[1] | wg.reserved[2])
		return 0;
	key.direction = tx ? WIRE_TX : WIRE_RX;
	key.family = p->family;
	__builtin_memcpy(key.remote, tx ? p->destination : p->source, 16);
	if (likely(wg.type == WG_DATA)) {
		if (likely(counts))
			session_data(skb, cfg, p, &wg, &key);
	} else {
		struct wire_tally_key tally = {
			.kind = tx ? WIRE_TALLY_HANDSHAKE_TX : WIRE_TALLY_HANDSHAKE_RX,
			.aux = wg.type,
			.ifindex = skb->ifindex,
			.family = p->family,
			.port = key.remote_port,
		};

		__builtin_memcpy(tally.remote, key.remote, 16);
		tally_add(&tally, p->size, cfg->now_ms);
	}
	return 1;
}

#endif
