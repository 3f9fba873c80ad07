/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP segments inside a tunnel: what is sent is on trial until it is acknowledged; what comes may leave a hole in its stream. */
#ifndef MTUSCOPE_TCP_BPF_H
#define MTUSCOPE_TCP_BPF_H

#include "trial.bpf.h"

#define SEQ_JUMP_MAX (1U << 30) /* no TCP window is larger (RFC 7323, 2.3): a farther number is not believed */

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
		f->flags |= (t->has_ack ? 0 : WIRE_FLOW_SYN_TX) | (t->sack_permitted ? 0 : WIRE_FLOW_NO_SACK);
		if (t->mss)
			f->mss_local = t->mss;
	}
	if (unlikely(t->has_ack && !(f->flags & WIRE_FLOW_RX_KNOWN))) {
		f->rx_first = f->rx_next = f->rx_end = t->ack;
		f->flags |= WIRE_FLOW_RX_KNOWN;
	} else if (t->has_ack && t->ack - f->rx_next < SEQ_JUMP_MAX) {
		rx_advance(f, t->ack, now);
	}
	/* A reset's window is nobody's: Linux throws away what was not read first, and the window that was shut is open. */
	if (unlikely(t->window_shut != !!(f->flags & WIRE_FLOW_RX_SHUT) && !t->rst))
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

/* tx: what an acknowledgement says of what was sent. */
static __always_inline void tx_acked(struct wire_flow *f, const struct tcp_segment *t, __u32 now)
{
	if (f->tx_acked == t->ack) {
		if (unlikely(!t->payload && before(t->ack, f->tx_end) && !(f->flags & WIRE_FLOW_TX_DUPLICATE)))
			f->flags |= WIRE_FLOW_TX_DUPLICATE;
		return;
	}
	if (!before(f->tx_acked, t->ack) || before(f->tx_end, t->ack))
		return;
	f->tx_acked = t->ack;
	if (unlikely(f->flags & WIRE_FLOW_TX_DUPLICATE))
		f->flags &= ~WIRE_FLOW_TX_DUPLICATE;
	if (unlikely(f->repeated && !before(t->ack, f->repeated_end)))
		repeats_acked(f);
	if (f->trial_last_ms && !before(t->ack, f->trial_end))
		trial_delivered(f, now);
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
		f->flags |= t->sack_permitted ? 0 : WIRE_FLOW_NO_SACK;
		if (t->mss)
			f->mss_remote = t->mss;
	}
	if (t->has_ack && f->flags & WIRE_FLOW_TX_KNOWN)
		tx_acked(f, t, now);
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

#endif
