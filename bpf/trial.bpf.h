/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The size of a flow that is on trial: the oldest packet that nobody has acknowledged yet, how often it was sent, and what becomes of
 * it. And which sizes were delivered.
 */
#ifndef MTUSCOPE_TRIAL_BPF_H
#define MTUSCOPE_TRIAL_BPF_H

#include "flow.bpf.h"

#define FLOW_LOST_TRIES 3 /* of a size: the detectors ask for so many, fewer may be one burst of loss */

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
		f->tx_again += f->trial_tries - 2;
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

#endif
