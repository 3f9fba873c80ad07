// SPDX-License-Identifier: GPL-2.0-or-later
/* Which sizes can be sent, and which of them is worth trying next; see prober.h. Used by prober.c. */
#include "prober_internal.h"

#include "outer.h"

/* What paths usually carry: Ethernet, PPPoE, other tunnels, mobile networks. The first two are by far the likeliest. */
static const uint32_t USUAL[] = { 1500, 1492, 1480, 1472, 1468, 1460, 1454, 1452, 1440, 1428, 1420,
				  1400, 1380, 1376, 1360, 1340, 1300, 1280, 1124, 1006, 576 };

#define USUAL_N	    (sizeof(USUAL) / sizeof(USUAL[0]))
#define USUAL_FIRST 2

uint32_t prober_overhead(const struct prober *p)
{
	return p->config.tunnel_family ? outer_overhead(p->config.tunnel_family) : 0;
}

uint32_t prober_size_fit(const struct prober *p, uint32_t outer)
{
	uint32_t add = prober_overhead(p), mtu = p->config.padding_mtu, inner, rest;

	if (outer > p->config.max)
		outer = p->config.max;
	if (!p->config.tunnel_family || outer <= add)
		return outer;
	inner = outer - add;
	rest = mtu ? inner % mtu : inner;
	return inner - rest + rest / OUTER_PADDING * OUTER_PADDING + add;
}

/* The smallest size above `outer` that can be sent; `outer` is one itself. */
static uint32_t size_above(const struct prober *p, uint32_t outer)
{
	uint32_t add = prober_overhead(p), mtu = p->config.padding_mtu, inner = outer - add, rest, padded;

	if (!p->config.tunnel_family)
		return outer + 1;
	rest = mtu ? inner % mtu : inner;
	padded = rest / OUTER_PADDING * OUTER_PADDING + OUTER_PADDING;
	return inner - rest + (mtu && padded > mtu ? mtu : padded) + add;
}

/* Sizes from *first on that lie in (lower, end), as indices into USUAL. */
static uint32_t usual_between(const struct prober *p, uint32_t lower, uint32_t end, uint32_t *first)
{
	uint32_t n = 0;

	for (uint32_t i = USUAL_N; i-- > 0;) {
		uint32_t fit = prober_size_fit(p, USUAL[i]);

		if (fit > lower && fit < end) {
			*first = i;
			n++;
		}
	}
	return n;
}

static bool is_usual(const struct prober *p, uint32_t outer)
{
	for (uint32_t i = 0; i < USUAL_N; i++)
		if (prober_size_fit(p, USUAL[i]) == outer)
			return true;
	return p->hint && p->hint == outer;
}

uint32_t prober_choose(const struct prober *p, uint32_t lower, uint32_t upper)
{
	uint32_t end = upper && upper <= p->config.max ? upper : p->config.max + 1, first = 0, n, middle,
		 above = size_above(p, lower);

	if (above >= end)
		return 0;
	if (p->hint > lower && p->hint < end)
		return p->hint;
	n = usual_between(p, lower, end, &first);
	if (!upper && n)
		return prober_size_fit(p, USUAL[first]);
	/* Where a usual size arrives, the one after it mostly does not: that settles it. */
	if (is_usual(p, lower))
		return above;
	if (!upper)
		return prober_size_fit(p, p->config.max);
	if (n)
		return prober_size_fit(p, USUAL[first < USUAL_FIRST ? first : first + n / 2]);
	middle = prober_size_fit(p, lower + (end - lower) / 2);
	return middle > lower ? middle : above;
}
