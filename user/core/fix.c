// SPDX-License-Identifier: GPL-2.0-or-later
/* See fix.h. */
#include "fix.h"

#include "outer.h"

/* Without a line in the file wg-quick derives an MTU, which may be too large again. */
static bool config_differs(const struct audit_scene *scene, const struct link *tunnel, const struct fix_plan *plan,
			   uint32_t told)
{
	const struct audit_config *config = audit_config_of(scene, tunnel->ifindex);

	if (!config || config->manager != MANAGER_WG_QUICK || !config->readable || config->mtu == plan->mtu)
		return false;
	return told || plan->set_live || config->mtu > plan->safe ||
	       (!config->mtu && audit_quick_mtu(scene, tunnel->ifindex) > plan->safe);
}

/* What is wanted, if anything may be. */
static void choose(struct fix_plan *plan, uint32_t mtu_now, uint32_t told)
{
	if (told)
		plan->mtu = told;
	else if (!plan->safe)
		plan->verdict = FIX_UNPROVEN;
	else if (plan->safe < AUDIT_FLOOR && plan->safe < mtu_now)
		plan->verdict = FIX_TOO_SMALL;
	else
		plan->mtu = plan->safe < mtu_now ? plan->safe : mtu_now;
}

struct fix_plan fix_plan_make(const struct audit_scene *scene, const struct link *tunnel, uint32_t told)
{
	struct fix_plan plan = { 0 };

	plan.safe = audit_tunnel_mtu(scene, tunnel->ifindex, &plan.narrowest);
	if (plan.narrowest)
		plan.limit = audit_limit(scene, plan.narrowest);
	choose(&plan, tunnel->mtu, told);
	if (!plan.mtu)
		return plan;
	plan.set_live = plan.mtu != tunnel->mtu;
	plan.set_config = config_differs(scene, tunnel, &plan, told);
	plan.verdict = plan.set_live || plan.set_config ? FIX_SET : FIX_NOTHING;
	return plan;
}

struct fix_plan fix_plan_make_peer(const struct audit_scene *scene, const struct link *tunnel, const struct peer *peer,
				   uint32_t told)
{
	struct fix_plan plan = { .narrowest = peer, .limit = audit_limit(scene, peer) };
	uint32_t overhead = outer_overhead(peer->endpoint.ip.family);

	plan.safe = plan.limit.mtu > overhead ? plan.limit.mtu - overhead : 0;
	choose(&plan, tunnel->mtu, told);
	if (!plan.mtu)
		return plan;
	/* A route may not promise more than its link. */
	plan.set_live = plan.mtu < tunnel->mtu;
	plan.verdict = plan.set_live ? FIX_SET : FIX_NOTHING;
	return plan;
}
