// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf/{tcp,echo,session,too_big}.bpf.h for this machine; see programs.h. */
#if defined(__x86_64__)
#define __TARGET_ARCH_x86
#else
#define __TARGET_ARCH_arm64
#endif
/* An attribute of the BPF target that no other knows. */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
/* What is not static for the verifier's sake. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#ifdef __clang__
#pragma clang diagnostic ignored "-Wunknown-attributes"
#endif
#include "../../vmlinux/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "echo.bpf.h"
#include "session.bpf.h"
#include "tcp.bpf.h"
#include "too_big.bpf.h"
#include "programs.h"

void programs_tcp(struct wire_flow *f, const struct segment *s, bool tx, uint32_t now_ms)
{
	const uint32_t headers = s->headers ? s->headers : SEGMENT_HEADERS;
	const struct tcp_segment t = {
		.seq = s->seq,
		.ack = s->ack,
		.payload = s->payload,
		.payload_one = s->payload,
		.syn = s->syn,
		.fin = s->fin,
		.rst = s->rst,
		.push = !s->more,
		.window_shut = s->window_shut,
		.has_ack = s->has_ack,
		.mss = s->mss,
		.sack_permitted = s->sack_permitted,
		.twice_from = s->twice.from,
		.twice_to = s->twice.to,
		.headers = headers,
	};
	const struct packet p = {
		.family = f->family, .size = s->payload + headers, .len = s->payload + headers, .segments = 1
	};

	if (tx)
		tcp_tx(f, &p, &t, now_ms);
	else
		tcp_rx(f, &p, &t, now_ms);
}

void programs_asked(struct wire_flow *f, uint16_t seq, uint16_t inner, uint32_t now_ms)
{
	rx_delivered(f, inner, now_ms);
	echo_asked(f, seq, inner, now_ms);
}

void programs_told(struct wire_flow *f, uint32_t seq, uint16_t mtu)
{
	trial_told(f, seq, mtu);
}

void programs_session(struct wire_session *w, uint64_t counter, uint16_t outer, uint32_t now_ms)
{
	if (!w->received)
		*w = (struct wire_session){ .counter_first = counter, .counter_max = counter, .first_ms = now_ms };
	session_counter(w, counter);
	w->last_ms = now_ms;
	if (w->size_ms != now_ms || outer > w->size_outer) {
		w->size_outer = outer;
		w->size_ms = now_ms;
	}
}
