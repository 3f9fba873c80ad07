/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invented path of probed_path.h: each probe's fate on it, and when its answer comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "outer.h"
#include "probed_path.h"
#include "snapshots.h"

#define LATE_MS 1500

const struct ip_address PROBED_ROUTER = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };

struct prober_config probed_tunnel(uint8_t family, uint32_t mtu)
{
	return (struct prober_config){ .tunnel_family = family,
				       .padding_mtu = mtu,
				       .control = outer_overhead(family) + 64,
				       .max = mtu + outer_overhead(family),
				       .budget = PROBER_BUDGET };
}

struct prober_config probed_plain(uint32_t control, uint32_t upper)
{
	return (struct prober_config){ .control = control, .max = 9000, .upper = upper, .budget = PROBER_BUDGET };
}

/* Whether the host has an answer left; as Linux counts them (icmp_ratelimit). */
static bool may_answer(struct probed_path *path, uint32_t clock)
{
	if (!path->refill_ms)
		return true;
	for (; clock - path->refilled_ms >= path->refill_ms; path->refilled_ms += path->refill_ms)
		path->answers++;
	return path->answers && path->answers--;
}

/* One probe on its way. */
static void travel(struct prober *p, struct probed_path *path, const struct prober_order *o, uint32_t clock)
{
	bool lost = random_true(&path->seed, path->loss), lost_back = random_true(&path->seed, path->loss);
	struct probed_answer *back = &path->back[o->seq];

	if (o->seq >= path->change_at && path->change_mtu)
		path->mtu = path->change_mtu;
	if ((path->dead_at && o->seq >= path->dead_at) ||
	    (o->seq >= path->outage_at && o->seq < path->outage_at + path->outage_n))
		return;
	if (path->nonsense) {
		prober_answered(p, o->seq + 1, clock);
		prober_answered(p, 4000000000U, clock);
		prober_too_big(p, o->seq, 68, &PROBED_ROUTER);
		prober_too_big(p, o->seq, 65535, &PROBED_ROUTER);
	}
	if (path->lies && o->outer > path->lies)
		prober_too_big(p, o->seq, path->lies, &PROBED_ROUTER);
	if (lost || (o->outer > path->mtu && !path->says) || !may_answer(path, clock) || lost_back)
		return;
	back->at_ms = clock + PROBED_RTT_MS;
	back->too_big = o->outer > path->mtu;
	if (path->late && o->seq % path->late == path->late - 1)
		back->at_ms += LATE_MS;
	if (path->slow_ms && o->seq == path->slow_at)
		back->at_ms = clock + path->slow_ms;
}

/* What has come by now. Returns when the next comes, at the latest in wait_ms. */
static uint32_t receive(struct prober *p, struct probed_path *path, uint32_t clock, uint32_t wait_ms)
{
	uint32_t next = clock + wait_ms;

	for (uint32_t seq = 0; seq < PROBER_BUDGET; seq++) {
		struct probed_answer *back = &path->back[seq];

		if (back->at_ms && back->at_ms <= clock) {
			back->at_ms = 0;
			if (back->too_big)
				prober_too_big(p, seq, path->says, &PROBED_ROUTER);
			else
				prober_answered(p, seq, clock);
			if (path->duplicates && !back->too_big)
				prober_answered(p, seq, clock);
		} else if (back->at_ms && back->at_ms < next) {
			next = back->at_ms;
		}
	}
	return next;
}

void probed_run(struct prober *p, const struct prober_config *config, struct probed_path *path)
{
	const uint32_t start = 5000;
	uint32_t clock = start, wait;
	struct prober_order o;

	path->refilled_ms = start;
	prober_start(p, config);
	for (int i = 0; i < 1000 && !p->end; i++) {
		receive(p, path, clock, 0);
		if (prober_next(p, clock, &o, &wait)) {
			assert_true(o.seq < PROBER_BUDGET);
			assert_true(o.outer <= config->max);
			if (config->tunnel_family)
				assert_int_equal(outer_size(o.size, config->padding_mtu, config->tunnel_family),
						 o.outer);
			if (path->shrinks_to && o.seq >= path->shrinks_at && o.outer > path->shrinks_to) {
				prober_refused(p);
				continue;
			}
			if (o.outer > path->largest)
				path->largest = o.outer;
			travel(p, path, &o, clock);
		} else if (!p->end) {
			assert_int_not_equal(wait, 0);
			clock = receive(p, path, clock, wait);
		}
	}
	path->took_ms = clock - start;
	assert_int_not_equal(p->end, PROBER_RUNNING);
	assert_true(p->sent <= config->budget);
}
