/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one rule of an audit says about one tunnel, peer or the host. Made by audit.c, printed by the sinks. */
#ifndef MTUSCOPE_AUDIT_NOTE_H
#define MTUSCOPE_AUDIT_NOTE_H

#include "finding.h"

#define AUDIT_RULE_LEN 32

/*
 * With a class it is a finding of the contract, to be written as one. Without, only severity, interface, peer, message and
 * fix of `finding` count, and it is written as a status.
 */
struct audit_note {
	char rule[AUDIT_RULE_LEN]; /* its name in rules.def, with '-' for '_' */
	bool has_class;
	struct finding finding;
};

/* How an audit ended. */
struct audit_result {
	size_t tunnels, peers;
	size_t by_severity[SEVERITY_CRITICAL + 1];
	const struct audit_note *worst; /* set by who keeps the notes; NULL: none above info */
};

#endif
