/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict readers of the line formats, written from the specifications alone and not from the sinks: for the unit tests and
 * the fuzzer. Each says whether the bytes are one whole record and hands over its parts.
 */
#ifndef MTUSCOPE_TEST_LINES_H
#define MTUSCOPE_TEST_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef void (*part_fn)(const char *name, size_t name_len, const char *value, size_t value_len, void *arg);

/* One line of printable UTF-8 (the caller judges that with jansson), its newline last. */
static inline bool line_is_one(const char *s, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == '\x7f')
			return false;
	return n && s[n - 1] == '\n';
}

/* RFC 5424, section 6.3.3: PARAM-VALUE; *at is after the opening quote, afterwards after the closing one. */
static inline bool rfc5424_value(const char *s, size_t n, size_t *at, char *value, size_t *value_len)
{
	for (*value_len = 0; *at < n && s[*at] != '"'; (*at)++) {
		if (s[*at] == ']')
			return false;
		if (s[*at] == '\\' && ++*at < n && !memchr("\"\\]", s[*at], 3))
			return false;
		if (*at < n)
			value[(*value_len)++] = s[*at];
	}
	return *at < n && s[(*at)++] == '"';
}

static inline bool rfc5424_word(const char *s, size_t n, size_t *at, size_t max, char end)
{
	size_t from = *at;

	while (*at < n && s[*at] != end && s[*at] > ' ' && s[*at] < 0x7f)
		(*at)++;
	return *at > from && *at - from <= max && *at < n && s[(*at)++] == end;
}

/* One SD-ELEMENT is wanted. fn is told its parameters, unescaped. */
static inline bool rfc5424_read(const char *s, size_t n, part_fn fn, void *arg)
{
	static const size_t max[] = { 255, 48, 128, 32 }; /* HOSTNAME APP-NAME PROCID MSGID */
	static char value[65536];
	size_t at = 1, len, from;
	int priority = 0;

	if (n < 2 || n > 1200 || s[0] != '<')
		return false;
	for (; at < 4 && s[at] >= '0' && s[at] <= '9'; at++)
		priority = priority * 10 + s[at] - '0';
	if (at == 1 || priority > 191 || strncmp(s + at, ">1 ", 3))
		return false;
	at += 3;
	if (s[at + 4] != '-' || s[at + 10] != 'T' || s[at + 23] != 'Z' || s[at + 24] != ' ')
		return false;
	at += 25;
	for (size_t i = 0; i < 4; i++)
		if (!rfc5424_word(s, n, &at, max[i], ' '))
			return false;
	if (s[at++] != '[')
		return false;
	for (from = at; at < n && s[at] != ' ' && s[at] != ']'; at++)
		if (s[at] == '"' || s[at] == '=')
			return false;
	if (at == from || at - from > 32)
		return false;
	while (at < n && s[at] == ' ') {
		size_t name = ++at;

		if (!rfc5424_word(s, n, &at, 32, '=') || at >= n || s[at++] != '"')
			return false;
		if (!rfc5424_value(s, n, &at, value, &len))
			return false;
		if (fn)
			fn(s + name, (size_t)(strchr(s + name, '=') - (s + name)), value, len, arg);
	}
	return at + 1 < n && s[at] == ']' && s[at + 1] == ' ';
}

/* CEF: seven pipes that are not escaped end the header; a key is what stands between a space and an = not escaped. */
static inline bool cef_read(const char *s, size_t n, part_fn fn, void *arg)
{
	static char value[65536];
	size_t at = 0, pipes = 0;

	if (n < 6 || strncmp(s, "CEF:0|", 6))
		return false;
	for (; at < n && pipes < 7; at++) {
		if (s[at] == '|')
			pipes++;
		else if (s[at] == '\\' && (++at >= n || !memchr("|\\", s[at], 2)))
			return false;
	}
	while (at + 1 < n) {
		size_t name = at, len = 0;

		while (at < n && (s[at] >= '0' && s[at] <= 'z' && s[at] != '=' && s[at] != '\\'))
			at++;
		if (at == name || at >= n || s[at] != '=')
			return false;
		size_t name_len = at++ - name;

		for (;; at++) {
			size_t key = at + 1;

			if (at + 1 >= n)
				break;
			if (s[at] == '=')
				return false;
			while (s[at] == ' ' && key < n && s[key] >= '0' && s[key] <= 'z' && s[key] != '=' &&
			       s[key] != '\\')
				key++;
			if (s[at] == ' ' && key > at + 1 && key < n && s[key] == '=')
				break;
			if (s[at] == '\\' && ++at < n && !memchr("\\=nr", s[at], 4))
				return false;
			value[len++] = s[at];
		}
		at++;
		if (fn)
			fn(s + name, name_len, value, len, arg);
	}
	return pipes == 7;
}

#endif
