/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two ends of one tunnel: snapshots of both go in, what was sent at one end and came to the other leaves, by size,
 * and the findings of both as findings of the tunnel. Pure. Called by the command report, which reads both recordings twice:
 *
 *   joint_meet()      each snapshot of each end: whose sessions are there
 *   joint_pair()      the tunnel is the one whose sessions, by WireGuard's receiver index, both ends have seen
 *   joint_enter()     each snapshot again, joint_found() each finding of that end's own analysis
 *   joint_judge()     aligns the clocks by the sessions' counters and compares
 *   joint_findings()
 *
 * A recording has no packets, but the counters of each session and the sizes of a tunnel's packets, four times a second.
 * So loss is exact by counters; by size it is what was sent in the time in which the other end certainly saw.
 */
#ifndef MTUSCOPE_JOINT_H
#define MTUSCOPE_JOINT_H

#include "analysis.h"
#include "finding.h"
#include "snapshot.h"

#define JOINT_ENDS 2
#define JOINT_ROWS 16 /* each half as wide again as the one before, they are enough for all sizes */

/* Packets of outer sizes in [from, to], bytes. */
struct joint_row {
	uint32_t from, to;
	uint64_t sent, received; /* of those sent, at most */
};

/* From end w to the other one. */
struct joint_way {
	uint64_t sent, lost; /* by WireGuard's counters */
	uint64_t sized;	     /* packets sent whose sizes are in rows */
	uint32_t lower;	     /* bytes, outer: largest size that arrived; 0: none */
	uint32_t upper;	     /* … smallest of those none of which did; 0: none */
	uint64_t vanished;   /* packets of that size and more, if there are enough to say that it is the size */
	uint32_t largest;    /* bytes, outer, that was sent */
	struct joint_row rows[JOINT_ROWS];
	size_t rows_n;
};

struct joint_end {
	char interface[IFACE_NAME_LEN];
	uint32_t ifindex;
	uint32_t tunnel_mtu;	      /* the last one */
	uint32_t tunnel_mtu_largest;  /* that it had meanwhile */
	uint32_t route_mtu_largest;   /* of the routes into it, which have its MTU or one of their own */
	bool shared;		      /* with other peers, so that sizes cannot be told apart */
	uint8_t peer_key[WG_KEY_LEN]; /* the other end's public key */
	struct ip_endpoint endpoint;  /* of the other end */
	uint64_t findings_elsewhere;  /* that are not of this tunnel */
};

struct joint_result {
	struct joint_end ends[JOINT_ENDS];
	struct joint_way ways[JOINT_ENDS];
	uint64_t together_ms; /* that both have seen */
	size_t sessions_n;
};

struct joint;

struct joint *joint_new(void); /* NULL: no memory */
void joint_free(struct joint *j);

/* All return 0 or -ENOMEM, and: */
int joint_meet(struct joint *j, int end, const struct snapshot *snap);
int joint_pair(struct joint *j); /* -ENOENT: no tunnel in common at any time; -EEXIST: both are of one end */
int joint_enter(struct joint *j, int end, const struct snapshot *snap);
int joint_found(struct joint *j, int end, const struct finding *f);
int joint_judge(struct joint *j, struct joint_result *result); /* -ENOENT: not at one time */

/*
 * Calls fn for each finding of the tunnel, once open and, if it was, once resolved. What vanishes is seen from the first end,
 * whichever has found it, and what both have found is one. Returns how many there are; *worst as analysis_opened().
 */
size_t joint_findings(struct joint *j, const struct joint_result *result, finding_fn fn, void *arg,
		      enum finding_severity *worst);

#endif
