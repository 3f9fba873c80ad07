/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cure: which MTU a bracket allows, and commands that a person may paste into a shell as root, whatever the
 * interface is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "invariants.h"
#include "recommend.h"

static struct finding hole(uint8_t family, uint32_t lower, uint32_t upper)
{
	struct finding f = {
		.class = FINDING_PATH_BLACKHOLE,
		.interface = "wg0",
		.tunnel_mtu = 8920,
		.direction = WIRE_TX,
		.outer_family = family,
		.path_mtu_lower = lower,
		.path_mtu_upper = upper,
	};

	recommend_mtu(&f, 0, BASIS_BRACKET);
	recommend_fix(&f);
	recommend_message(&f);
	return f;
}

static void assert_recommends(uint8_t family, uint32_t lower, uint32_t upper, uint32_t mtu, enum finding_basis basis)
{
	struct finding f = hole(family, lower, upper);

	assert_int_equal(f.recommended_mtu, mtu);
	assert_int_equal(f.basis, basis);
}

static void test_what_is_proven_is_recommended(void **state)
{
	(void)state;
	assert_recommends(AF_INET, 1500, 1516, 1440, BASIS_BRACKET);
	assert_recommends(AF_INET, 1492, 8980, 1432, BASIS_BRACKET);
	assert_recommends(AF_INET6, 1500, 1516, 1420, BASIS_BRACKET);
	assert_recommends(AF_INET, 1340, 1356, 1280, BASIS_BRACKET);
}

static void test_nothing_proven_is_the_floor(void **state)
{
	(void)state;
	assert_recommends(AF_INET, 588, 8312, 1280, BASIS_FLOOR);
	assert_recommends(AF_INET, 0, 8980, 1280, BASIS_FLOOR);
	assert_recommends(AF_INET, 0, 0, 1280, BASIS_FLOOR);
	assert_recommends(AF_INET6, 0, 1361, 1280, BASIS_FLOOR);
}

/* On a path of 1124 the floor dies as well. */
static void test_the_floor_may_be_too_high(void **state)
{
	(void)state;
	assert_recommends(AF_INET, 1116, 1132, 1056, BASIS_BRACKET);
	assert_recommends(AF_INET, 1116, 1340, 1056, BASIS_BRACKET);
	assert_int_equal(hole(AF_INET, 0, 1340).recommended_mtu, 576);
	assert_int_equal(hole(AF_INET, 200, 700).recommended_mtu, 576);
}

/* One of several peers: its routes may have the smaller MTU instead of the interface. */
static void test_routes_of_one_peer(void **state)
{
	struct finding f = hole(AF_INET, 1500, 1516);

	(void)state;
	f.networks[0] = (struct ip_network){ .ip = { AF_INET, { 10, 1, 0, 0 } }, .prefix_len = 16 };
	f.networks[1] = (struct ip_network){ .ip = { AF_INET6, { 0xfd, 0x30 } }, .prefix_len = 64 };
	f.networks_n = 2;
	recommend_fix(&f);
	assert_string_equal(f.fix[0], "ip link set dev wg0 mtu 1440");
	assert_string_equal(f.fix[1], "# or for this peer alone: ip route replace 10.1.0.0/16 dev wg0 mtu 1440");
	assert_string_equal(f.fix[2], "# or for this peer alone: ip -6 route replace fd30::/64 dev wg0 mtu 1440");
	/* What the peer sends is not routed here. */
	f.direction = WIRE_RX;
	recommend_fix(&f);
	assert_null(strstr(f.fix[1], "route"));
}

static void test_never_more_than_is_proven(void **state)
{
	(void)state;
	for (uint32_t upper = 0; upper < 9100; upper += 13) {
		for (uint32_t lower = 0; lower < (upper ? upper : 9100); lower += 17) {
			for (size_t v6 = 0; v6 < 2; v6++) {
				struct finding f = hole(v6 ? AF_INET6 : AF_INET, lower, upper);

				assert_null(recommendation_wrong(&f));
			}
		}
	}
}

static void test_limit_of_the_egress_link(void **state)
{
	struct finding f = { .class = FINDING_TUNNEL_MTU_TOO_LARGE, .outer_family = AF_INET, .tunnel_mtu = 1500 };

	(void)state;
	recommend_mtu(&f, 1500, BASIS_BRACKET);
	assert_int_equal(f.recommended_mtu, 1440);
	f.outer_family = AF_INET6;
	recommend_mtu(&f, 1492, BASIS_PTB);
	assert_int_equal(f.recommended_mtu, 1412);
	assert_int_equal(f.basis, BASIS_PTB);
}

static void test_commands_name_interface_and_mtu(void **state)
{
	struct finding f = hole(AF_INET, 1500, 1516);

	(void)state;
	assert_string_equal(f.fix[0], "ip link set dev wg0 mtu 1440");
	for (size_t i = 1; i < f.fixes_n; i++)
		assert_true(f.fix[i][0] == '#' && strstr(f.fix[i], "1440"));
}

/* What sh makes of a line without expansions: its n-th word, unquoted. False: unsafe, or there is none. */
static bool shell_nth_word(const char *line, size_t n, char *word, size_t size)
{
	size_t len = 0, at = 0;
	bool quoted = false;

	for (; *line; line++) {
		if (*line == '\'') {
			quoted = !quoted;
		} else if (!quoted && *line == ' ') {
			if (at++ == n)
				break;
			len = 0;
		} else if (!quoted && *line == '\\') {
			if (!*++line)
				return false;
			word[len++] = *line;
		} else if (!quoted && strchr("\t\n;&|<>()$`\"*?[]#~={}!%", *line)) {
			return false;
		} else {
			word[len++] = *line;
		}
		if (len + 1 >= size)
			return false;
	}
	word[len] = '\0';
	return !quoted && at + (*line ? 0 : 1) > n;
}

static const char *const hostile[] = {
	"wg 0",
	"wg'0",
	"'''''''''''''''",
	"$(reboot)",
	"`reboot`",
	";reboot;",
	"\xff\xfe\xfd",
	"-v",
	"a\\",
	"a\\'b",
	"\"\"",
	"*",
	"#",
	"wg0\tup",
	"&",
	"!!",
	"~",
	"a|b>c",
	"''''''''''''''a",
	"\x1b[2J",
	"=",
	"a=b",
	"'",
	"{a,b}",
};

static void test_hostile_names_stay_one_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct finding f = hole(AF_INET, 1500, 1516);
		char word[64];

		snprintf(f.interface, sizeof(f.interface), "%s", hostile[i]);
		recommend_fix(&f);
		assert_true(shell_nth_word(f.fix[0], 4, word, sizeof(word)));
		assert_string_equal(word, f.interface);
		assert_true(shell_nth_word(f.fix[0], 6, word, sizeof(word)));
		assert_string_equal(word, "1440");
	}
}

/* No kernel has such names, a recording may: the lines for the other end are comments and must not break. */
static void test_no_name_breaks_a_line(void **state)
{
	(void)state;
	for (int class = 0; class < FINDING_CLASSES; class ++) {
		struct finding f = hole(AF_INET, 1500, 1516);

		f.class = class;
		strcpy(f.interface, "a\nreboot\nb");
		recommend_fix(&f);
		for (size_t i = 0; i < f.fixes_n; i++)
			assert_null(strchr(f.fix[i], '\n'));
	}
}

/* A command that is cut short is another command. */
static void test_the_longest_name_fits(void **state)
{
	(void)state;
	for (int class = 0; class < FINDING_CLASSES; class ++) {
		struct finding f = hole(AF_INET, 1500, 1516);

		f.class = class;
		f.tunnel_mtu = f.recommended_mtu = 65535;
		strcpy(f.interface, "'''''''''''''''");
		recommend_fix(&f);
		assert_true(f.fixes_n > 0);
		for (size_t i = 0; i < f.fixes_n; i++)
			assert_true(strlen(f.fix[i]) < FINDING_FIX_LEN - 1);
	}
}

/* However small the tunnel's MTU claims to be, no command holds a number that has wrapped. */
static void test_absurd_mtu(void **state)
{
	(void)state;
	for (int class = 0; class < FINDING_CLASSES; class ++) {
		struct finding f = hole(AF_INET, 1500, 1516);

		f.class = class;
		f.tunnel_mtu = 0;
		recommend_mtu(&f, 1, BASIS_PTB);
		recommend_fix(&f);
		for (size_t i = 0; i < f.fixes_n; i++)
			assert_null(strstr(f.fix[i], "42949"));
	}
}

static void test_every_class_has_words(void **state)
{
	(void)state;
	for (int class = 0; class < FINDING_CLASSES; class ++) {
		for (int state_of_it = FINDING_OPEN; state_of_it <= FINDING_RESOLVED; state_of_it++) {
			struct finding f = hole(AF_INET, 0, 0);

			f.class = class;
			f.state = state_of_it;
			recommend_fix(&f);
			recommend_message(&f);
			assert_true(f.message[0] && f.fixes_n > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_proven_is_recommended),
		cmocka_unit_test(test_nothing_proven_is_the_floor),
		cmocka_unit_test(test_the_floor_may_be_too_high),
		cmocka_unit_test(test_routes_of_one_peer),
		cmocka_unit_test(test_never_more_than_is_proven),
		cmocka_unit_test(test_limit_of_the_egress_link),
		cmocka_unit_test(test_commands_name_interface_and_mtu),
		cmocka_unit_test(test_hostile_names_stay_one_word),
		cmocka_unit_test(test_no_name_breaks_a_line),
		cmocka_unit_test(test_the_longest_name_fits),
		cmocka_unit_test(test_absurd_mtu),
		cmocka_unit_test(test_every_class_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
