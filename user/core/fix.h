/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `fix` would do to one tunnel: an audit's scene goes in, a plan comes out. Pure. */
#ifndef MTUSCOPE_FIX_H
#define MTUSCOPE_FIX_H

#include "audit/audit.h"

#define FIX_MTU_LEAST 576
#define FIX_MTU_MOST  (65535 - 80)

enum fix_verdict {
	FIX_SET,       /* the interface gets another MTU, or its configuration does */
	FIX_NOTHING,   /* what it has fits all that is known */
	FIX_UNPROVEN,  /* no peer has an endpoint with a route */
	FIX_TOO_SMALL, /* what is known leaves less than IPv6 needs: to be measured first */
};

struct fix_plan {
	enum fix_verdict verdict;
	uint32_t mtu;		      /* the tunnel's, wanted */
	uint32_t safe;		      /* what the ways to all endpoints carry, 0: unknown */
	const struct peer *narrowest; /* of whose way that is; NULL: unknown */
	struct audit_limit limit;     /* of that way */
	bool set_live, set_config;    /* the interface, its wg-quick file */
};

/*
 * `told` is the tunnel MTU that a person gives or that was measured, 0: none, and then only what is proven by links and routes is
 * planned, and never more than the interface has now.
 */
struct fix_plan fix_plan_make(const struct audit_scene *scene, const struct link *tunnel, uint32_t told);

/* The same for the routes to one peer alone: `mtu` is theirs, set_live says that they get it. */
struct fix_plan fix_plan_make_peer(const struct audit_scene *scene, const struct link *tunnel, const struct peer *peer,
				   uint32_t told);

#endif
