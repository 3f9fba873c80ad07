/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule is given and what it may call. Included by the rules and audit.c only. */
#ifndef MTUSCOPE_AUDIT_RULE_H
#define MTUSCOPE_AUDIT_RULE_H

#include "audit.h"
#include "outer.h"
#include "recommend.h"

#define WG_QUICK_OVERHEAD 80 /* what wg-quick subtracts from the egress MTU, whatever the family */

struct audit_case {
	const struct audit_scene *scene;
	const struct link *tunnel;		   /* NULL: the host */
	const struct peer *peer;		   /* NULL: the tunnel */
	struct audit_limit limit;		   /* of the peer */
	uint32_t full;				   /* a full packet of the tunnel, outer, towards the peer */
	char name[SHELL_WORD_LEN(IFACE_NAME_LEN)]; /* of the tunnel, for a shell */
};

/* True if it hits; the note then has its message, and its class or severity and fix. */
#define AUDIT_RULE(scope, name) bool audit_##name(const struct audit_case *c, struct audit_note *note);
#include "rules.def"
#undef AUDIT_RULE

/* The message: what there is, and why it matters. */
__attribute__((format(printf, 2, 3))) void audit_say(struct audit_note *note, const char *format, ...);

/* Makes it a finding of the contract, with the fix that the class has. `limit` is as for recommend_mtu(). */
void audit_class(struct audit_note *note, enum finding_class class, uint32_t limit, enum finding_basis basis);

#endif
