/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record of every kind in any format, with names that try to break out of it. For the tests of formats, each of which has
 * its own.
 */
#ifndef MTUSCOPE_TEST_HOSTILE_RECORDS_H
#define MTUSCOPE_TEST_HOSTILE_RECORDS_H

#include <netinet/in.h>
#include <stdio.h>

#include "sink_scene.h"

static const struct sink_options OPTIONS = { .verbose = 1, .version = "0.1|2", .hostname = "gw 1\n", .pid = 42 };

/* All legal as names of an interface, but for their length. */
static const char *const HOSTILE[] = {
	"wg0",	       "a\"]=|\\b=c", "] y=\"1\" cs1=z", "a\nCEF:0|x|<1>1", "\xff\xc2\x9b\xe2\x80\xae",
	"\",\"x\":\"", "\\",	      "]\\\"",		 "a=b|c",	    "=",
};
#define HOSTILE_N (sizeof(HOSTILE) / sizeof(HOSTILE[0]))

/* The kinds of records, and what is in them. */
enum kind {
	KIND_FINDING,
	KIND_RESOLVED,
	KIND_STATUS,
	KIND_EXIT,
	KIND_PTB,
	KIND_PTB_TX,
	KIND_PTB_MANY,
	KIND_COUNTERS,
	KINDS
};

/* As the kernel has it: without a NUL if it takes all the room. */
static inline void name_put(char to[IFACE_NAME_LEN], const char *name)
{
	size_t n = strnlen(name, IFACE_NAME_LEN);

	memset(to, 0, IFACE_NAME_LEN);
	memcpy(to, name, n);
}

static inline struct finding finding(const char *name)
{
	struct finding f = {
		.id = "0123456789abcdef0123456789abcdef",
		.class = FINDING_PATH_BLACKHOLE,
		.severity = SEVERITY_CRITICAL,
		.confidence = 0.97,
		.tunnel_mtu = 8920,
		.has_peer = true,
		.public_key = { 0xff, 0xfe },
		.endpoint = { { AF_INET, { 192, 0, 2, 1 } }, 51820 },
		.direction = WIRE_TX,
		.path_mtu_lower = 588,
		.path_mtu_upper = 8312,
		.recommended_mtu = 1280,
		.basis = BASIS_FLOOR,
		.evidence = { { EVIDENCE_TCP_RETRANSMIT, 9, 8312, 8980 } },
		.evidence_n = 1,
		.flows = { { IPPROTO_TCP,
			     { { AF_INET, { 10, 0, 0, 1 } }, 25 },
			     { { AF_INET, { 10, 1, 0, 2 } }, 40000 },
			     3250 } },
		.flows_n = 1,
		.fixes_n = 2,
		.first_seen_ms = NOON - 5000,
		.last_seen_ms = NOON,
	};

	name_put(f.interface, name);
	snprintf(f.fix[0], sizeof(f.fix[0]), "ip link set dev '%s' mtu 1280", name);
	snprintf(f.fix[1], sizeof(f.fix[1]), "# %s", name);
	snprintf(f.message, sizeof(f.message), "Packets of %s vanish.", name);
	return f;
}

static inline struct ptb ptb(enum kind kind, const char *name)
{
	struct ptb p = { .direction = kind == KIND_PTB_TX ? PTB_TX : PTB_RX,
			 .family = AF_INET,
			 .host = { { AF_INET, { 192, 0, 2, 1 } }, kind == KIND_PTB_TX ? 0 : 51820 },
			 .mtu = 1400,
			 .count = 7,
			 .stories = 1,
			 .first_seen_ms = NOON - 1000,
			 .last_seen_ms = NOON };

	p.reporter = (struct ip_address){ kind == KIND_PTB_TX ? 0 : AF_INET, { 198, 51, 100, 1 } };
	p.destination = (struct ip_address){ kind == KIND_PTB_TX ? AF_INET : 0, { 10, 2, 0, 9 } };
	if (kind == KIND_PTB_MANY)
		p = (struct ptb){ .direction = PTB_RX, .count = 900, .stories = 80, .last_seen_ms = NOON };
	name_put(p.interface, name);
	return p;
}

static inline int status(const struct sink *sink, enum kind kind, const char *name)
{
	static struct status s;
	static struct link links[2] = { { .ifindex = 7, .mtu = 8920, .role = WIRE_ROLE_TUNNEL }, { .name = "eth0" } };

	name_put(links[0].name, name);
	s = (struct status){ .state = kind == KIND_EXIT ? STATUS_EXIT : STATUS_DEGRADED,
			     .hooks = { { .attached = true, .how = "tcx" },
					{ .name = "wg_xmit", .why_not = "no BTF" } },
			     .hooks_n = 2,
			     .links = links,
			     .links_n = 2,
			     .records_lost = 12 };
	snprintf(s.hooks[0].name, sizeof(s.hooks[0].name), "tc egress %s", name);
	return sink->status(record, SINK_RECORD_MAX, &s, NOON, &OPTIONS);
}

/* Into `record`; its length. */
static inline int make(const char *format, enum kind kind, const char *name)
{
	const struct sink *sink = sink_named(format);
	struct finding f = finding(name);
	struct ptb p = ptb(kind, name);
	struct scene s;

	switch (kind) {
	case KIND_RESOLVED:
		f.state = FINDING_RESOLVED; /* fall through */
	case KIND_FINDING:
		return sink->finding(record, SINK_RECORD_MAX, &f, NOON, &OPTIONS);
	case KIND_STATUS:
	case KIND_EXIT:
		return status(sink, kind, name);
	case KIND_COUNTERS:
		scene_start(&s);
		name_put(s.links[0].name, name);
		s.counters[0].direction[WIRE_TX].packets = 10;
		return sink->counters(record, SINK_RECORD_MAX, &s.snap, NOON, &OPTIONS);
	default:
		return sink->ptb(record, SINK_RECORD_MAX, &p, NOON, &OPTIONS);
	}
}

static inline void each(const char *format, void (*check)(enum kind kind, const char *name, int n))
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < HOSTILE_N; i++) {
			char name[IFACE_NAME_LEN + 1] = "";
			int n;

			memcpy(name, HOSTILE[i], strnlen(HOSTILE[i], IFACE_NAME_LEN));
			n = make(format, kind, name);
			assert_true(n > 0);
			check(kind, name, n);
		}
	}
}

#endif
