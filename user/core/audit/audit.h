/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit: a scene goes in, notes come out. Pure. Called by the commands check and fix. */
#ifndef MTUSCOPE_AUDIT_H
#define MTUSCOPE_AUDIT_H

#include "note.h"
#include "scene.h"

#define AUDIT_FLOOR 1280 /* tunnel MTU: IPv6 needs it */

typedef void (*audit_fn)(const struct audit_note *note, void *arg);

/* Calls fn for each note, first of its peers, then of the tunnel, last of the host; `result` counts them. */
void audit_run(const struct audit_scene *scene, int64_t realtime_ms, audit_fn fn, void *arg,
	       struct audit_result *result);

/* The severity of the worst note, SEVERITY_INFO if there is none. */
enum finding_severity audit_worst(const struct audit_result *result);

/* What is known of the way to one endpoint without sending anything. Sizes in bytes, outer; 0: nothing known. */
struct audit_limit {
	uint32_t mtu;			  /* the smallest of those below */
	uint32_t egress;		  /* link and route in use */
	uint32_t beyond;		  /* INTERNET_MTU, if a router leads out of a larger link */
	uint32_t learned;		  /* by the kernel, from a too-big message */
	uint32_t measured;		  /* … by probes, and then beyond and learned do not count */
	const struct audit_route *uplink; /* the smallest other one, and its MTU */
	uint32_t uplink_mtu;
	bool uplink_measured;
};

/* Whether the route is one by another link, to which the endpoint may move when the present one fails. */
bool audit_is_uplink(const struct audit_route *r, const struct peer *peer);

struct audit_limit audit_limit(const struct audit_scene *scene, const struct peer *peer);

/* The tunnel MTU that suits every peer whose endpoint has a route; 0: there is none. *narrowest is that peer. */
uint32_t audit_tunnel_mtu(const struct audit_scene *scene, uint32_t tunnel_ifindex, const struct peer **narrowest);

/* The MTU that wg-quick computes where its file names none: the largest egress MTU among the endpoints, less 80; 0: none. */
uint32_t audit_quick_mtu(const struct audit_scene *scene, uint32_t tunnel_ifindex);

/* NULL if it was not looked for. */
const struct audit_config *audit_config_of(const struct audit_scene *scene, uint32_t ifindex);

#endif
