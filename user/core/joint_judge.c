// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was sent at one end against what came to the other. The clocks have nothing in common: a counter that has risen
 * at the receiver had risen at the sender before, by the delay of the path. The least difference each way, halved, is that of
 * the clocks, to within a snapshot or two. So one second at either edge of what both have seen does not count.
 */
#include "joint_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "outer.h"

#define EDGE_MS	   1000 /* clocks, snapshots and the path's delay together */
#define SECOND_MS  1000
#define WITNESSES  5	/* seconds in which a size was sent in vain while others arrived, as for one flow */
#define CHANCE_MAX 1e-4 /* that plain loss would do it */
#define BEYOND	   4	/* times as many tries as losses: a hole loses all of them */
#define SLOT_LAST  (WIRE_SIZE_SLOTS - 1)
#define ROW_GROWTH 3 / 2 /* a row ends at the latest when sizes are so much larger than at its beginning */

static bool orders_before(const struct rise *r, uint32_t index, uint64_t counter)
{
	return r->index != index ? r->index < index : r->counter < counter;
}

static int by_counter(const void *a, const void *b)
{
	const struct rise *x = a, *y = b;

	return orders_before(x, y->index, y->counter) ? -1 : orders_before(y, x->index, x->counter);
}

/* The first of the session whose counter is at least that; NULL: none. `rises` in the order of by_counter(). */
static const struct rise *rise_to(const struct rise *rises, size_t n, uint32_t index, uint64_t counter)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (orders_before(&rises[middle], index, counter))
			from = middle + 1;
		else
			to = middle;
	}
	return from < n && rises[from].index == index ? &rises[from] : NULL;
}

/* The least time from a counter's leaving to its coming, by both ends' clocks. False: nothing to tell by. */
static bool least_lag(struct seen_end *sender, struct seen_end *receiver, int64_t *lag)
{
	bool known = false;

	if (sender->rises[WIRE_TX].n)
		qsort(sender->rises[WIRE_TX].at, sender->rises[WIRE_TX].n, sizeof(struct rise), by_counter);
	for (size_t i = 0; i < receiver->rises[WIRE_RX].n; i++) {
		const struct rise *came = &receiver->rises[WIRE_RX].at[i];
		const struct rise *left =
			rise_to(sender->rises[WIRE_TX].at, sender->rises[WIRE_TX].n, came->index, came->counter);
		int64_t l;

		if (!left || !left->dated || !came->dated)
			continue;
		l = (int64_t)(came->ms - left->ms);
		if (!known || l < *lag)
			*lag = l;
		known = true;
	}
	return known;
}

/* False: nothing to tell by. */
static bool clocks_align(struct joint *j)
{
	int64_t there = 0, back = 0;
	bool knows_there = least_lag(&j->ends[0], &j->ends[1], &there);
	bool knows_back = least_lag(&j->ends[1], &j->ends[0], &back);

	j->offset_ms = knows_there && knows_back ? (there - back) / 2 : knows_there ? there : -back;
	return knows_there || knows_back;
}

/* The time in which an end looks at something, on the first end's clock. */
struct span {
	int64_t from_ms, to_ms;
};

static bool within(const struct span *s, int64_t ms)
{
	return ms > s->from_ms && ms <= s->to_ms;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One way, with both ends' spans and what to take from an end's times to have them on the first one's clock. */
struct crossing {
	const struct seen_end *sender, *receiver;
	struct span sends, receives; /* whole recordings */
	int64_t sender_ms, receiver_ms;
	uint64_t sent[WIRE_SIZE_SLOTS], received[WIRE_SIZE_SLOTS];
};

/* Sent only while the receiver certainly saw; received for so long that all of it is among it. */
static void cross(struct crossing *c)
{
	const struct span sent = { later(c->sends.from_ms, c->receives.from_ms + EDGE_MS),
				   sooner(c->sends.to_ms, c->receives.to_ms - EDGE_MS) };
	const struct span received = { sent.from_ms - EDGE_MS, sent.to_ms + EDGE_MS };

	c->sends = sent;
	for (size_t i = 0; i < c->sender->sized.n; i++) {
		const struct sized *s = &c->sender->sized.at[i];

		if (s->direction == WIRE_TX && within(&sent, (int64_t)s->ms - c->sender_ms))
			c->sent[s->slot] += s->n;
	}
	for (size_t i = 0; i < c->receiver->sized.n; i++) {
		const struct sized *s = &c->receiver->sized.at[i];

		if (s->direction == WIRE_RX && within(&received, (int64_t)s->ms - c->receiver_ms))
			c->received[s->slot] += s->n;
	}
}

/* Packets below that slot, one way, in a span. */
static uint64_t sized_sum(const struct seen_end *e, enum wire_direction direction, size_t slot, const struct span *span,
			  int64_t offset)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < e->sized.n; i++) {
		const struct sized *s = &e->sized.at[i];

		if (s->direction == direction && s->slot < slot && within(span, (int64_t)s->ms - offset))
			sum += s->n;
	}
	return sum;
}

static int ascending(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Whether something of the peer came in that second or the one before or after it, and so the path was alive. */
static bool is_alive(const struct crossing *c, int64_t second)
{
	for (size_t i = 0; i < c->receiver->rises[WIRE_RX].n; i++) {
		const struct rise *r = &c->receiver->rises[WIRE_RX].at[i];
		int64_t at = ((int64_t)r->ms - c->receiver_ms) / SECOND_MS;

		if (r->dated && at >= second - 1 && at <= second + 1)
			return true;
	}
	return false;
}

/* Seconds in which something was sent in vain while other packets arrived. */
struct witnesses {
	uint64_t n;
	int64_t first, last;
};

/* Of the sizes from that slot on. 0 or -ENOMEM. */
static int witnesses_find(const struct crossing *c, size_t slot, struct witnesses *w)
{
	int64_t *seconds = calloc(c->sender->sized.n + 1, sizeof(*seconds));
	size_t n = 0;

	memset(w, 0, sizeof(*w));
	if (!seconds)
		return -ENOMEM;
	for (size_t i = 0; i < c->sender->sized.n; i++) {
		const struct sized *s = &c->sender->sized.at[i];
		int64_t ms = (int64_t)s->ms - c->sender_ms;

		if (s->direction == WIRE_TX && s->slot >= slot && within(&c->sends, ms))
			seconds[n++] = ms / SECOND_MS;
	}
	qsort(seconds, n, sizeof(*seconds), ascending);
	for (size_t i = 0; i < n; i++) {
		if ((i && seconds[i] == seconds[i - 1]) || !is_alive(c, seconds[i]))
			continue;
		w->last = seconds[i];
		if (!w->n++)
			w->first = seconds[i];
	}
	free(seconds);
	return 0;
}

/*
 * The probability that loss which does not depend on size did that. From the first to the last witness: what was lost
 * before or after is another story.
 */
static double chance(const struct crossing *c, size_t slot, const struct witnesses *w)
{
	const struct span sent = { w->first * SECOND_MS, (w->last + 1) * SECOND_MS };
	const struct span received = { sent.from_ms, sent.to_ms + EDGE_MS };
	uint64_t left = sized_sum(c->sender, WIRE_TX, slot, &sent, c->sender_ms);
	uint64_t came = sized_sum(c->receiver, WIRE_RX, slot, &received, c->receiver_ms);

	return chance_lost_too(w->n, w->n, (struct tried){ left > came ? left - came : 0, came }, (struct tried){ 0 },
			       (struct tried){ 0 });
}

/* A slot's smallest and largest outer size. */
static uint32_t outer_from(size_t slot, const struct joint_end *sender)
{
	return outer_size((uint32_t)slot * WIRE_SIZE_STEP, sender->route_mtu_largest, sender->endpoint.ip.family);
}

static uint32_t outer_to(size_t slot, const struct joint_end *sender)
{
	uint32_t least = (uint32_t)slot * WIRE_SIZE_STEP, inner = least + WIRE_SIZE_STEP - 1;
	uint32_t mtu = sender->route_mtu_largest;

	/* The last slot has all that is larger, too. */
	if (mtu >= least && (mtu < inner || slot == SLOT_LAST))
		inner = mtu;
	return outer_size(inner, mtu, sender->endpoint.ip.family);
}

/* The largest size that came, and of what is larger and was sent: whether chance explains that nothing of it came. */
static int bracket(const struct crossing *c, struct joint_way *w)
{
	const struct joint_end *sender = &c->sender->about;
	size_t slot = WIRE_SIZE_SLOTS, upper = 0;
	struct witnesses witnesses;
	uint64_t larger = 0;
	int err;

	while (slot > 0 && !c->received[slot - 1]) {
		slot--;
		larger += c->sent[slot];
		if (c->sent[slot])
			upper = slot;
	}
	if (!slot)
		return 0;
	w->lower = outer_from(slot - 1, sender);
	err = larger ? witnesses_find(c, upper, &witnesses) : 0;
	if (err || !larger || witnesses.n < WITNESSES || chance(c, upper, &witnesses) > CHANCE_MAX)
		return err;
	w->upper = outer_to(upper, sender);
	w->vanished = larger;
	return 0;
}

/*
 * Sizes that lie beside each other are one row, except where they begin to vanish. Of what was received no more counts than
 * was sent: the rest left before or after.
 */
static void rows(const struct crossing *c, struct joint_way *w)
{
	for (size_t slot = 0; slot < WIRE_SIZE_SLOTS; slot++) {
		struct joint_row *last = w->rows_n ? &w->rows[w->rows_n - 1] : NULL;
		uint32_t from = outer_from(slot, &c->sender->about), to = outer_to(slot, &c->sender->about);
		uint64_t sent = c->sent[slot], received = c->received[slot] < sent ? c->received[slot] : sent;

		if (!sent)
			continue;
		w->sized += sent;
		w->largest = to;
		if (!last || (w->rows_n < JOINT_ROWS && (to > last->from * ROW_GROWTH || to == w->upper))) {
			w->rows[w->rows_n++] = (struct joint_row){ from, to, sent, received };
			continue;
		}
		last->to = to;
		last->sent += sent;
		last->received += received;
	}
}

/* What WireGuard's own counters say of one session. */
static void session_count(const struct crossing *c, const struct met *left, const struct met *came, struct joint_way *w)
{
	uint64_t first = came->first, max = came->max;

	if (left->first < first && (int64_t)left->first_ms - c->sender_ms > c->receives.from_ms + EDGE_MS)
		first = left->first;
	if (left->max > max && (int64_t)left->last_ms - c->sender_ms < c->receives.to_ms - EDGE_MS)
		max = left->max;
	w->sent += max - first + 1;
	if (max - first + 1 > came->received)
		w->lost += max - first + 1 - came->received;
}

static int way_judge(struct joint *j, int from, struct joint_result *result)
{
	struct crossing *c = calloc(1, sizeof(*c));
	struct joint_way *w = &result->ways[from];
	struct met *came, *next, *left;
	int err = 0;

	if (!c)
		return -ENOMEM;
	c->sender = &j->ends[from];
	c->receiver = &j->ends[!from];
	c->sender_ms = from ? j->offset_ms : 0;
	c->receiver_ms = from ? 0 : j->offset_ms;
	c->sends = (struct span){ (int64_t)c->sender->first_ms - c->sender_ms,
				  (int64_t)c->sender->last_ms - c->sender_ms };
	c->receives = (struct span){ (int64_t)c->receiver->first_ms - c->receiver_ms,
				     (int64_t)c->receiver->last_ms - c->receiver_ms };
	HASH_ITER (hh, c->receiver->met, came, next) {
		const struct met_key key = { came->key.index, WIRE_TX };

		HASH_FIND(hh, c->sender->met, &key, sizeof(key), left);
		if (!came->joined || came->key.direction != WIRE_RX || !left)
			continue;
		session_count(c, left, came, w);
		result->sessions_n++;
	}
	if (!c->sender->about.shared && !c->receiver->about.shared) {
		cross(c);
		err = bracket(c, w);
		rows(c, w);
	}
	free(c);
	return err;
}

/*
 * Whether nearly all that the end has tried in vain has come to the other one: it vanishes beyond, on the way to another peer of that
 * one's or to its hosts. `seen` is the time that both saw, on this end's clock; it may begin a second later, after two or three tries.
 */
static bool vanishes_beyond(const struct found *found, const struct joint_way *w, const struct span *seen)
{
	return finding_class_vanishes(found->f.class) && found->f.direction == WIRE_TX && w->sent &&
	       BEYOND * w->lost < found->tries && within(seen, (int64_t)found->began_ms) &&
	       within(seen, (int64_t)found->opened_ms);
}

/* What vanishes beyond the other end is no finding of this tunnel. */
static void findings_sift(struct seen_end *e, const struct joint_way *w, const struct span *seen)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->found.n; i++)
		if (!vanishes_beyond(&e->found.at[i], w, seen))
			e->found.at[kept++] = e->found.at[i];
	e->about.findings_elsewhere += e->found.n - kept;
	e->found.n = kept;
}

int joint_judge(struct joint *j, struct joint_result *result)
{
	int64_t from_ms, to_ms;
	int err = 0;

	memset(result, 0, sizeof(*result));
	if (!clocks_align(j))
		return -ENOENT;
	from_ms = later((int64_t)j->ends[0].first_ms, (int64_t)j->ends[1].first_ms - j->offset_ms);
	to_ms = sooner((int64_t)j->ends[0].last_ms, (int64_t)j->ends[1].last_ms - j->offset_ms);
	if (to_ms <= from_ms)
		return -ENOENT;
	result->together_ms = (uint64_t)(to_ms - from_ms);
	for (int from = 0; from < JOINT_ENDS && !err; from++)
		err = way_judge(j, from, result);
	for (int end = 0; end < JOINT_ENDS && !err; end++) {
		const int64_t ms = end ? j->offset_ms : 0;
		const struct span seen = { from_ms + ms, to_ms + ms - EDGE_MS };

		findings_sift(&j->ends[end], &result->ways[end], &seen);
		result->ends[end] = j->ends[end].about;
	}
	return err;
}
