/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: what becomes of sizes inside the tunnel. tc.bpf.c hands each TCP segment and each echo message
 * of a tunnel here; the entry (struct wire_flow) says which size was last delivered, which is on trial and how
 * often it was sent, and whether the stream from the other side has a hole.
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

#define FLOW_PLACES	24	   /* as many as it takes that a table 70 % full of living flows turns nobody away */
#define FLOW_IDLE_MS	60000	   /* evidence is not older */
#define FLOW_STALLED_MS 130000	   /* longer than the pauses between TCP's late tries: Linux's TCP_RTO_MAX is 120 s */
#define ECHO_JUMP_MAX	64	   /* so many requests in a row may be lost; what is farther ahead is another story */
#define FLOW_ATTEMPT_MS 3000	   /* three tries of a SYN fit into it, and the echo of each second */
#define FLOW_CLOSED_MS	2000	   /* long enough for user space to read the end of a flow */
#define FLOW_LOST_TRIES 3	   /* of a size: the detectors ask for so many, fewer may be one burst of loss */
#define SEQ_JUMP_MAX	(1U << 30) /* no TCP window is larger (RFC 7323, 2.3): a farther number is not believed */

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

static __always_inline void trial_begin(struct wire_flow *f, __u32 seq, __u32 end, __u16 inner, __u16 tries, __u32 now)
{
	f->trial_seq = seq;
	f->trial_end = end;
	f->trial_inner = inner;
	f->trial_tries = tries;
	f->trial_first_ms = now;
	f->trial_last_ms = now;
}

/*
 * The segment on trial was cut into smaller ones: what was tried so far is lost, not delivered. A sender that has given up a size
 * tries others below it (RFC 4821, 7.3): where it gives these up soon, they count as further tries.
 */
static __always_inline void trial_given_up(struct wire_flow *f, __u32 now)
{
	/* It was told to. */
	if (f->told) {
		f->repeated = 0;
		return;
	}
	if (f->trial_tries < FLOW_LOST_TRIES && f->trial_tries < f->tx_lost_tries &&
	    now - f->tx_lost_ms <= FLOW_IDLE_MS) {
		if (f->trial_inner < f->tx_lost_inner && f->trial_inner > f->tx_delivered_inner)
			f->tx_lost_tries += f->trial_tries;
		return;
	}
	f->tx_lost_inner = f->trial_inner;
	f->tx_lost_tries = f->trial_tries;
	f->tx_lost_ms = now;
	f->repeated = 0;
}

/* The segment on trial was cut or grew. */
static __always_inline void trial_resize(struct wire_flow *f, __u32 end, __u16 inner, __u32 now)
{
	if (inner < f->trial_inner)
		trial_given_up(f, now);
	f->told = 0;
	f->trial_end = end;
	f->trial_inner = inner;
	f->trial_tries = 1;
	f->trial_first_ms = now;
	f->trial_last_ms = now;
}

static __always_inline void trial_again(struct wire_flow *f, __u32 now)
{
	if (f->trial_tries < 0xffff)
		f->trial_tries++;
	f->trial_last_ms = now;
}

/*
 * A packet of that size got through. Only the largest of one tick is kept, and that of the one before: user space reads the
 * flows on every tick, but not all in the moment in which the next one begins.
 */
static __always_inline void size_delivered(__u32 *ms, __u16 *inner, __u32 *earlier_ms, __u16 *earlier_inner, __u16 size,
					   __u32 now)
{
	if (unlikely(*ms != now)) {
		*earlier_ms = *ms;
		*earlier_inner = *inner;
	} else if (likely(size <= *inner)) {
		return;
	}
	*ms = now;
	*inner = size;
}

static __always_inline void rx_delivered(struct wire_flow *f, __u16 size, __u32 now)
{
	size_delivered(&f->rx_delivered_ms, &f->rx_delivered_inner, &f->rx_earlier_ms, &f->rx_earlier_inner, size, now);
}

static __always_inline void trial_delivered(struct wire_flow *f, __u32 now)
{
	size_delivered(&f->tx_delivered_ms, &f->tx_delivered_inner, &f->tx_earlier_ms, &f->tx_earlier_inner,
		       f->trial_inner, now);
	f->tx_delivered++;
	if (f->trial_tries > 1) {
		f->tx_retried++;
		f->told = 0;
	}
	f->trial_last_ms = 0;
	f->trial_tries = 0;
}

/*
 * The oldest unacknowledged segment is the one that says something: an older one takes the trial over. Below a size that was given
 * up, what is sent again may have been as large as that before.
 */
static __always_inline void trial_sent(struct wire_flow *f, __u32 seq, __u32 end, __u16 inner, int again, __u32 now)
{
	if (!f->trial_last_ms || before(seq, f->trial_seq)) {
		trial_begin(f, seq, end, inner, again && inner >= f->tx_lost_inner ? 2 : 1, now);
		return;
	}
	if (seq != f->trial_seq)
		return;
	if (inner == f->trial_inner)
		trial_again(f, now);
	else
		trial_resize(f, end, inner, now);
}

/* A segment is sent again: as long as it is not acknowledged that may be anything. */
static __always_inline void repeat_sent(struct wire_flow *f, __u32 end, __u16 segments)
{
	if (!f->repeated || before(f->repeated_end, end))
		f->repeated_end = end;
	f->repeated = segments < 0xffff - f->repeated ? f->repeated + segments : 0xffff;
}

static __always_inline void repeats_acked(struct wire_flow *f)
{
	f->tx_repeated += f->repeated;
	f->repeated = 0;
}

/* Some of it had arrived already, and all of it now. The other side may tell of several segments at once. */
static __always_inline void repeats_found(struct wire_flow *f, __u32 bytes)
{
	__u32 payload = bytes;

	if (f->tx_delivered_inner > f->headers)
		payload = f->tx_delivered_inner - f->headers;
	f->tx_twice += (bytes + payload - 1) / payload;
}

/* rx: everything before `next` is there. Closes the hole that this fills. */
static __always_inline void rx_advance(struct wire_flow *f, __u32 next, __u32 now)
{
	if (!before(f->rx_next, next))
		return;
	f->rx_next = next;
	if (before(f->rx_end, next))
		f->rx_end = next;
	if (likely(!f->hole_ms || before(next, f->hole_end)))
		return;
	f->rx_filled++;
	/* Whether what follows is whole is known with the local side's next acknowledgement. */
	f->hole_ms = before(next, f->rx_end) ? now : 0;
	f->hole_end = f->rx_end;
}

/* rx: the remote side has shown that it has sent everything before `end`, and this packet began at `seq`. */
static __always_inline void rx_seen(struct wire_flow *f, __u32 seq, __u32 end, __u32 now)
{
	if (likely(!before(f->rx_next, seq))) {
		rx_advance(f, end, now);
		return;
	}
	if (seq - f->rx_next > SEQ_JUMP_MAX)
		return;
	if (!f->hole_ms) {
		f->hole_ms = now;
		f->hole_end = seq;
	} else if (before(seq, f->hole_end)) {
		f->hole_end = seq;
	}
	if (before(f->rx_end, end))
		f->rx_end = end;
}

/* A reset in answer to a segment that belongs to nothing acknowledges nothing (RFC 9293, 3.10.7.1). */
static __always_inline void flow_reset(struct wire_flow *f, const struct tcp_segment *t)
{
	f->flags |= WIRE_FLOW_CLOSED | WIRE_FLOW_RESET | (t->has_ack ? WIRE_FLOW_ABORTED : 0);
}

static __always_inline void tcp_tx(struct wire_flow *f, const struct packet *p, const struct tcp_segment *t, __u32 now)
{
	__u32 bytes = t->payload + t->syn, end = t->seq + bytes + t->fin;

	stamp(&f->last_tx_ms, now);
	if (unlikely(t->syn)) {
		f->flags |= (t->has_ack ? 0 : WIRE_FLOW_SYN_TX) | (t->sack_ok ? 0 : WIRE_FLOW_NO_SACK);
		if (t->mss)
			f->mss_local = t->mss;
	}
	if (unlikely(t->has_ack && !(f->flags & WIRE_FLOW_RX_KNOWN))) {
		f->rx_first = f->rx_next = f->rx_end = t->ack;
		f->flags |= WIRE_FLOW_RX_KNOWN;
	} else if (t->has_ack && t->ack - f->rx_next < SEQ_JUMP_MAX) {
		rx_advance(f, t->ack, now);
	}
	if (unlikely(t->window_shut != !!(f->flags & WIRE_FLOW_RX_SHUT)))
		f->flags ^= WIRE_FLOW_RX_SHUT;
	if (t->has_ack && !t->rst && (f->flags & WIRE_FLOW_RX_RESPONSE))
		f->flags |= WIRE_FLOW_ESTABLISHED;
	if (bytes) {
		__u32 one = t->payload_one + t->syn;

		if (unlikely(!(f->flags & WIRE_FLOW_TX_KNOWN))) {
			f->tx_first = f->tx_acked = f->tx_end = t->seq;
			f->flags |= WIRE_FLOW_TX_KNOWN;
		}
		if (!before(t->seq, f->tx_acked) && end - f->tx_acked <= SEQ_JUMP_MAX) {
			int again = before(t->seq, f->tx_end);

			if (unlikely(again))
				repeat_sent(f, end, p->segments);
			trial_sent(f, t->seq, t->seq + one, p->size, again, now);
		}
		if (t->payload) {
			f->flags |= WIRE_FLOW_TX_REQUEST;
			f->headers = t->headers;
			stamp(&f->last_tx_data_ms, now);
		}
	}
	/* FIN takes a number as well: the acknowledgement of the last bytes may be one more than they are. */
	if ((bytes || t->fin) && (f->flags & WIRE_FLOW_TX_KNOWN) && before(f->tx_end, end) &&
	    end - f->tx_acked <= SEQ_JUMP_MAX)
		f->tx_end = end;
	if (unlikely(t->rst))
		flow_reset(f, t);
	if (t->fin)
		f->flags |= WIRE_FLOW_CLOSED;
}

/*
 * Whether more is to come after this: it was not pushed, or ends with a full segment, as hardly any message does. Linux pushes
 * the end of each super-packet.
 */
static __always_inline __u32 rx_more(const struct wire_flow *f, const struct packet *p, const struct tcp_segment *t)
{
	__u32 mss = f->mss_local < f->mss_remote ? f->mss_local : f->mss_remote;
	__u32 full =
		mss + sizeof(struct tcphdr) + (p->family == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (t->fin)
		return 0;
	if (!t->push)
		return WIRE_FLOW_RX_MORE;
	if (!t->payload_one || t->payload % t->payload_one)
		return 0;
	return p->segments > 1 || (mss && p->size == full) ? WIRE_FLOW_RX_MORE : 0;
}

static __always_inline void tcp_rx(struct wire_flow *f, const struct packet *p, const struct tcp_segment *t, __u32 now)
{
	__u32 end = t->seq + t->payload + t->syn + t->fin;

	stamp(&f->last_rx_ms, now);
	if (unlikely(t->rst)) {
		/* Sequence numbers of a reset may be anything. */
		flow_reset(f, t);
		return;
	}
	if (unlikely(t->syn)) {
		f->flags |= t->sack_ok ? 0 : WIRE_FLOW_NO_SACK;
		if (t->mss)
			f->mss_remote = t->mss;
	}
	if (t->has_ack && (f->flags & WIRE_FLOW_TX_KNOWN) && before(f->tx_acked, t->ack) &&
	    !before(f->tx_end, t->ack)) {
		f->tx_acked = t->ack;
		if (unlikely(f->repeated && !before(t->ack, f->repeated_end)))
			repeats_acked(f);
		if (f->trial_last_ms && !before(t->ack, f->trial_end))
			trial_delivered(f, now);
	}
	if (unlikely(before(t->twice_from, t->twice_to) && !before(t->ack, t->twice_to)))
		repeats_found(f, t->twice_to - t->twice_from);
	if (unlikely(!(f->flags & WIRE_FLOW_RX_KNOWN))) {
		f->rx_first = f->rx_next = f->rx_end = end;
		f->flags |= WIRE_FLOW_RX_KNOWN;
	} else {
		rx_seen(f, t->seq, end, now);
	}
	rx_delivered(f, p->size, now);
	if (t->payload) {
		f->flags = (f->flags & ~WIRE_FLOW_TX_REQUEST) | WIRE_FLOW_RX_RESPONSE;
		stamp(&f->last_rx_data_ms, now);
		/* What was cut is as large as its sender may send. */
		if (unlikely((!t->push || p->segments > 1) && p->size != f->rx_cut_inner))
			f->rx_cut_inner = p->size;
		if (end == f->rx_end)
			f->flags = (f->flags & ~WIRE_FLOW_RX_MORE) | rx_more(f, p, t);
	}
	if (t->has_ack && !t->syn && (f->flags & WIRE_FLOW_TX_KNOWN))
		f->flags |= WIRE_FLOW_ESTABLISHED;
	if (t->has_ack && t->syn)
		f->flags |= WIRE_FLOW_ESTABLISHED;
	if (t->fin)
		f->flags |= WIRE_FLOW_CLOSED;
}

/* Whether the segment opens a connection with the ports of an earlier one: a SYN with another number than that one's. */
static __always_inline int flow_reused(const struct wire_flow *f, const struct tcp_segment *t, int tx)
{
	__u32 first = t->seq + 1;

	if (likely(!t->syn || t->has_ack))
		return 0;
	if (tx)
		return (f->flags & WIRE_FLOW_TX_KNOWN) && (before(first, f->tx_acked) || before(f->tx_end, first));
	return (f->flags & WIRE_FLOW_RX_KNOWN) && (before(first, f->rx_next) || before(f->rx_end, first));
}

/* Keeps the tuple. */
static __always_inline void flow_restart(struct wire_flow *f, __u32 now)
{
	const __u32 hot = __builtin_offsetof(struct wire_flow, tx_end),
		    tuple = __builtin_offsetof(struct wire_flow, protocol),
		    second = __builtin_offsetof(struct wire_flow, last_tx_data_ms);

	__builtin_memset((void *)f + hot, 0, tuple - hot);
	__builtin_memset((void *)f + second, 0, __builtin_offsetof(struct wire_flow, local) - second);
	f->told = f->told_mtu = 0;
	f->first_ms = f->last_tx_ms = f->last_rx_ms = now;
}

static __always_inline void flow_tcp(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
				     int tx)
{
	struct tcp_segment t;
	struct wire_flow *f;
	__be16 ports[2];

	if (unlikely(load(skb, p->l4, &ports) || parse_tcp(skb, p, &t))) {
		loss_count(WIRE_LOSS_UNPARSED);
		return;
	}
	/* Bare acknowledgements of unknown flows tell nothing and make no entry. */
	f = flow_get(cfg, p, skb->ifindex, tx, bpf_ntohs(ports[tx ? 0 : 1]), bpf_ntohs(ports[tx ? 1 : 0]),
		     t.syn || t.payload);
	if (!f)
		return;
	if (unlikely(flow_reused(f, &t, tx)))
		flow_restart(f, cfg->now_ms);
	if (tx) {
		tcp_tx(f, p, &t, cfg->now_ms);
		return;
	}
	if (unlikely(f->tx_repeated || f->repeated))
		parse_dsack(skb, p, &t);
	tcp_rx(f, p, &t, cfg->now_ms);
}

/*
 * A request of the remote side has come, of `size` bytes inside: of those numbered since the first, what has not come was
 * lost.
 */
static __always_inline void echo_asked(struct wire_flow *f, __u16 seq, __u16 size, __u32 now)
{
	__u16 ahead = seq - (__u16)f->rx_end;

	stamp(&f->last_rx_ms, now);
	f->rx_cut_inner = size;
	if (!f->rx_filled)
		f->rx_first = f->rx_end = seq;
	else if (ahead <= ECHO_JUMP_MAX)
		f->rx_end += ahead;
	f->rx_filled++;
}

/*
 * Echo (RFC 792, RFC 4443): the side that asks has its identifier as port, the other side 0. A request from here is a
 * trial that its reply ends; an earlier request's late reply of at least that size ends it as well. Never established: each
 * identifier is an entry, and whoever may ping could fill the table with them.
 */
static __always_inline void flow_echo(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
				      int tx)
{
	__u8 request_type = p->protocol == IPPROTO_ICMP ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
	__u8 reply_type = p->protocol == IPPROTO_ICMP ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;
	struct {
		__u8 type, code;
		__be16 checksum, id, sequence;
	} echo;
	__u32 now = cfg->now_ms;
	struct wire_flow *f;
	int request, ours;
	__u16 id, seq;

	/* Cut short: tally_too_big(), called before, has counted it. */
	if (load(skb, p->l4, &echo))
		return;
	request = echo.type == request_type;
	if (!request && echo.type != reply_type)
		return;
	ours = request ? tx : !tx;
	id = bpf_ntohs(echo.id);
	if (id + 1U == cfg->probe_id)
		return;
	seq = bpf_ntohs(echo.sequence);
	f = flow_get(cfg, p, skb->ifindex, tx, ours ? id : 0, ours ? 0 : id, request);
	if (!f)
		return;
	if (tx) {
		stamp(&f->last_tx_ms, now);
		if (!request)
			return;
		if (f->trial_last_ms && p->size == f->trial_inner) {
			f->trial_seq = seq;
			trial_again(f, now);
		} else if (f->trial_last_ms) {
			trial_resize(f, seq, p->size, now);
			f->trial_seq = seq;
		} else {
			trial_begin(f, seq, seq, p->size, 1, now);
		}
		return;
	}
	stamp(&f->last_rx_ms, now);
	rx_delivered(f, p->size, now);
	/* Of a reply in fragments only the first is seen. */
	if (request)
		echo_asked(f, seq, p->size, now);
	else if (f->trial_last_ms &&
		 (p->size >= f->trial_inner || (p->fragment != FRAGMENT_NONE && seq == f->trial_seq)))
		trial_delivered(f, now);
}

#endif
