/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tool can see where it runs: one entry for each hook, and what was lost. Filled by the kernel edge
 * and the commands, printed by the sinks.
 */
#ifndef MTUSCOPE_STATUS_H
#define MTUSCOPE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define STATUS_HOOKS_MAX  (32 + 2 * WIRE_LINKS)
#define STATUS_REASON_LEN 200
#define STATUS_NAME_LEN	  48

struct audit_note;
struct audit_result;
struct joint_result;

enum status_state { STATUS_READY, STATUS_DEGRADED, STATUS_EXIT };

struct hook_status {
	char name[STATUS_NAME_LEN]; /* "wg_xmit", or "tc egress wg0" */
	bool attached;
	char how[16];			 /* "tcx", "clsact", "fentry", "kprobe", "tracepoint"; "" if not attached */
	char why_not[STATUS_REASON_LEN]; /* "" if attached */
	const char *blinds;		 /* what stays unseen without it; static text; NULL: nothing, all is well */
	char note[STATUS_REASON_LEN];	 /* attached: why not in the best way for this hook; "" if it is */
};

/* What mtuscope probe has measured; sizes in bytes, outer. */
struct status_probe {
	struct ip_address to;	  /* beside the tunnel: the endpoint; else the host behind the peer */
	uint32_t lower, upper;	  /* 0: none */
	uint32_t recommended_mtu; /* of the tunnel; 0: none */
	uint32_t tunnel_mtu;	  /* 0: not of a tunnel */
	uint32_t sent, answered, lost;
	uint32_t said_mtu; /* by a too-big message; 0: there was none */
	struct ip_address said_by;
	bool exact;
};

struct status {
	enum status_state state;
	struct hook_status hooks[STATUS_HOOKS_MAX];
	size_t hooks_n;
	const struct link *links; /* those watched */
	size_t links_n;
	uint64_t losses[WIRE_LOSSES];
	uint64_t records_lost;			 /* that the receiver of this status has missed */
	uint64_t findings_opened, findings_open; /* for the summary at exit */
	bool probes;				 /* findings are confirmed by probes … */
	uint64_t probes_sent;			 /* … of which so many were sent */
	const struct audit_note *note;	   /* of an audit: what one rule says, and then only state counts; or NULL */
	const struct audit_result *result; /* of an audit: how it ended; or NULL */
	const struct status_probe *probe;  /* NULL: nothing was to be measured */
	const struct joint_result *joint;  /* of two recordings; or NULL */
};

/* How many hooks are attached, and how many are not though there would be something to see. */
struct hooks_count {
	size_t attached, missing;
};

static inline struct hooks_count status_hooks_count(const struct status *s)
{
	struct hooks_count n = { 0 };

	for (size_t i = 0; i < s->hooks_n && i < STATUS_HOOKS_MAX; i++) {
		n.attached += s->hooks[i].attached;
		n.missing += !s->hooks[i].attached && s->hooks[i].blinds;
	}
	return n;
}

/* "ready", "degraded", "exit"; "flow_evicted", "flow_refused", … Never NULL. */
const char *status_state_name(enum status_state state);
const char *loss_name(enum wire_loss loss);
const char *role_name(enum wire_role role);		/* "tunnel", "underlay", "lan" */
const char *tally_kind_name(enum wire_tally_kind kind); /* "fragmented", "too-big-rx", … */

#endif
