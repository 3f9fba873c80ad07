/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every format of every kind of record, with names that try to break out of it. ECS and OCSF are held against extracts of
 * their published schemas in tests/data, CEF is read by liblognorm, RFC 5424 by a reader written from the RFC.
 * Run by `make check`.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "format.h"
#include "lines.h"
#include "test_sink_scene.h"

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
static void name_put(char to[IFACE_NAME_LEN], const char *name)
{
	size_t n = strnlen(name, IFACE_NAME_LEN);

	memset(to, 0, IFACE_NAME_LEN);
	memcpy(to, name, n);
}

static struct finding finding(const char *name)
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

static struct ptb ptb(enum kind kind, const char *name)
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

static int status(const struct sink *sink, enum kind kind, const char *name)
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
static int make(const char *format, enum kind kind, const char *name)
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

static void each(const char *format, void (*check)(enum kind kind, const char *name, int n))
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

static json_t *schema(const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		fail_msg("%s: %s", path, error.text);
	return root;
}

/* --- ECS ------------------------------------------------------------------ */

static json_t *ecs;

static void ecs_field(const char *path, json_t *value)
{
	json_t *spec = json_object_get(json_object_get(ecs, "fields"), path),
	       *allowed = json_object_get(spec, "allowed");
	const char *type = json_string_value(json_object_get(spec, "type"));
	bool is_list = json_object_get(spec, "normalize");
	json_t *member = is_list ? json_array_get(value, 0) : value;

	if (!spec)
		fail_msg("ECS has no field %s", path);
	if (json_is_array(value) != is_list)
		fail_msg("%s must %sbe a list", path, is_list ? "" : "not ");
	if (!strcmp(type, "long") ? !json_is_integer(member) : !json_is_string(member))
		fail_msg("%s must be %s", path, type);
	if (allowed && !json_object_get(allowed, json_string_value(member)))
		fail_msg("%s may not be %s", path, json_string_value(member));
}

static void ecs_walk(const char *prefix, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		char path[128];

		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (!strcmp(path, "mtuscope"))
			continue;
		if (json_is_object(value))
			ecs_walk(path, value);
		else
			ecs_field(path, value);
	}
}

static bool lists(json_t *list, const char *word)
{
	json_t *member;
	size_t i;

	json_array_foreach(list, i, member) if (!strcmp(json_string_value(member), word)) return true;
	return false;
}

static void check_ecs(enum kind kind, const char *name, int n)
{
	json_t *root = parsed(n), *event = json_object_get(root, "event"), *types;
	const char *category = json_string_value(json_array_get(json_object_get(event, "category"), 0));

	(void)kind;
	(void)name;
	ecs_walk("", root);
	types = json_object_get(
		json_object_get(json_object_get(json_object_get(ecs, "fields"), "event.category"), "allowed"),
		category);
	assert_true(lists(types, json_string_value(json_array_get(json_object_get(event, "type"), 0))));
	json_decref(root);
}

static void ecs_is_in_the_schema(void **state)
{
	(void)state;
	ecs = schema("tests/data/ecs-9.4.0.json");
	each("ecs", check_ecs);
	json_decref(ecs);
}

/* --- OCSF ----------------------------------------------------------------- */

static json_t *ocsf;

static void ocsf_object(const char *where, json_t *spec, json_t *object);

static void ocsf_value(const char *key, json_t *spec, json_t *value)
{
	const char *type = json_string_value(json_object_get(spec, "type"));
	json_t *values = json_object_get(spec, "enum");
	const char *object = json_string_value(json_object_get(spec, "object_type"));

	if (object && strcmp(object, "object")) {
		ocsf_object(object, json_object_get(json_object_get(ocsf, "objects"), object), value);
	} else if (!strcmp(type, "integer_t") || !strcmp(type, "long_t") || !strcmp(type, "timestamp_t") ||
		   !strcmp(type, "port_t")) {
		char text[32];

		if (!json_is_integer(value))
			fail_msg("%s must be %s", key, type);
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
		if (values && !lists(values, text))
			fail_msg("%s may not be %s", key, text);
	} else if (!strcmp(type, "boolean_t")  ? !json_is_boolean(value)
		   : !strcmp(type, "object_t") ? !json_is_object(value)
					       : !json_is_string(value)) {
		fail_msg("%s must be %s", key, type);
	}
}

static void ocsf_object(const char *where, json_t *spec, json_t *object)
{
	json_t *attributes = json_object_get(spec, "attributes"), *value, *attribute, *member;
	json_t *any = json_object_get(json_object_get(spec, "constraints"), "at_least_one");
	bool satisfied = !json_array_size(any);
	const char *key;
	size_t i;

	if (!attributes || !json_is_object(object))
		fail_msg("%s is no object of the schema", where);
	json_object_foreach(object, key, value)
	{
		attribute = json_object_get(attributes, key);
		if (!attribute)
			fail_msg("%s has no attribute %s", where, key);
		satisfied = satisfied || lists(any, key);
		if (!json_object_get(attribute, "is_array")) {
			ocsf_value(key, attribute, value);
			continue;
		}
		assert_true(json_is_array(value));
		json_array_foreach(value, i, member) ocsf_value(key, attribute, member);
	}
	if (!satisfied)
		fail_msg("%s lacks all of those of which it needs one", where);
	json_object_foreach(
		attributes, key,
		attribute) if (!strcmp(json_string_value(json_object_get(attribute, "requirement")), "required") &&
			       !json_object_get(object, key)) fail_msg("%s lacks %s", where, key);
}

static void check_ocsf(enum kind kind, const char *name, int n)
{
	static const int classes[KINDS] = { 2004, 2004, 0, 0, 4001, 4001, 0, 0 };
	json_t *root = parsed(n), *class;
	char uid[16];

	(void)name;
	assert_int_equal(json_integer_value(json_object_get(root, "class_uid")), classes[kind]);
	snprintf(uid, sizeof(uid), "%d", classes[kind]);
	class = json_object_get(json_object_get(ocsf, "classes"), uid);
	ocsf_object(uid, class, root);
	assert_int_equal(json_integer_value(json_object_get(root, "category_uid")),
			 json_integer_value(json_object_get(class, "category_uid")));
	assert_int_equal(json_integer_value(json_object_get(root, "type_uid")),
			 classes[kind] * 100 + json_integer_value(json_object_get(root, "activity_id")));
	json_decref(root);
}

static void ocsf_is_in_the_schema(void **state)
{
	json_t *root, *same;

	(void)state;
	ocsf = schema("tests/data/ocsf-1.8.0.json");
	each("ocsf", check_ocsf);
	root = parsed(make("ocsf", KIND_RESOLVED, "wg0"));
	assert_int_equal(json_integer_value(json_object_get(root, "activity_id")), 3);
	assert_int_equal(json_integer_value(json_object_get(root, "time")), NOON);
	assert_int_equal(json_integer_value(json_object_get(root, "severity_id")), 5);
	same = parsed(make("ecs", KIND_RESOLVED, "wg0"));
	assert_true(json_equal(json_object_get(json_object_get(root, "unmapped"), "mtuscope"),
			       json_object_get(same, "mtuscope")));
	json_decref(root);
	json_decref(same);
	json_decref(ocsf);
}

/* --- lines ---------------------------------------------------------------- */

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
		cmocka_unit_test(ecs_is_in_the_schema), cmocka_unit_test(ocsf_is_in_the_schema),
		cmocka_unit_test(rfc5424_holds),	cmocka_unit_test(cef_holds),
		cmocka_unit_test(journal_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
