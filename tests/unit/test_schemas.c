/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records in ECS and OCSF, of every kind and with hostile names, held against extracts of the published schemas in
 * tests/data. Run by `make check`.
 */
#include "hostile_records.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecs_is_in_the_schema),
		cmocka_unit_test(ocsf_is_in_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
