// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole measurements on invented paths: which attempts they make through the tunnel and beside it, and what these come to
 * together. What an attempt does by itself is in test_prober.c.
 */
#include "measured_path.h"

#define JUMBO	       8920 /* MTU of a tunnel, above that of most paths */
#define TUNNEL_IFINDEX 7
#define LINK_IFINDEX   2

/* What struct measured tells besides sizes. */
#define EXACT 1U
#define WHOLE 2U
#define SAID  4U
#define THERE 8U

/* What a measurement comes to. */
struct outcome {
	const char *attempts; /* as in struct path */
	enum wire_direction direction;
	uint32_t lower, upper, upper_round;
	unsigned int flags;
};

struct row {
	const char *name;
	bool rx;	  /* asked for is the direction from the peer */
	struct path path; /* tunnel_mtu 0: JUMBO, tunnel_family 0: IPv4 */
	bool hosts_v6;	  /* behind the peer */
	bool no_host;	  /* none is known there */
	bool other_host;  /* one more is */
	bool routed_in;	  /* the way to the endpoint is the tunnel */
	bool beyond;
	uint32_t egress_mtu, guess, spent;
	struct outcome is;
};

static const struct row ROWS[] = {
	/* The way there alone: by closed ports through the tunnel, then to the byte beside it. */
	{ .name = "hole", .path.inside.there = 1492, .is = { "Pp", WIRE_TX, 1492, 1493, 1493, EXACT } },
	{ .name = "hole, IPv6 under the tunnel",
	  .path.inside.there = 1400,
	  .path.tunnel_mtu = 1420,
	  .path.tunnel_family = AF_INET6,
	  .is = { "Pp", WIRE_TX, 1400, 1401, 1401, EXACT } },
	{ .name = "hole, IPv6 in the tunnel",
	  .path.inside.there = 1492,
	  .hosts_v6 = true,
	  .is = { "Pp", WIRE_TX, 1492, 1493, 1493, EXACT } },
	{ .name = "hole on the way there alone",
	  .path.inside = { .there = 1400, .back = 9001 },
	  .is = { "Pp", WIRE_TX, 1400, 1401, 1401, EXACT } },
	{ .name = "hole on the way back alone",
	  .path.inside = { .there = 9001, .back = 1400 },
	  .is = { "P", WIRE_TX, 8980, 0, 0, WHOLE } },
	{ .name = "all arrives",
	  .path.inside.there = 1500,
	  .path.tunnel_mtu = 1440,
	  .is = { "P", WIRE_TX, 1500, 0, 0, WHOLE } },
	{ .name = "all arrives, and how much more would",
	  .path.inside.there = 1700,
	  .path.tunnel_mtu = 1440,
	  .beyond = true,
	  .egress_mtu = 9000,
	  .is = { "Pp", WIRE_TX, 1700, 1701, 1701, EXACT | WHOLE } },
	{ .name = "all arrives, and all of the link's",
	  .path.inside.there = 1700,
	  .path.tunnel_mtu = 1440,
	  .beyond = true,
	  .egress_mtu = 1600,
	  .is = { "Pp", WIRE_TX, 1600, 0, 0, WHOLE } },

	/* Echo in place of closed ports does not tell the ways apart. */
	{ .name = "no closed ports",
	  .path.inside = { .there = 1492, .mute = PORTS },
	  .is = { "PEpe", WIRE_TX, 1492, 0, 1493, 0 } },
	{ .name = "no closed ports beside",
	  .path.inside.there = 1492,
	  .path.beside = { .there = 1492, .mute = PORTS },
	  .is = { "Ppe", WIRE_TX, 1492, 1500, 1493, 0 } },
	{ .name = "no closed ports in the tunnel, hole on the way there",
	  .path.inside = { .there = 1400, .back = 9001, .mute = PORTS },
	  .path.beside.there = 1400,
	  .is = { "PEp", WIRE_TX, 1400, 1401, 1401, EXACT } },
	{ .name = "no closed ports in the tunnel, hole on the way back",
	  .path.inside = { .there = 9001, .back = 1400, .mute = PORTS },
	  .path.beside = { .there = 9001, .back = 1400 },
	  .is = { "PEp", WIRE_TX, 1388, 0, 1404, 0 } },
	{ .name = "in pieces it has arrived there",
	  .path.inside = { .there = 1492, .mute = PORTS, .pieces = 1300 },
	  .is = { "PEpe", WIRE_TX, 1492, 0, 1493, 0 } },

	/* Nobody answers, here or there. */
	{ .name = "nobody in the tunnel",
	  .path.inside = { .there = 1492, .mute = ECHO | PORTS },
	  .path.beside.there = 1492,
	  .is = { "PE", WIRE_TX, 0, 0, 0, 0 } },
	{ .name = "nobody beside it",
	  .path.inside.there = 1492,
	  .path.beside = { .there = 1492, .mute = ECHO | PORTS },
	  .is = { "Ppe", WIRE_TX, 1484, 1500, 1500, 0 } },
	{ .name = "the other host answers",
	  .path.inside.there = 1492,
	  .path.dead = { AF_INET, { 10, 0, 0, 1 } },
	  .other_host = true,
	  .is = { "PEPp", WIRE_TX, 1492, 1493, 1493, EXACT } },
	{ .name = "none may be sent",
	  .path.inside.there = 1492,
	  .path.no_socket = ECHO | PORTS,
	  .is = { "", WIRE_TX, 0, 0, 0, 0 } },
	{ .name = "no echo may be sent",
	  .rx = true,
	  .path.inside.there = 1492,
	  .path.no_socket = ECHO,
	  .is = { "Pp", WIRE_TX, 1492, 1493, 1493, EXACT } },

	/* What is beside the tunnel meets something else, or there is nothing beside it. */
	{ .name = "datagrams limited apart",
	  .path.inside.there = 1400,
	  .path.beside = { .there = 9001, .mute = PORTS },
	  .is = { "Ppe", WIRE_TX, 1388, 1404, 1404, 0 } },
	{ .name = "datagrams limited apart, both ways",
	  .rx = true,
	  .path.inside.there = 1400,
	  .path.beside.there = 9001,
	  .is = { "EPe", WIRE_RX, 1388, 0, 1404, 0 } },
	{ .name = "a proxy at the endpoint",
	  .path.inside.there = 1400,
	  .path.beside.there = PROBE_SIZE_MAX,
	  .is = { "Pp", WIRE_TX, 1388, 1404, 1404, 0 } },
	{ .name = "large echoes limited apart",
	  .path.inside.there = 1492,
	  .path.beside.there = 1000,
	  .is = { "Ppe", WIRE_TX, 1484, 1500, 1500, 0 } },
	{ .name = "the endpoint is routed into the tunnel",
	  .path.inside.there = 1492,
	  .routed_in = true,
	  .is = { "P", WIRE_TX, 1484, 1500, 1500, 0 } },

	/* This end takes no more, or has no probes left. */
	{ .name = "the link takes no more",
	  .path.inside.there = 1492,
	  .path.tunnel_mtu = 1440,
	  .egress_mtu = 1492,
	  .is = { "Pp", WIRE_TX, 1492, 1500, 1500, 0 } },
	{ .name = "the link takes less than the path carries in pieces",
	  .path.inside.there = 1492,
	  .path.tunnel_mtu = 1440,
	  .egress_mtu = 1400,
	  .is = { "Pp", WIRE_TX, 1484, 1500, 1500, 0 } },
	{ .name = "the kernel refuses more",
	  .path.inside.there = 1492,
	  .path.beside = { .there = 1492, .takes = 1492 },
	  .path.tunnel_mtu = 1440,
	  .is = { "Pp", WIRE_TX, 1492, 1500, 1500, 0 } },
	{ .name = "the kernel refuses more in the tunnel",
	  .path.inside = { .there = 1492, .takes = 1400 },
	  .is = { "P", WIRE_TX, 1388, 0, 0, WHOLE } },
	{ .name = "probes run out beside",
	  .path.inside.there = 1492,
	  .spent = 29,
	  .is = { "Pp", WIRE_TX, 1484, 1500, 1500, 0 } },
	{ .name = "probes run out beside, and none is lost for certain",
	  .path.inside.there = 1492,
	  .spent = 27,
	  .is = { "Pp", WIRE_TX, 1492, 1500, 1500, 0 } },
	{ .name = "the link takes no more, hole on the way back",
	  .path.inside = { .there = 9001, .back = 1400, .mute = PORTS },
	  .path.beside = { .there = 9001, .back = 1400 },
	  .egress_mtu = 1395,
	  .is = { "PEp", WIRE_TX, 1395, 0, 1404, 0 } },
	{ .name = "probes run out in the tunnel",
	  .path.inside.there = 1492,
	  .spent = 36,
	  .is = { "P", WIRE_TX, 1484, 0, 0, 0 } },
	{ .name = "no probes left",
	  .path.inside.there = 1492,
	  .spent = PROBER_BUDGET,
	  .is = { "", WIRE_TX, 0, 0, 0, 0 } },

	/* A closed port's answer in IPv6 may be what is lost. */
	{ .name = "IPv6, too narrow for the answer",
	  .path.inside.there = 1305,
	  .hosts_v6 = true,
	  .is = { "PE", WIRE_TX, 1260, 0, 0, 0 } },
	{ .name = "IPv6, too narrow for the answer, no echo",
	  .path.inside = { .there = 1305, .mute = ECHO },
	  .hosts_v6 = true,
	  .is = { "PEp", WIRE_TX, 1244, 0, 1260, 0 } },
	{ .name = "IPv6, too narrow for the answer, no echo, asked for the other direction",
	  .rx = true,
	  .path.inside = { .there = 1305, .mute = ECHO },
	  .hosts_v6 = true,
	  .is = { "EPEp", WIRE_TX, 1244, 0, 1260, 0 } },
	{ .name = "IPv6, too narrow there alone",
	  .path.inside = { .there = 1250, .back = 1500 },
	  .hosts_v6 = true,
	  .is = { "PEp", WIRE_TX, 1250, 1251, 1251, EXACT } },

	{ .name = "IPv6, too narrow there alone, nothing beside",
	  .path.inside = { .there = 1250, .back = 1500 },
	  .hosts_v6 = true,
	  .routed_in = true,
	  .is = { "PE", WIRE_TX, 1244, 0, 1260, 0 } },

	/* Both ways at once, and whether what is lost arrives there. */
	{ .name = "both ways", .rx = true, .path.inside.there = 1492, .is = { "EPe", WIRE_RX, 1492, 0, 1493, 0 } },
	{ .name = "the way back",
	  .rx = true,
	  .path.inside = { .there = 9001, .back = 1400 },
	  .is = { "EPe", WIRE_RX, 1400, 1401, 1401, THERE | EXACT } },
	{ .name = "the way back, nothing beside",
	  .rx = true,
	  .path.inside = { .there = 9001, .back = 1400 },
	  .routed_in = true,
	  .is = { "EP", WIRE_RX, 1388, 1404, 1404, THERE } },
	{ .name = "the way back, no closed ports",
	  .rx = true,
	  .path.inside = { .there = 9001, .back = 1400, .mute = PORTS },
	  .is = { "EPe", WIRE_RX, 1400, 0, 1401, 0 } },
	{ .name = "the way back, no closed ports, nothing beside",
	  .rx = true,
	  .path.inside = { .there = 9001, .back = 1400, .mute = PORTS },
	  .routed_in = true,
	  .is = { "EP", WIRE_RX, 1388, 0, 1404, 0 } },
	{ .name = "no echo",
	  .rx = true,
	  .path.inside = { .there = 1492, .mute = ECHO },
	  .is = { "EPp", WIRE_TX, 1492, 1493, 1493, EXACT } },
	{ .name = "no echo beside",
	  .rx = true,
	  .path.inside.there = 1492,
	  .path.beside = { .there = 1492, .mute = ECHO },
	  .is = { "EPe", WIRE_RX, 1484, 0, 1500, 0 } },
	{ .name = "in pieces it has not come back",
	  .rx = true,
	  .path.inside = { .there = 1492, .pieces = 1300 },
	  .is = { "EPe", WIRE_RX, 1300, 1301, 1301, THERE | EXACT } },
	{ .name = "both ways, all arrives",
	  .rx = true,
	  .path.inside.there = 1500,
	  .path.tunnel_mtu = 1440,
	  .is = { "E", WIRE_RX, 1500, 0, 0, WHOLE } },

	/* Beside the tunnel alone. */
	{ .name = "no host is known",
	  .rx = true,
	  .path.inside.there = 1492,
	  .no_host = true,
	  .is = { "e", WIRE_RX, 1492, 0, 1493, 0 } },
	{ .name = "no host is known, no echo",
	  .rx = true,
	  .path.inside = { .there = 1492, .mute = ECHO },
	  .no_host = true,
	  .is = { "ep", WIRE_TX, 1492, 1493, 1493, EXACT } },
	{ .name = "no host is known, nor anything beside",
	  .rx = true,
	  .path.inside.there = 1492,
	  .no_host = true,
	  .routed_in = true,
	  .is = { "", WIRE_RX, 0, 0, 0, 0 } },

	/* Routers that speak: behind the tunnel that is no limit of its path. */
	{ .name = "a router behind the tunnel says so",
	  .path.inside = { .there = 1400, .says = 1340 },
	  .path.beside.there = 9001,
	  .is = { "P", WIRE_TX, 1388, 0, 0, 0 } },
	{ .name = "a router beside it says so",
	  .path.inside = { .there = 1400, .says = 1400 },
	  .no_host = true,
	  .is = { "p", WIRE_TX, 1400, 1401, 1401, SAID | EXACT } },

	{ .name = "what is in question first",
	  .path.inside.there = 1492,
	  .guess = 1324,
	  .is = { "Pp", WIRE_TX, 1492, 1493, 1493, EXACT } },
	{ .name = "somebody floods",
	  .path.inside.there = 1492,
	  .path.flood = true,
	  .is = { "Pp", WIRE_TX, 1492, 1493, 1493, EXACT } },
};

#define ROWS_N (sizeof(ROWS) / sizeof(ROWS[0]))

static struct ip_address address(uint8_t family, uint8_t last)
{
	if (family == AF_INET6)
		return (struct ip_address){ .family = AF_INET6, .bytes = { 0xfd, [15] = last } };
	return (struct ip_address){ .family = AF_INET, .bytes = { 10, 0, 0, last } };
}

static struct measured measure(const struct row *row)
{
	struct measure_config c = { .direction = row->rx ? WIRE_RX : WIRE_TX,
				    .beyond = row->beyond,
				    .guess = row->guess,
				    .spent = row->spent,
				    .echo_id = PATH_ECHO_ID,
				    .from = PATH_FROM,
				    .from_inside = PATH_FROM_INSIDE,
				    .from_interface = PATH_LINK };
	struct peer peer = { .egress_ifindex = row->routed_in ? TUNNEL_IFINDEX : LINK_IFINDEX,
			     .egress_mtu = row->egress_mtu };
	struct link tunnel = { .ifindex = TUNNEL_IFINDEX, .name = PATH_TUNNEL, .fwmark = PATH_MARK };

	path = row->path;
	path.tunnel_mtu = path.tunnel_mtu ? path.tunnel_mtu : JUMBO;
	path.tunnel_family = path.tunnel_family ? path.tunnel_family : AF_INET;
	tunnel.mtu = path.tunnel_mtu;
	peer.endpoint.ip = address(path.tunnel_family, 99);
	measure_peer(&c, &tunnel, &peer);
	for (uint8_t host = 1; !row->no_host && host <= 1 + row->other_host; host++) {
		struct ip_address ip = address(row->hosts_v6 ? AF_INET6 : AF_INET, host);

		measure_add_host(&c, &ip);
	}
	return path_measure(&c);
}

static unsigned int flags_of(const struct measured *r)
{
	return (r->exact ? EXACT : 0) | (r->whole ? WHOLE : 0) | (r->upper_said ? SAID : 0) | (r->there ? THERE : 0);
}

/* What a measurement came to, for those who have to find out why. */
static void print(const struct row *row, const struct measured *r)
{
	print_message("%s (%u spent, %u lost from %u on, one in %u): %s %s [%u, %u), %u does not come back, flags %u, "
		      "%u probes\n",
		      row->name, row->spent, row->path.lost_n, row->path.lost_at, row->path.lost_every, path.attempts,
		      r->direction == WIRE_TX ? "tx" : "rx", r->lower, r->upper, r->upper_round, flags_of(r), r->sent);
}

static void test_what_is_measured(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ROWS_N; i++) {
		const struct outcome *is = &ROWS[i].is;
		struct measured r = measure(&ROWS[i]);

		if (!strcmp(path.attempts, is->attempts) && r.direction == is->direction && r.lower == is->lower &&
		    r.upper == is->upper && r.upper_round == is->upper_round && flags_of(&r) == is->flags)
			continue;
		print(&ROWS[i], &r);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/*
 * Whether all that is told holds for the path. Where nothing is lost beside the tunnel that dies in it, one probe lost by chance there, with
 * too few left to try again, hides it: what then is said to arrive lies within the tunnel's bracket.
 */
static bool is_so(const struct row *row, const struct measured *r)
{
	const struct path_side *side = path_side(r->tunnel_answered);
	bool tx = r->direction == WIRE_TX, lossy = path.lost_n || path.lost_every;
	uint32_t back = tx ? path_back(side) : path_back_whole(side), both = side->there < back ? side->there : back,
		 lower = tx ? side->there : both, upper = tx ? side->there : back;

	if (r->lower > lower + (lossy && path.beside.there > path.inside.there ? OUTER_PADDING - 1 : 0))
		return false;
	if ((r->upper && r->upper <= upper) || (r->exact && r->lower != upper))
		return false;
	/* In IPv6 it may be a closed port's answer that is lost. */
	if (r->upper_round && r->upper_round <= both && !row->hosts_v6)
		return false;
	if (r->there && side->there < r->upper)
		return false;
	return !r->whole || !r->tunnel_answered || side->takes ||
	       lower >= path.tunnel_mtu + outer_overhead(path.tunnel_family);
}

static void assert_so(const struct row *row)
{
	struct measured r = measure(row);

	if (is_so(row, &r))
		return;
	print(row, &r);
	fail();
}

/* On each path, asked for either direction, and wherever probes run out. */
static void assert_all_so(uint32_t lost_at, uint32_t lost_n, uint32_t lost_every)
{
	for (size_t i = 0; i < ROWS_N; i++) {
		struct row row = ROWS[i];

		row.path.lost_at = lost_at;
		row.path.lost_n = lost_n;
		row.path.lost_every = lost_every;
		for (row.spent = 0; row.spent < PROBER_BUDGET; row.spent++) {
			row.rx = false;
			assert_so(&row);
			row.rx = true;
			assert_so(&row);
		}
	}
}

static void test_what_is_told_is_so(void **state)
{
	(void)state;
	assert_all_so(0, 0, 0);
	for (uint32_t lost_at = 0; lost_at < PROBER_BUDGET; lost_at++)
		for (uint32_t lost_n = 1; lost_n <= 2; lost_n++)
			assert_all_so(lost_at, lost_n, 0);
	for (uint32_t lost_every = 4; lost_every <= 12; lost_every++)
		assert_all_so(0, 0, lost_every);
}

static const struct row *row_named(const char *name)
{
	for (size_t i = 0; i < ROWS_N; i++)
		if (!strcmp(ROWS[i].name, name))
			return &ROWS[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void test_who_answered(void **state)
{
	struct measured r = measure(row_named("the other host answers"));
	struct ip_address other = address(AF_INET, 2);

	(void)state;
	assert_true(r.tunnel_answered && r.underlay_answered);
	assert_memory_equal(&r.host, &other, sizeof(other));
	assert_int_equal(r.method, PROBE_UDP);
	r = measure(row_named("nobody beside it"));
	assert_true(r.tunnel_answered && !r.underlay_answered);
	assert_int_equal(measure(row_named("no closed ports")).method, PROBE_ECHO);
	r = measure(row_named("nobody in the tunnel"));
	assert_false(r.tunnel_answered || r.underlay_answered);
	r = measure(row_named("no host is known"));
	assert_true(!r.tunnel_answered && r.underlay_answered);
}

static void test_what_else_is_told(void **state)
{
	struct measured r = measure(row_named("a router beside it says so"));

	(void)state;
	assert_int_equal(r.said_mtu, 1400);
	assert_memory_equal(&r.said_by, &PATH_ROUTER, sizeof(PATH_ROUTER));
	assert_int_not_equal(r.too_big, 0);
	assert_int_equal(measure(row_named("none may be sent")).err, -EPERM);
	assert_int_not_equal(measure(row_named("somebody floods")).ignored, 0);
	assert_int_equal(measure(row_named("hole")).ignored, 0);
	measure(row_named("what is in question first"));
	assert_int_equal(path.first, 1324);
	/* Nothing rests on silence at the size that is checked, so little is spent on it. */
	measure(row_named("the way back, no closed ports, nothing beside"));
	assert_int_equal(path.sent_last, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_measured),
		cmocka_unit_test(test_what_is_told_is_so),
		cmocka_unit_test(test_who_answered),
		cmocka_unit_test(test_what_else_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
