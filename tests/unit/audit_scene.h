/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The healthy gateway that every test of the rules of the audit begins with, and what the rules say of what the test makes of
 * it. Each of those tests has its own.
 */
#ifndef MTUSCOPE_TEST_AUDIT_SCENE_H
#define MTUSCOPE_TEST_AUDIT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "audit/audit.h"

#define WG0 7
#define WAN 2
#define LTE 3
#define NOW 1700000000

static struct link links[2];
static struct peer peers[2];
static struct allowed_ip allowed[2];
static struct audit_route routes[4];
static struct audit_way ways[4];
static struct audit_clamp clamps[4];
static struct audit_config config;
static struct audit_scene scene;

static struct {
	struct audit_note notes[32];
	size_t n;
	struct audit_result result;
} heard;

static inline void address(struct ip_address *ip, const char *text)
{
	ip->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(ip->family, text, ip->bytes), 1);
}

/* A gateway at 1420 on Ethernet: one peer with keepalive beyond a router, forwarding, clamped, the defaults of a kernel. */
static inline int setup(void **state)
{
	(void)state;
	memset(&scene, 0, sizeof(scene));
	memset(routes, 0, sizeof(routes));
	memset(clamps, 0, sizeof(clamps));
	links[0] = (struct link){ .ifindex = WG0, .name = "wg0", .mtu = 1420, .role = WIRE_ROLE_TUNNEL, .up = true };
	links[1] = (struct link){ .ifindex = WAN, .name = "wan0", .mtu = 1500, .role = WIRE_ROLE_UNDERLAY, .up = true };
	peers[0] = (struct peer){ .tunnel_ifindex = WG0,
				  .public_key = { 1 },
				  .egress_ifindex = WAN,
				  .egress_mtu = 1500,
				  .off_link = true,
				  .last_handshake_s = NOW - 60,
				  .keepalive_s = 25,
				  .tx_bytes = 5000,
				  .endpoint.port = 51820 };
	address(&peers[0].endpoint.ip, "198.51.100.1");
	for (size_t i = 0; i < 2; i++)
		allowed[i] = (struct allowed_ip){ 0 };
	address(&allowed[0].ip, "10.30.0.0");
	address(&allowed[1].ip, "fd30::");
	routes[0] = (struct audit_route){
		.to.family = AF_INET, .table = 254, .ifindex = WAN, .link = "wan0", .link_mtu = 1500, .up = true
	};
	clamps[0] = (struct audit_clamp){ .ipv4 = true, .ipv6 = true };
	config = (struct audit_config){ .ifindex = WG0,
					.manager = MANAGER_WG_QUICK,
					.path = "/etc/wireguard/wg0.conf",
					.readable = true,
					.mtu = 1420 };
	scene = (struct audit_scene){
		.inventory = { .links = links,
			       .links_n = 2,
			       .peers = peers,
			       .peers_n = 1,
			       .allowed_ips = allowed,
			       .allowed_ips_n = 2 },
		.routes = routes,
		.routes_n = 1,
		.ways = ways,
		.clamps = clamps,
		.clamps_n = 1,
		.filters_known = true,
		.configs = &config,
		.configs_n = 1,
		.now_s = NOW,
		.sysctls = { [AUDIT_FORWARD_IPV4] = 1,
			     [AUDIT_FORWARD_IPV6] = 1,
			     [AUDIT_TCP_MTU_PROBING] = 1,
			     [AUDIT_ICMP_RATELIMIT] = 1000,
			     [AUDIT_ICMP_RATEMASK] = 6168,
			     [AUDIT_IPFRAG_HIGH] = 4194304,
			     [AUDIT_IPFRAG_TIME] = 30,
			     [AUDIT_IP6FRAG_HIGH] = 4194304 },
	};
	return 0;
}

static inline void hear(const struct audit_note *note, void *arg)
{
	(void)arg;
	assert_true(heard.n < 32);
	assert_true(note->finding.message[0]);
	assert_true(note->finding.fixes_n > 0);
	assert_int_equal(strlen(note->finding.id), FINDING_ID_LEN - 1);
	assert_null(strchr(note->rule, '_'));
	heard.notes[heard.n++] = *note;
}

/* The note of that rule, NULL: it is silent. */
static inline const struct audit_note *note_of(const char *rule)
{
	heard.n = 0;
	audit_run(&scene, 1000LL * NOW, hear, NULL, &heard.result);
	for (size_t i = 0; i < heard.n; i++)
		if (!strcmp(heard.notes[i].rule, rule))
			return &heard.notes[i];
	return NULL;
}

#define assert_hits(rule)   assert_non_null(note_of(rule))
#define assert_silent(rule) assert_null(note_of(rule))

/* It hits, as a finding of that class, and nothing else does. */
static inline const struct finding *only(const char *rule, enum finding_class class)
{
	const struct audit_note *note = note_of(rule);

	assert_non_null(note);
	assert_int_equal(heard.n, 1);
	assert_true(note->has_class);
	assert_int_equal(note->finding.class, class);
	assert_int_equal(note->finding.severity, SEVERITY_WARNING);
	assert_int_equal(audit_worst(&heard.result), SEVERITY_WARNING);
	return &note->finding;
}

static inline void only_status(const char *rule, enum finding_severity severity)
{
	const struct audit_note *note = note_of(rule);

	assert_non_null(note);
	assert_int_equal(heard.n, 1);
	assert_false(note->has_class);
	assert_int_equal(note->finding.severity, severity);
}

static inline void set_tunnel_mtu(uint32_t mtu)
{
	links[0].mtu = config.mtu = mtu;
}

static inline void set_egress(uint32_t mtu)
{
	links[1].mtu = peers[0].egress_mtu = routes[0].link_mtu = mtu;
}

#endif
