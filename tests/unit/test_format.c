/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sinks share: the names of the records, the texts of format.h and the JSON writer. Values and hostile
 * strings go in; what leaves is compared byte for byte. Run by `make check`.
 */
#include <arpa/inet.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "finding.h"
#include "json.h"
#include "status.h"

#define NOON	     1767265267250 /* 2026-01-01T11:01:07.250Z */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static char record[1024];

static struct ip_endpoint endpoint(int family, const char *text, uint16_t port)
{
	struct ip_endpoint e = { .ip.family = (uint8_t)family, .port = port };

	assert_int_equal(inet_pton(family, text, e.ip.bytes), 1);
	return e;
}

static void names_follow_the_contract(void **state)
{
	(void)state;
	assert_string_equal(finding_class_name(FINDING_PATH_BLACKHOLE), "path-blackhole");
	assert_string_equal(finding_class_name(FINDING_PEER_UNREACHABLE), "peer-unreachable");
	assert_string_equal(finding_class_name((enum finding_class)99), "unknown");
	assert_int_equal(finding_class_severity(FINDING_PTB_SUPPRESSED), SEVERITY_CRITICAL);
	assert_int_equal(finding_class_severity(FINDING_TUNNEL_MTU_TOO_LARGE), SEVERITY_WARNING);
	assert_string_equal(finding_state_name(FINDING_UPDATE), "update");
	assert_string_equal(finding_basis_name(BASIS_FLOOR), "floor");
	assert_string_equal(evidence_kind_name(EVIDENCE_ECHO_LOST), "echo-lost");
	assert_string_equal(direction_name(WIRE_RX), "rx");
	assert_string_equal(status_state_name(STATUS_DEGRADED), "degraded");
	assert_string_equal(loss_name(WIRE_LOSS_UNPARSED), "unparsed");
	assert_string_equal(loss_name((enum wire_loss) - 1), "unknown");
	for (int i = 0; i < WIRE_LOSSES; i++)
		assert_string_not_equal(loss_name((enum wire_loss)i), "unknown");
}

static void times(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 951782399999, "2000-02-28T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1735689599001, "2024-12-31T23:59:59.001Z" },
		{ NOON, "2026-01-01T11:01:07.250Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "1970-01-01T00:00:00.000Z" },
	};
	char buf[FORMAT_TIME_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		format_time(buf, cases[i].ms);
		assert_string_equal(buf, cases[i].text);
	}
	format_clock(buf, NOON);
	assert_string_equal(buf, "11:01:07");
}

static void keys_and_addresses(void **state)
{
	struct ip_endpoint v6 = endpoint(AF_INET6, "2001:db8:0:0:1::1", 51820), none = { .port = 5 };
	uint8_t key[WG_KEY_LEN];
	char buf[FORMAT_ENDPOINT_LEN];

	(void)state;
	memset(key, 0xff, sizeof(key));
	format_key(buf, key);
	assert_string_equal(buf, "//////////////////////////////////////////8=");
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	format_key(buf, key);
	assert_string_equal(buf, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	assert_true(format_endpoint(buf, &v6));
	assert_string_equal(buf, "[2001:db8::1:0:0:1]:51820");
	v6 = endpoint(AF_INET, "192.0.2.1", 1);
	assert_true(format_endpoint(buf, &v6));
	assert_string_equal(buf, "192.0.2.1:1");
	assert_false(format_endpoint(buf, &none));
	assert_string_equal(buf, "");
}

static void decimals(void **state)
{
	static const struct {
		double value;
		unsigned int decimals;
		const char *text;
	} cases[] = {
		{ 0, 3, "0.0" },       { 1, 3, "1.0" },		  { 0.97, 3, "0.97" },
		{ 0.9996, 3, "1.0" },  { 0.0625, 3, "0.063" },	  { -2.5, 1, "-2.5" },
		{ -0.0001, 3, "0.0" }, { 1234.05, 2, "1234.05" }, { 1e12, 6, "1000000000000.0" },
		{ NAN, 3, "" },	       { INFINITY, 3, "" },	  { -1e300, 3, "" },
	};
	char buf[FORMAT_DECIMAL_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(format_decimal(buf, cases[i].value, cases[i].decimals), cases[i].text[0] != '\0');
		assert_string_equal(buf, cases[i].text);
	}
}

static void json_of_any_string_is_one_line(void **state)
{
	static const struct {
		const char *in, *out; /* out: without the quotes */
	} cases[] = {
		{ "wg0", "wg0" },
		{ "a\"b\\c", "a\\\"b\\\\c" },
		{ "\n\r\t\b\f\x01\x1b", "\\n\\r\\t\\b\\f\\u0001\\u001b" },
		{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "wg\xff", "wg\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },				    /* overlong */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },		    /* a surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* above 10FFFF */
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },				    /* cut off */
		{ "\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xae", "\\u007f\\u0085\\u2028\\u202e" },
		{ "\xf3\xa0\x81\x81", "\\udb40\\udc41" },
	};
	struct json_writer w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].out);

		json_init(&w, record, sizeof(record));
		json_put_string(&w, NULL, cases[i].in);
		assert_int_equal(json_finish_line(&w), len + 3);
		assert_memory_equal(record + 1, cases[i].out, len);
	}
}

static void json_cuts_and_clamps(void **state)
{
	struct json_writer w;
	json_t *root, *expected;
	int n;

	(void)state;
	json_init(&w, record, sizeof(record));
	json_begin_array(&w, NULL);
	json_put_string_cut(&w, NULL, "abcdefgh", SIZE_MAX, 8);
	json_put_string_cut(&w, NULL, "abcdefghi", SIZE_MAX, 8);
	json_put_string_cut(&w, NULL, "abc\xe2\x82\xacghi", SIZE_MAX, 8);
	json_put_string_n(&w, NULL, "abcdef\xe2\x82\xac", 7);
	json_put_string(&w, NULL, NULL);
	json_put_uint(&w, NULL, UINT64_MAX);
	json_put_int(&w, NULL, INT64_MIN);
	json_put_uint_or_null(&w, NULL, 0);
	json_put_decimal(&w, NULL, NAN, 2);
	json_end_array(&w);
	n = json_finish_line(&w);
	assert_true(n > 0);
	root = json_loadb(record, (size_t)n, 0, NULL);
	expected = json_pack("[ssssnIInn]", "abcdefgh", "abcde...", "abc...", "abcdef\xef\xbf\xbd",
			     (json_int_t)INT64_MAX, (json_int_t)INT64_MIN);
	assert_true(json_equal(root, expected));
	json_decref(expected);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_the_contract),
		cmocka_unit_test(times),
		cmocka_unit_test(keys_and_addresses),
		cmocka_unit_test(decimals),
		cmocka_unit_test(json_of_any_string_is_one_line),
		cmocka_unit_test(json_cuts_and_clamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
