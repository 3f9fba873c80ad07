/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON writer: values enter, one line of JSON in the caller's buffer leaves. Called by the sinks. A comma is due
 * before every value but the first of its container, and after any end something stood before: one flag is enough.
 */
#include <inttypes.h>
#include <string.h>

#include "json.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ELLIPSIS    "..."

void json_init(struct json_writer *w, char *buf, size_t cap)
{
	out_init(&w->out, buf, cap);
	w->comma = false;
}

/* A character that is no control character, or the escape for it. */
static void character(struct out *o, const char *s, size_t n, uint32_t code_point)
{
	static const char shorthands[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its letter */

	for (size_t i = 0; n == 1 && i < sizeof(shorthands) - 1; i += 2) {
		if (s[0] == shorthands[i]) {
			out_char(o, '\\');
			out_char(o, shorthands[i + 1]);
			return;
		}
	}
	if (!utf8_is_control(code_point))
		out_bytes(o, s, n);
	else if (code_point < 0x10000)
		out_printf(o, "\\u%04" PRIx32, code_point);
	else
		out_printf(o, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((code_point - 0x10000) >> 10),
			   0xdc00 + (code_point & 0x3ff));
}

static void quoted(struct out *o, const char *s, size_t size, size_t limit)
{
	size_t start, mark;

	out_char(o, '"');
	start = mark = o->len;
	for (size_t i = 0; i < size && s[i];) {
		uint32_t code_point;
		size_t n = utf8_decode(s + i, size - i, &code_point);

		if (o->len - start <= limit - strlen(ELLIPSIS))
			mark = o->len;
		if (n)
			character(o, s + i, n, code_point);
		else
			out_string(o, REPLACEMENT);
		if (o->len - start > limit) {
			o->len = mark;
			out_string(o, ELLIPSIS);
			break;
		}
		i += n ? n : 1;
	}
	out_char(o, '"');
}

static void before_value(struct json_writer *w, const char *key)
{
	if (w->comma)
		out_char(&w->out, ',');
	w->comma = true;
	if (!key)
		return;
	quoted(&w->out, key, SIZE_MAX, SIZE_MAX);
	out_char(&w->out, ':');
}

static void begin(struct json_writer *w, const char *key, char bracket)
{
	before_value(w, key);
	out_char(&w->out, bracket);
	w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
	out_char(&w->out, bracket);
	w->comma = true;
}

void json_begin_object(struct json_writer *w, const char *key)
{
	begin(w, key, '{');
}

void json_end_object(struct json_writer *w)
{
	end(w, '}');
}

void json_begin_array(struct json_writer *w, const char *key)
{
	begin(w, key, '[');
}

void json_end_array(struct json_writer *w)
{
	end(w, ']');
}

void json_put_null(struct json_writer *w, const char *key)
{
	before_value(w, key);
	out_string(&w->out, "null");
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
	before_value(w, key);
	out_string(&w->out, value ? "true" : "false");
}

void json_put_int(struct json_writer *w, const char *key, int64_t value)
{
	before_value(w, key);
	out_printf(&w->out, "%" PRId64, value);
}

void json_put_uint(struct json_writer *w, const char *key, uint64_t value)
{
	json_put_int(w, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void json_put_uint_or_null(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_put_uint(w, key, value);
	else
		json_put_null(w, key);
}

void json_put_decimal(struct json_writer *w, const char *key, double value, unsigned int decimals)
{
	char text[FORMAT_DECIMAL_LEN];

	before_value(w, key);
	out_string(&w->out, format_decimal(text, value, decimals) ? text : "null");
}

void json_put_string(struct json_writer *w, const char *key, const char *s)
{
	json_put_string_cut(w, key, s, SIZE_MAX, SIZE_MAX);
}

void json_put_string_n(struct json_writer *w, const char *key, const char *s, size_t size)
{
	json_put_string_cut(w, key, s, size, SIZE_MAX);
}

void json_put_string_cut(struct json_writer *w, const char *key, const char *s, size_t size, size_t limit)
{
	if (!s) {
		json_put_null(w, key);
		return;
	}
	before_value(w, key);
	quoted(&w->out, s, size, limit);
}

void json_put_time(struct json_writer *w, const char *key, int64_t realtime_ms)
{
	char text[FORMAT_TIME_LEN];

	format_time(text, realtime_ms);
	json_put_string(w, key, text);
}

void json_put_value(struct json_writer *w, const char *key, const struct json_writer *value)
{
	before_value(w, key);
	out_bytes(&w->out, value->out.buf, value->out.len);
	w->out.full |= value->out.full;
}

int json_finish_line(struct json_writer *w)
{
	out_char(&w->out, '\n');
	return out_finish(&w->out);
}
