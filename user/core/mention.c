// SPDX-License-Identifier: GPL-2.0-or-later
/* See mention.h. One line decides: Name=wg0 in a .netdev, interface-name=wg0 in a .nmconnection, iface wg0 for ifupdown. */
#include "mention.h"

#include <string.h>

#define LINE_MAX_BYTES 256 /* longer lines are about something else */

static bool is_key(const char *line, const char *key, const char *interface)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n))
		return false;
	line += n + strspn(line + n, " \t");
	if (*line++ != '=')
		return false;
	line += strspn(line, " \t");
	return !strcmp(line, interface);
}

static bool is_iface(const char *line, const char *interface)
{
	size_t n = strlen(interface);

	if (strncmp(line, "iface", 5) || !strspn(line + 5, " \t"))
		return false;
	line += 5 + strspn(line + 5, " \t");
	return !strncmp(line, interface, n) && (!line[n] || strspn(line + n, " \t"));
}

static bool says(enum audit_manager manager, const char *line, const char *interface)
{
	switch (manager) {
	case MANAGER_NETWORKD:
		return is_key(line, "Name", interface);
	case MANAGER_NETWORK_MANAGER:
		return is_key(line, "interface-name", interface);
	case MANAGER_IFUPDOWN:
		return is_iface(line, interface);
	default:
		return false;
	}
}

bool mention_find(enum audit_manager manager, const char *text, size_t len, const char *interface)
{
	char line[LINE_MAX_BYTES];

	while (len) {
		const char *eol = memchr(text, '\n', len);
		size_t whole = eol ? (size_t)(eol - text) : len, n = whole, skip = 0;

		while (n && memchr(" \t\r", text[n - 1], 3))
			n--;
		while (skip < n && memchr(" \t", text[skip], 2))
			skip++;
		if (n - skip < sizeof(line)) {
			memcpy(line, text + skip, n - skip);
			line[n - skip] = '\0';
			if (says(manager, line, interface))
				return true;
		}
		text += whole + (eol != NULL);
		len -= whole + (eol != NULL);
	}
	return false;
}
