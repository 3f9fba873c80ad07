// SPDX-License-Identifier: GPL-2.0-or-later
/* One end of a simulated TCP connection; see network.h. */
#include "network_internal.h"

#include <string.h>

#define DUPLICATES   3 /* acknowledgements, RFC 5681 */
#define ACK_DELAY_MS 40
#define RTO_MAX_MS   120000
#define GIVE_UP_MS   (14 * RTO_MIN_MS) /* after the first time-out: Linux, tcp_retries1 and sysctl tcp_mtu_probing = 1 */
#define PROBE_ALONE  200	       /* ms that a receiver may wait for a second segment, as Linux reckons */

/* Whether that end's application reads nothing, so that one byte at a time is tried. */
static bool is_full(const struct network *n, const struct connection *c, bool local)
{
	return local ? n->full_here : n->full[c->host];
}

/* What is acknowledged with it, and what has come besides. */
static void twice_tell(struct end *e, struct segment *s)
{
	s->twice = e->twice;
	e->twice = (struct range){ 0, 0 };
}

static void sack_tell(const struct network *n, const struct end *e, struct segment *s)
{
	for (size_t i = 0; n->sack && i < SACK_BLOCKS && i < e->early_n; i++)
		s->sack[i] = e->early[e->early_n - 1 - i];
}

/* The number from which on the other end may lack something. */
static uint32_t sack_skip(const struct end *e, uint32_t seq)
{
	for (size_t i = 0; i < SACK_BLOCKS; i++)
		if (after(seq, e->sack[i].from) >= 0 && after(e->sack[i].to, seq) > 0)
			return sack_skip(e, e->sack[i].to);
	return seq;
}

/* What begins at seq goes on to there at most: what the other end has is not sent with it. */
static uint32_t sack_limit(const struct end *e, uint32_t seq, uint32_t to)
{
	for (size_t i = 0; i < SACK_BLOCKS; i++)
		if (after(e->sack[i].from, seq) > 0 && after(to, e->sack[i].from) > 0 &&
		    after(e->sack[i].to, e->sack[i].from) > 0)
			to = e->sack[i].from;
	return to;
}

/* What was announced binds it, and what its gateway has told it since. */
static uint32_t segment_max(const struct network *n, const struct connection *c, bool local)
{
	uint32_t mss = local ? n->mss : n->far_mss;

	if (c->end[!local].small && n->mss_small < mss)
		mss = n->mss_small;
	if (c->end[!local].told_mss && c->end[!local].told_mss < mss)
		mss = c->end[!local].told_mss;
	return c->mss < mss ? c->mss : mss;
}

/* The segment that begins at seq: the SYN alone, else as much as there is and fits. Returns the number after it. */
static uint32_t segment_cut(struct network *n, struct connection *c, bool local, uint32_t seq)
{
	struct end *e = &c->end[!local];
	struct segment s = { .seq = seq,
			     .ack = e->rcv,
			     .has_ack = e->rcv != 0,
			     .window_shut = is_full(n, c, local),
			     .headers = n->headers };
	bool window_try = is_full(n, c, !local) && after(e->top, seq) <= 0;
	uint32_t next, mss = segment_max(n, c, local);

	twice_tell(e, &s);
	if (seq == e->first) {
		s.syn = true;
		s.sack_permitted = n->sack;
		s.mss = (local ? n->mss : n->far_mss) + n->headers - (inner_v6(n) ? HEADERS_V6 : HEADERS_V4);
		next = seq + 1;
	} else {
		s.payload = e->end - seq < mss ? e->end - seq : mss;
		if (window_try)
			s.payload = 1;
		next = sack_limit(e, seq, seq + s.payload);
		s.payload = next - seq;
		s.more = after(e->end, next) > 0 && next - e->una < e->window * mss; /* a burst's end is pushed */
	}
	e->ack_due_ms = 0;
	segment_send(n, c, local, &s);
	if (!window_try && after(next, e->top) > 0)
		e->top = next;
	return next;
}

static void acknowledge(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];
	struct segment s = { .seq = e->nxt,
			     .ack = e->rcv,
			     .has_ack = true,
			     .window_shut = is_full(n, c, local),
			     .headers = n->headers };

	twice_tell(e, &s);
	sack_tell(n, e, &s);
	e->ack_due_ms = 0;
	segment_send(n, c, local, &s);
}

/* One that is heard of nothing sends its last segment again before it doubts all of them. */
static void probe_arm(const struct network *n, struct end *e)
{
	uint32_t pto_ms = 2 * (rto_ms(n) - RTO_MIN_MS) + (e->last == e->una ? PROBE_ALONE : 0);

	e->probe_due_ms = 0;
	if (n->sack && e->last != e->first && after(e->nxt, e->una) > 0)
		e->probe_due_ms = n->now_ms + (pto_ms < e->rto_ms ? pto_ms : e->rto_ms);
}

void end_send(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];
	uint32_t window = e->window * segment_max(n, c, local);
	bool is_new = false;

	while (after(e->end, e->nxt) > 0 && e->nxt - e->una < window) {
		if (is_full(n, c, !local) && e->una != e->nxt)
			return;
		if (e->una == e->nxt)
			e->rto_due_ms = n->now_ms + e->rto_ms;
		if (after(e->nxt, e->top) >= 0) {
			e->last = e->nxt;
			is_new = true;
		}
		e->nxt = segment_cut(n, c, local, e->nxt);
		e->nxt = sack_skip(e, e->nxt);
	}
	if (is_new && after(e->recover, e->una) <= 0)
		probe_arm(n, e);
}

/* Fast retransmission: what was sent later has come. */
static void end_repeat_early(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];

	if (e->duplicates < DUPLICATES || e->repeated_early || n->now_ms - e->duplicate_ms < n->reorder_ms)
		return;
	e->repeated_early = true;
	e->probe_due_ms = 0;
	e->window = e->window > 4 ? e->window / 2 : 2;
	e->recover = e->nxt;
	segment_cut(n, c, local, e->una);
}

/* What it was told of is sent again at once, smaller. */
void end_heeds(struct network *n, struct connection *c, uint32_t mss)
{
	struct end *e = &c->end[0];

	if (e->told_mss && e->told_mss <= mss)
		return;
	e->told_mss = mss;
	if (e->una == e->nxt || e->una == e->first)
		return;
	e->rto_due_ms = n->now_ms + e->rto_ms;
	e->nxt = sack_skip(e, segment_cut(n, c, true, e->una));
	end_send(n, c, true);
}

void end_time_out(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];

	if (e->ack_due_ms && n->now_ms >= e->ack_due_ms)
		acknowledge(n, c, local);
	end_repeat_early(n, c, local);
	if (e->una != e->nxt && e->probe_due_ms && n->now_ms >= e->probe_due_ms) {
		e->probe_due_ms = 0;
		e->rto_due_ms = n->now_ms + e->rto_ms;
		segment_cut(n, c, local, e->last);
	}
	if (e->una == e->nxt || n->now_ms < e->rto_due_ms)
		return;
	if (!e->repeats_ms)
		e->repeats_ms = n->now_ms;
	e->small |= n->mss_small && n->now_ms - e->repeats_ms >= GIVE_UP_MS;
	e->probe_due_ms = 0;
	e->rto_ms = 2 * e->rto_ms < RTO_MAX_MS ? 2 * e->rto_ms : RTO_MAX_MS;
	e->rto_due_ms = n->now_ms + e->rto_ms;
	e->window = 1;
	e->duplicates = 0;
	e->repeated_early = false;
	e->recover = e->una;
	e->nxt = sack_skip(e, segment_cut(n, c, local, e->una));
}

static void end_acknowledged(struct network *n, struct connection *c, bool local, uint32_t ack, bool bare)
{
	struct end *e = &c->end[!local];

	if (after(ack, e->una) > 0 && after(ack, e->top) <= 0) {
		e->una = ack;
		if (after(e->nxt, ack) < 0)
			e->nxt = ack;
		e->duplicates = 0;
		e->repeated_early = false;
		e->repeats_ms = 0;
		e->rto_ms = rto_ms(n);
		e->rto_due_ms = n->now_ms + e->rto_ms;
		e->window += e->window < n->window_max;
		c->progress_ms = n->now_ms;
		if (after(e->recover, ack) > 0)
			segment_cut(n, c, local, ack);
		else
			probe_arm(n, e);
	} else if (bare && ack == e->una && e->una != e->nxt) {
		if (!e->duplicates++)
			e->duplicate_ms = n->now_ms;
		end_repeat_early(n, c, local);
	}
}

static void end_early(struct end *e, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < e->early_n; i++) {
		if (e->early[i].to == from) {
			e->early[i].to = to;
			return;
		}
	}
	if (e->early_n < NETWORK_RANGES)
		e->early[e->early_n++] = (struct range){ from, to };
}

static void end_advance(struct end *e, uint32_t to)
{
	if (after(to, e->rcv) > 0)
		e->rcv = to;
	for (size_t i = 0; i < e->early_n; i++) {
		if (after(e->early[i].from, e->rcv) > 0)
			continue;
		to = e->early[i].to;
		e->early[i] = e->early[--e->early_n];
		end_advance(e, to);
		return;
	}
}

void end_receives(struct network *n, struct connection *c, bool local, const struct segment *s)
{
	struct end *e = &c->end[!local];
	uint32_t to = s->seq + s->payload + s->syn;
	bool next = s->seq == e->rcv; /* what comes twice or too early is acknowledged at once (RFC 5681, 4.2) */

	/* What was sent before that has room. */
	if (is_full(n, c, local) && s->payload == 1) {
		acknowledge(n, c, local);
		return;
	}
	if (s->has_ack)
		memcpy(e->sack, s->sack, sizeof(e->sack));
	if (n->sack && s->payload && after(to, e->rcv) <= 0)
		e->twice = (struct range){ s->seq, to };
	if (s->syn && !e->rcv) {
		e->rcv = to;
		if (e->end == e->first) { /* the side that was asked answers with its own SYN */
			e->end++;
			e->window = WINDOW_FIRST;
			e->rto_ms = RTO_FIRST_MS;
		}
	} else if (s->syn || s->payload) {
		if (after(s->seq, e->rcv) > 0)
			end_early(e, s->seq, to);
		else
			end_advance(e, to);
	}
	if (s->has_ack)
		end_acknowledged(n, c, local, s->ack, !s->payload && !s->syn);
	if (n->delayed_acks && s->payload && next && !e->early_n && !e->ack_due_ms)
		e->ack_due_ms = n->now_ms + ACK_DELAY_MS;
	else if ((s->syn && s->has_ack) || s->payload)
		acknowledge(n, c, local);
	end_send(n, c, local);
}
