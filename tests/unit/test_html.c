// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The page of a report: xmllint is the judge of its form; names that want to be markup stay text; it needs nothing from
 * anywhere; and it is there as a whole or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "commands.h"
#include "html.h"
#include "recommend.h"

#define NOON	1767265267250
#define RELAYED "tests/recordings/hole-to-peer.rec"

static char dir[] = "/tmp/mtuscope-html.XXXXXX";
static char path[64];
static char *page;

static int start(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/page.html", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(page);
	unlink(path);
	return rmdir(dir);
}

static bool is_well_formed(const char *file)
{
	char command[128];

	snprintf(command, sizeof(command), "xmllint --noout --nonet %s >&2", file);
	return !system(command);
}

static void assert_self_contained(void)
{
	static const char *const outside[] = { "http:",	  "https:",  "//",    "src=",	   "url(",
					       "@import", "<script", "<link", "javascript" };

	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		if (strstr(page, outside[i]))
			fail_msg("the page has %s", outside[i]);
}

/* The page of h in `page`, looked at by xmllint. */
static void render(const struct html *h, const struct status *status, bool told)
{
	size_t len;
	char *text = html_page(h, status, told, &len);
	FILE *f = fopen(path, "w");

	assert_non_null(text);
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_true(is_well_formed(path));
	free(page);
	page = realloc(text, len + 1);
	assert_non_null(page);
	page[len] = '\0';
	assert_self_contained();
}

static struct finding hole(const char *id)
{
	struct finding f = { .class = FINDING_PATH_BLACKHOLE,
			     .severity = SEVERITY_CRITICAL,
			     .interface = "wg0",
			     .has_peer = true,
			     .public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			     .tunnel_mtu = 8920,
			     .direction = WIRE_TX,
			     .outer_family = AF_INET,
			     .path_mtu_lower = 1500,
			     .path_mtu_upper = 1516,
			     .first_seen_ms = NOON,
			     .last_seen_ms = NOON };

	snprintf(f.id, sizeof(f.id), "%s", id);
	recommend_mtu(&f, 0, BASIS_BRACKET);
	recommend_fix(&f);
	recommend_message(&f);
	return f;
}

static void test_names_stay_text(void **state)
{
	static const char name[IFACE_NAME_LEN] = "<b>\"&'\x1b\xff\xef\xbf\xbe]]>";
	struct html *h = html_new();
	struct finding f = hole("1");
	struct link link = { .ifindex = 7, .role = WIRE_ROLE_TUNNEL, .mtu = 8920 };
	struct link_counters counters = { .ifindex = 7 };
	struct drop drop = { .reason = "</pre><script>", .count = 1 };
	struct status status = { .links = &link, .links_n = 1 };
	const struct snapshot snap = { .realtime_ms = NOON,
				       .inventory.links = &link,
				       .inventory.links_n = 1,
				       .counters = &counters,
				       .counters_n = 1,
				       .drops = &drop,
				       .drops_n = 1 };

	(void)state;
	memcpy(f.interface, name, sizeof(name));
	memcpy(link.name, name, sizeof(name));
	snprintf(f.fix[0], sizeof(f.fix[0]), "</pre><script>alert(1)</script>");
	snprintf(f.message, sizeof(f.message), "<img> of \x01 %s", name);
	html_finding(h, &f, NOON);
	assert_int_equal(html_recording(h, "<i>.rec", &snap, NOON, 1), 0);
	render(h, &status, true);
	html_free(h);
	assert_non_null(strstr(page, "&lt;b&gt;&quot;&amp;&#39;"));
	assert_non_null(strstr(page, "&lt;script&gt;alert(1)"));
	assert_non_null(strstr(page, "&lt;i&gt;.rec"));
	assert_null(strstr(page, "<b>"));
	assert_null(strchr(page, '\x1b'));
}

static void test_the_verdict_comes_first(void **state)
{
	const struct status status = { 0 };
	struct html *h = html_new();
	struct finding f = hole("1"), warning = hole("2");
	const char *was = "Packets of 1516 bytes and more vanish";
	const char *verdict, *message;

	(void)state;
	render(h, &status, true);
	assert_non_null(strstr(page, "Nothing found."));
	render(h, &status, false);
	assert_non_null(strstr(page, "Could not tell"));

	warning.class = FINDING_MSS_TOO_LARGE;
	warning.severity = SEVERITY_WARNING;
	html_finding(h, &warning, NOON);
	html_finding(h, &f, NOON);
	render(h, &status, true);
	verdict = strstr(page, "class=\"verdict critical\"");
	message = strstr(page, was);
	assert_non_null(verdict);
	assert_true(verdict < message && message < strstr(page, "<h2>"));
	assert_non_null(strstr(page, "<strong>set 1440</strong>"));
	assert_non_null(strstr(page, "ip link set dev wg0 mtu 1440\n"));

	f.state = FINDING_RESOLVED;
	recommend_message(&f);
	html_finding(h, &f, NOON + 1000);
	render(h, &status, true);
	html_free(h);
	assert_non_null(strstr(page, "resolved since"));
	assert_non_null(strstr(page, "<article class=\"resolved\""));
	assert_non_null(strstr(strstr(page, "<article class=\"resolved\""), was));
	assert_non_null(strstr(page, "<td>open</td>"));
	assert_non_null(strstr(page, "<td>resolved</td>"));
}

/* The picture is in proportion: its bars follow the bracket. */
static void test_the_picture(void **state)
{
	const struct status status = { 0 };
	struct html *h = html_new();
	struct finding f = hole("1");
	unsigned int arrive, x, vanish;

	(void)state;
	f.path_mtu_lower = 3000;
	f.path_mtu_upper = 6000;
	html_finding(h, &f, NOON);
	render(h, &status, true);
	assert_int_equal(sscanf(strstr(page, "<rect class=\"arrives\""),
				"<rect class=\"arrives\" x=\"0\" y=\"26\" width=\"%u\"", &arrive),
			 1);
	assert_int_equal(sscanf(strstr(page, "<rect class=\"vanishes\""),
				"<rect class=\"vanishes\" x=\"%u\" y=\"26\" width=\"%u\"", &x, &vanish),
			 2);
	assert_in_range(x, 2 * arrive - 1, 2 * arrive + 1);
	assert_int_equal(x + vanish, 720);

	f.path_mtu_upper = 0;
	html_finding(h, &f, NOON);
	render(h, &status, true);
	assert_null(strstr(page, "<rect class=\"vanishes\""));
	f.path_mtu_lower = 0;
	html_finding(h, &f, NOON);
	render(h, &status, true);
	html_free(h);
	assert_null(strstr(page, "<svg"));
}

/* All at its longest, and more of it than there is room for. */
static void test_it_is_bounded(void **state)
{
	static struct finding f;
	const struct status status = { 0 };
	struct html *h = html_new();

	(void)state;
	f = hole("x");
	f.tunnel_mtu = UINT32_MAX;
	memset(f.message, '"', sizeof(f.message));
	memset(f.interface, '"', sizeof(f.interface));
	f.fixes_n = FINDING_FIXES_MAX;
	f.evidence_n = FINDING_EVIDENCE_MAX;
	f.flows_n = FINDING_FLOWS_MAX;
	memset(f.fix, '"', sizeof(f.fix));
	for (int i = 0; i < 3000; i++) {
		snprintf(f.id, sizeof(f.id), "%d", i % 100);
		html_finding(h, &f, NOON + i);
	}
	render(h, &status, true);
	html_free(h);
	assert_non_null(strstr(page, "more changes are left out"));
}

static void test_the_file(void **state)
{
	char beside[128];
	struct options opt = { .operand = RELAYED, .output = "/dev/null", .html = path };
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(cmd_report(&opt), EXIT_CRITICAL);
	assert_true(is_well_formed(path));
	snprintf(beside, sizeof(beside), "%s.mtuscope-new", path);
	assert_int_not_equal(access(beside, F_OK), 0);

	opt.html = "/nonexistent/page.html";
	assert_int_equal(cmd_report(&opt), EXIT_UNKNOWN);
	opt.html = "/dev/null";
	assert_int_equal(cmd_report(&opt), EXIT_UNKNOWN);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_stay_text), cmocka_unit_test(test_the_verdict_comes_first),
		cmocka_unit_test(test_the_picture),	cmocka_unit_test(test_it_is_bounded),
		cmocka_unit_test(test_the_file),
	};

	return cmocka_run_group_tests(tests, start, end);
}
