// SPDX-License-Identifier: GPL-2.0-or-later
/* See wgquick.h. */
#include "wgquick.h"

#include <stdio.h>
#include <string.h>

struct span {
	size_t from, to; /* of the text, `to` not included */
};

/* What matters of a file. */
struct layout {
	bool has_interface, has_mtu;
	struct span header; /* the line of the first [Interface], with its end */
	struct span value;  /* of the MTU line that counts; may be empty */
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trimmed(const char *text, struct span s)
{
	while (s.from < s.to && is_space(text[s.from]))
		s.from++;
	while (s.to > s.from && is_space(text[s.to - 1]))
		s.to--;
	return s;
}

static size_t find(const char *text, struct span s, char c)
{
	const char *at = s.to > s.from ? memchr(text + s.from, c, s.to - s.from) : NULL;

	return at ? (size_t)(at - text) : s.to;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool is(const char *text, struct span s, const char *word)
{
	if (s.to - s.from != strlen(word))
		return false;
	for (size_t i = s.from; i < s.to; i++)
		if (lower(text[i]) != word[i - s.from])
			return false;
	return true;
}

static void look_at_line(const char *text, struct span line, bool *in_interface, struct layout *l)
{
	struct span said = { line.from, find(text, line, '#') };
	size_t equals = find(text, said, '=');
	struct span key = trimmed(text, (struct span){ said.from, equals });

	if (key.from < key.to && text[key.from] == '[') {
		*in_interface = is(text, key, "[interface]");
		if (*in_interface && !l->has_interface) {
			l->has_interface = true;
			l->header = line;
		}
	}
	/* A line without '=' is a key that is its own value there, and no number. */
	if (!*in_interface || equals == said.to || !is(text, key, "mtu"))
		return;
	l->has_mtu = true;
	l->value = trimmed(text, (struct span){ equals + 1, said.to });
	if (l->value.from == l->value.to)
		l->value = (struct span){ equals + 1, equals + 1 };
}

static struct layout layout_of(const char *text, size_t len)
{
	struct layout l = { 0 };
	bool in_interface = false;
	struct span line = { 0 };

	for (; line.from < len; line.from = line.to) {
		line.to = find(text, (struct span){ line.from, len }, '\n');
		line.to += line.to < len;
		look_at_line(text, line, &in_interface, &l);
	}
	return l;
}

uint32_t wgquick_mtu(const char *text, size_t len)
{
	struct layout l = layout_of(text, len);
	uint32_t mtu = 0;

	if (!l.has_mtu || l.value.to - l.value.from > 6)
		return 0;
	for (size_t i = l.value.from; i < l.value.to; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		mtu = 10 * mtu + (uint32_t)(text[i] - '0');
	}
	return mtu;
}

static size_t spliced(const char *text, size_t len, struct span hole, const char *filling, char *out)
{
	size_t n = strlen(filling);

	memcpy(out, text, hole.from);
	memcpy(out + hole.from, filling, n);
	memcpy(out + hole.from + n, text + hole.to, len - hole.to);
	return hole.from + n + len - hole.to;
}

size_t wgquick_set_mtu(const char *text, size_t len, uint32_t mtu, char *out)
{
	struct layout l = layout_of(text, len);
	bool ends = l.header.to && text[l.header.to - 1] == '\n';
	bool cr = l.header.to - l.header.from >= 2 && ends && text[l.header.to - 2] == '\r';
	const char *eol = cr ? "\r\n" : "\n";
	char filling[WGQUICK_GROWTH];

	if (!l.has_interface)
		return 0;
	if (l.has_mtu) {
		snprintf(filling, sizeof(filling), "%u", mtu);
		return spliced(text, len, l.value, filling, out);
	}
	/* A file whose last line is the header, without an end, keeps its last line so. */
	snprintf(filling, sizeof(filling), "%sMTU = %u%s", ends ? "" : eol, mtu, ends ? eol : "");
	return spliced(text, len, (struct span){ l.header.to, l.header.to }, filling, out);
}
