/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records as lines, of every kind and with hostile names: CEF is read by liblognorm, RFC 5424 by a reader written from the
 * RFC, and of the journal's fields the message is one that the catalog explains. Run by `make check`.
 */
#include <unistd.h>

#include "format.h"
#include "hostile_records.h"
#include "lines.h"

struct part {
	const char *name;
	char value[SINK_RECORD_MAX];
	int times;
};

static void part_take(const char *name, size_t name_len, const char *value, size_t value_len, void *arg)
{
	struct part *p = arg;

	if (strlen(p->name) != name_len || strncmp(p->name, name, name_len))
		return;
	memcpy(p->value, value, value_len);
	p->value[value_len] = '\0';
	p->times++;
}

/* What a name must read as: what is no printable UTF-8 in it as '?'. */
static const char *harmless(const char *name)
{
	static char text[64];
	struct out o;

	out_init(&o, text, sizeof(text) - 1);
	out_safe(&o, name, IFACE_NAME_LEN);
	text[o.len] = '\0';
	return text;
}

/* The name is found again, whole, once, in the right place: it has neither ended its field nor made another. */
static void check_line(const char *field, bool (*read)(const char *, size_t, part_fn, void *), const char *name, int n,
		       bool has_name)
{
	static struct part p;

	memset(&p, 0, sizeof(p));
	p.name = field;
	assert_true(line_is_one(record, (size_t)n));
	if (!read(record, (size_t)n, part_take, &p))
		fail_msg("cannot be read: %.*s", n, record);
	assert_int_equal(p.times, has_name);
	if (has_name)
		assert_string_equal(p.value, harmless(name));
}

static void check_rfc5424(enum kind kind, const char *name, int n)
{
	static const char *const ids[KINDS] = { "finding", "finding", "status", "status",
						"ptb",	   "ptb",     "ptb",	"counters" };
	char header[96];

	check_line("interface", rfc5424_read, name, n, kind != KIND_COUNTERS);
	snprintf(header, sizeof(header), "<%d>1 2026-01-01T11:01:07.250Z gw?1? mtuscope 42 %s [mtuscope@32473 ",
		 kind == KIND_FINDING  ? 26
		 : kind == KIND_STATUS ? 28
				       : 30,
		 ids[kind]);
	assert_memory_equal(record, header, strlen(header));
}

static void rfc5424_holds(void **state)
{
	static struct part p = { .name = "truncated" };
	struct finding f = finding("wg0");
	json_t *text;
	int n;

	(void)state;
	each("rfc5424", check_rfc5424);
	assert_true(rfc5424_read(record, (size_t)make("rfc5424", KIND_FINDING, "wg0"), part_take, &p));
	assert_int_equal(p.times, 0);
	f.fixes_n = FINDING_FIXES_MAX;
	for (size_t i = 0; i < FINDING_FIXES_MAX; i++)
		memset(f.fix[i], ']', sizeof(f.fix[i]));
	memset(f.message, 0xc3, sizeof(f.message));
	for (size_t i = 1; i < sizeof(f.message); i += 2)
		f.message[i] = '\xa9';
	n = sink_named("rfc5424")->finding(record, SINK_RECORD_MAX, &f, NOON, &OPTIONS);
	assert_in_range(n, 1100, 1200);
	assert_true(rfc5424_read(record, (size_t)n, part_take, &p));
	assert_int_equal(p.times, 1);
	text = json_stringn(record, (size_t)n);
	assert_non_null(text); /* not cut within a character */
	json_decref(text);
}

static void check_cef(enum kind kind, const char *name, int n)
{
	check_line("cs2", cef_read, name, n, kind != KIND_COUNTERS);
}

/* liblognorm's reader; it swallows the first letter of the first key. */
static void cef_is_read_by_others(const char *text, json_t **root)
{
	char rules[] = "/tmp/mtuscope-cef.XXXXXX", command[160], line[SINK_RECORD_MAX];
	static const char rulebase[] = "version=2\nrule=:%f:cef%\n";
	char input[sizeof(rules) + 3];
	int fd = mkstemp(rules);
	FILE *file;

	assert_true(fd >= 0 && write(fd, rulebase, sizeof(rulebase) - 1) > 0);
	close(fd);
	snprintf(input, sizeof(input), "%s.in", rules);
	file = fopen(input, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	snprintf(command, sizeof(command), "lognormalizer -r %s -e json <%s", rules, input);
	file = popen(command, "r");
	assert_non_null(file);
	*root = fgets(line, sizeof(line), file) ? json_loads(line, 0, NULL) : NULL;
	assert_int_equal(pclose(file), 0);
	unlink(rules);
	unlink(input);
	assert_non_null(*root);
}

static void cef_holds(void **state)
{
	json_t *root, *fields;
	int n;

	(void)state;
	each("cef", check_cef);
	for (size_t i = 0; i < HOSTILE_N; i++) {
		char name[IFACE_NAME_LEN + 1] = "";

		memcpy(name, HOSTILE[i], strnlen(HOSTILE[i], IFACE_NAME_LEN));
		n = make("cef", KIND_FINDING, name);
		record[n] = '\0';
		cef_is_read_by_others(record, &root);
		fields = json_object_get(root, "f");
		assert_string_equal(json_string_value(json_object_get(fields, "DeviceVersion")), "0.1|2");
		assert_string_equal(json_string_value(json_object_get(fields, "SignatureID")), "path-blackhole");
		assert_string_equal(json_string_value(json_object_get(fields, "Severity")), "8");
		fields = json_object_get(fields, "Extensions");
		assert_string_equal(json_string_value(json_object_get(fields, "cs2")), harmless(name));
		assert_string_equal(json_string_value(json_object_get(fields, "cs2Label")), "interface");
		assert_string_equal(json_string_value(json_object_get(fields, "dst")), "10.1.0.2");
		assert_string_equal(json_string_value(json_object_get(fields, "cn3")), "1280");
		json_decref(root);
	}
}

/* --- journal -------------------------------------------------------------- */

/* The catalog explains this MESSAGE_ID. */
static void assert_in_catalog(const char *id)
{
	FILE *file = fopen("packaging/systemd/mtuscope.catalog", "r");
	bool found = false;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found = found || (!strncmp(line, "-- ", 3) && !strncmp(line + 3, id, 32));
	fclose(file);
	if (!found)
		fail_msg("not in the catalog: %.32s", id);
}

static void check_journal(enum kind kind, const char *name, int n)
{
	int ids = 0, messages = 0;

	(void)name;
	assert_int_equal(record[n - 1], '\n');
	record[n] = '\0';
	for (char *line = record, *end; *line; line = end + 1) {
		size_t word;

		end = strchr(line, '\n');
		assert_non_null(end);
		word = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
		assert_in_range(word, 1, 64);
		assert_int_equal(line[word], '=');
		if (!strncmp(line, "MESSAGE_ID=", 11)) {
			assert_in_catalog(line + 11);
			ids++;
		}
		messages += !strncmp(line, "MESSAGE=", 8);
		if (!strncmp(line, "MTUSCOPE_RECORD=", 16)) {
			json_t *root = json_loadb(line + 16, (size_t)(end - line) - 16, JSON_REJECT_DUPLICATES, NULL);

			assert_non_null(json_object_get(root, "@timestamp"));
			json_decref(root);
			messages += 10;
		}
	}
	assert_int_equal(ids, 1);
	assert_int_equal(messages, kind == KIND_COUNTERS ? 1 : 11);
}

static void journal_holds(void **state)
{
	(void)state;
	each("journal", check_journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5424_holds),
		cmocka_unit_test(cef_holds),
		cmocka_unit_test(journal_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
