/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of the records: an enum of finding.h or status.h goes in, its name or severity comes out. Read by the
 * sinks and the commands. One table for each enum; a value outside its enum is "unknown", never NULL.
 */
#include "finding.h"
#include "ptb.h"
#include "status.h"

#define ARRAY_LEN(a)	     (sizeof(a) / sizeof((a)[0]))
#define NAME_OF(table, i)    ((size_t)(i) < ARRAY_LEN(table) && (table)[i] ? (table)[i] : "unknown")
#define COVERS(table, count) _Static_assert(ARRAY_LEN(table) == (count), #table ": a name for each value")

static const struct {
	const char *name;
	enum finding_severity severity;
} classes[] = {
	[FINDING_PATH_BLACKHOLE] = { "path-blackhole", SEVERITY_CRITICAL },
	[FINDING_FRAGMENT_BLACKHOLE] = { "fragment-blackhole", SEVERITY_CRITICAL },
	[FINDING_REASSEMBLY_FAILURE] = { "reassembly-failure", SEVERITY_CRITICAL },
	[FINDING_PTB_IGNORED] = { "ptb-ignored", SEVERITY_CRITICAL },
	[FINDING_PTB_SUPPRESSED] = { "ptb-suppressed", SEVERITY_CRITICAL },
	[FINDING_TUNNEL_MTU_TOO_LARGE] = { "tunnel-mtu-too-large", SEVERITY_WARNING },
	[FINDING_TUNNEL_MTU_MISMATCH] = { "tunnel-mtu-mismatch", SEVERITY_WARNING },
	[FINDING_MSS_TOO_LARGE] = { "mss-too-large", SEVERITY_WARNING },
	[FINDING_PTB_FORGED] = { "ptb-forged", SEVERITY_WARNING },
	[FINDING_PEER_UNREACHABLE] = { "peer-unreachable", SEVERITY_WARNING },
};
COVERS(classes, FINDING_CLASSES);

static const char *const states[] = {
	[FINDING_OPEN] = "open",
	[FINDING_UPDATE] = "update",
	[FINDING_RESOLVED] = "resolved",
};
COVERS(states, FINDING_RESOLVED + 1);

static const char *const severities[] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};
COVERS(severities, SEVERITY_CRITICAL + 1);

static const char *const bases[] = {
	[BASIS_PROBE] = "probe",
	[BASIS_PTB] = "ptb",
	[BASIS_BRACKET] = "bracket",
	[BASIS_FLOOR] = "floor",
};
COVERS(bases, BASIS_FLOOR + 1);

static const char *const evidence_kinds[] = {
	[EVIDENCE_TCP_RETRANSMIT] = "tcp-retransmit",
	[EVIDENCE_TCP_HOLE] = "tcp-hole",
	[EVIDENCE_TCP_SILENCE] = "tcp-silence",
	[EVIDENCE_ECHO_LOST] = "echo-lost",
	[EVIDENCE_COUNTER_GAP] = "counter-gap",
	[EVIDENCE_DELIVERED] = "delivered",
	[EVIDENCE_FRAGMENTED] = "fragmented",
	[EVIDENCE_FRAGMENT] = "fragment",
	[EVIDENCE_REASSEMBLY_TIMEOUT] = "reassembly-timeout",
	[EVIDENCE_TOO_BIG] = "too-big-message",
	[EVIDENCE_TUNNEL_MTU] = "tunnel-mtu",
	[EVIDENCE_SYN_MSS] = "syn-mss",
	[EVIDENCE_HANDSHAKE] = "handshake-unanswered",
	[EVIDENCE_SEND_ERROR] = "send-error",
	[EVIDENCE_PROBE] = "probe",
};
COVERS(evidence_kinds, EVIDENCE_KINDS);

static const char *const directions[] = {
	[WIRE_RX] = "rx",
	[WIRE_TX] = "tx",
};
COVERS(directions, WIRE_DIRECTIONS);

static const char *const status_states[] = {
	[STATUS_READY] = "ready",
	[STATUS_DEGRADED] = "degraded",
	[STATUS_EXIT] = "exit",
};
COVERS(status_states, STATUS_EXIT + 1);

static const char *const losses[] = {
	[WIRE_LOSS_FLOW_EVICTED] = "flow_evicted", [WIRE_LOSS_FLOW_REFUSED] = "flow_refused",
	[WIRE_LOSS_SESSION_FULL] = "session_full", [WIRE_LOSS_TALLY_FULL] = "tally_full",
	[WIRE_LOSS_UNPARSED] = "unparsed",	   [WIRE_LOSS_CLOCK_LATE] = "clock_late",
};
COVERS(losses, WIRE_LOSSES);

const char *finding_class_name(enum finding_class class)
{
	return (size_t) class < ARRAY_LEN(classes) && classes[class].name ? classes[class].name : "unknown";
}

enum finding_severity finding_class_severity(enum finding_class class)
{
	return (size_t) class < ARRAY_LEN(classes) ? classes[class].severity : SEVERITY_INFO;
}

bool finding_class_vanishes(enum finding_class class)
{
	return class <= FINDING_REASSEMBLY_FAILURE;
}

const char *finding_state_name(enum finding_state state)
{
	return NAME_OF(states, state);
}

const char *finding_severity_name(enum finding_severity severity)
{
	return NAME_OF(severities, severity);
}

const char *finding_basis_name(enum finding_basis basis)
{
	return NAME_OF(bases, basis);
}

const char *evidence_kind_name(enum evidence_kind kind)
{
	return NAME_OF(evidence_kinds, kind);
}

const char *direction_name(enum wire_direction direction)
{
	return NAME_OF(directions, direction);
}

const char *status_state_name(enum status_state state)
{
	return NAME_OF(status_states, state);
}

const char *loss_name(enum wire_loss loss)
{
	return NAME_OF(losses, loss);
}

static const char *const tally_kinds[] = {
	[WIRE_TALLY_FRAGMENTED] = "fragmented",		[WIRE_TALLY_FRAGMENT_FAILED] = "fragment-failed",
	[WIRE_TALLY_FRAGMENT_RX] = "fragment-rx",	[WIRE_TALLY_FRAGMENT_TX] = "fragment-tx",
	[WIRE_TALLY_TOO_BIG_RX] = "too-big-rx",		[WIRE_TALLY_TOO_BIG_TX] = "too-big-tx",
	[WIRE_TALLY_DROP_TOO_BIG] = "drop-too-big",	[WIRE_TALLY_TUNNEL_OVERSIZED] = "tunnel-oversized",
	[WIRE_TALLY_HANDSHAKE_TX] = "handshake-tx",	[WIRE_TALLY_HANDSHAKE_RX] = "handshake-rx",
	[WIRE_TALLY_SEND_ERROR] = "send-error",		[WIRE_TALLY_SOURCE_REFUSED] = "source-refused",
	[WIRE_TALLY_REASSEMBLED] = "reassembled",	[WIRE_TALLY_REASSEMBLY_TIMEOUT] = "reassembly-timeout",
	[WIRE_TALLY_TOO_BIG_MADE] = "too-big-made",	[WIRE_TALLY_PMTU_LEARNED] = "pmtu-learned",
	[WIRE_TALLY_TCP_RETRANSMIT] = "tcp-retransmit", [WIRE_TALLY_HANDSHAKE_MADE] = "handshake-made",
};
COVERS(tally_kinds, WIRE_TALLY_KINDS);

const char *tally_kind_name(enum wire_tally_kind kind)
{
	return NAME_OF(tally_kinds, kind);
}

static const char *const ptb_directions[] = {
	[PTB_RX] = "rx",
	[PTB_TX] = "tx",
	[PTB_MADE] = "made",
};
COVERS(ptb_directions, PTB_DIRECTIONS);

const char *ptb_direction_name(enum ptb_direction direction)
{
	return NAME_OF(ptb_directions, direction);
}

static const char *const roles[] = {
	[WIRE_ROLE_NONE] = "none",
	[WIRE_ROLE_TUNNEL] = "tunnel",
	[WIRE_ROLE_UNDERLAY] = "underlay",
	[WIRE_ROLE_LAN] = "lan",
};
COVERS(roles, WIRE_ROLE_LAN + 1);

const char *role_name(enum wire_role role)
{
	return NAME_OF(roles, role);
}
