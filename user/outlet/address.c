// SPDX-License-Identifier: GPL-2.0-or-later
/* See address.h. */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool unix_path(struct address *a, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->storage;
	size_t n = strlen(path);

	if (!n || n >= sizeof(un->sun_path) || path[0] != '/')
		return false;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, n + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return true;
}

static bool port_parse(const char *text, unsigned int *port)
{
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || !n || n > 65535)
		return false;
	*port = (unsigned int)n;
	return true;
}

/* Cuts "host" out of "[host]:port", "host:port", ":port", "port" or "host"; *port stays as it is without one. */
static bool split(const char *text, char *host, size_t host_len, unsigned int *port)
{
	const char *from = text, *colon = strrchr(text, ':');
	size_t n;

	if (text[0] == '[') {
		const char *bracket = strchr(text, ']');

		if (!bracket || (bracket[1] && bracket[1] != ':'))
			return false;
		from = text + 1;
		n = (size_t)(bracket - from);
		colon = bracket[1] ? bracket + 1 : NULL;
	} else if (!colon && !strchr(text, '.')) {
		n = 0; /* a port alone */
		colon = text - 1;
	} else {
		if (colon && strchr(text, ':') != colon)
			colon = NULL; /* an IPv6 address alone */
		n = colon ? (size_t)(colon - text) : strlen(text);
	}
	if (n >= host_len)
		return false;
	memcpy(host, from, n);
	host[n] = '\0';
	return !colon || port_parse(colon + 1, port);
}

bool address_parse(struct address *a, const char *text, unsigned int default_port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&a->storage;
	unsigned int port = default_port;
	char host[INET6_ADDRSTRLEN];

	memset(a, 0, sizeof(*a));
	if (!strncmp(text, "unix:", 5))
		return unix_path(a, text + 5);
	if (!text[0] || !split(text, host, sizeof(host), &port) || !port)
		return false;
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		a->len = sizeof(*in6);
		return true;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	a->len = sizeof(*in);
	return inet_pton(AF_INET, host[0] ? host : "127.0.0.1", &in->sin_addr) == 1;
}
