// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WireGuard outside the kernel. In: the answer of a daemon to "get=1" on its socket, lines of key=value, a peer
 * beginning with its public_key (https://www.wireguard.com/xplatform/, "Configuration Protocol"). Out: as wireguard.c.
 * Called by inventory.c. A daemon may hang or lie: time and length are bounded. Keys that are secret are wiped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "messages.h"

#define UAPI_ANSWER_BYTES (4U << 20) /* 1,000 peers take some 400 KB */
#define UAPI_ANSWER_MS	  500	     /* for all of it: packets are not collected meanwhile */

/* A decimal number up to `max`, else 0. */
static uint64_t number_of(const char *text, uint64_t max)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end || value > max ? 0 : value;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool key_of(const char *hex, uint8_t key[WG_KEY_LEN])
{
	if (strlen(hex) != 2 * WG_KEY_LEN)
		return false;
	for (size_t i = 0; i < WG_KEY_LEN; i++) {
		int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = high << 4 | low;
	}
	return true;
}

static bool address_of(const char *text, struct ip_address *ip)
{
	*ip = (struct ip_address){ 0 };
	if (inet_pton(AF_INET, text, ip->bytes) == 1)
		ip->family = AF_INET;
	else if (inet_pton(AF_INET6, text, ip->bytes) == 1)
		ip->family = AF_INET6;
	return ip->family;
}

/* 192.0.2.1:51820, [2001:db8::1]:51820, [fe80::1%eth0]:51820 */
static void endpoint_of(char *text, struct peer *peer)
{
	char *port = strrchr(text, ':'), *scope, *end;

	if (!port)
		return;
	*port++ = 0;
	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end)
			return;
		*end = 0;
		scope = strchr(text, '%');
		if (scope) {
			*scope++ = 0;
			peer->egress_ifindex = if_nametoindex(scope);
		}
	}
	if (address_of(text, &peer->endpoint.ip))
		peer->endpoint.port = number_of(port, UINT16_MAX);
}

static int allowed_ip_of(char *text, struct wireguard_dump *dump)
{
	struct allowed_ip allowed = { .peer = dump->inv->peers_n - 1 };
	char *prefix_len = strchr(text, '/');

	if (!prefix_len)
		return 0;
	*prefix_len++ = 0;
	if (!address_of(text, &allowed.ip))
		return 0;
	allowed.prefix_len = number_of(prefix_len, allowed.ip.family == AF_INET ? 32 : 128);
	if (!allowed.prefix_len && strcmp(prefix_len, "0"))
		return 0;
	return dump_allowed_ip(dump, &allowed);
}

static void device_line(const char *key, const char *value, struct link *tunnel)
{
	if (!strcmp(key, "listen_port"))
		tunnel->listen_port = number_of(value, UINT16_MAX);
	else if (!strcmp(key, "fwmark"))
		tunnel->fwmark = number_of(value, UINT32_MAX);
}

static int peer_line(const char *key, char *value, struct wireguard_dump *dump, struct peer *peer)
{
	if (!strcmp(key, "endpoint"))
		endpoint_of(value, peer);
	else if (!strcmp(key, "allowed_ip"))
		return allowed_ip_of(value, dump);
	else if (!strcmp(key, "persistent_keepalive_interval"))
		peer->keepalive_s = number_of(value, UINT16_MAX);
	else if (!strcmp(key, "last_handshake_time_sec"))
		peer->last_handshake_s = number_of(value, INT64_MAX);
	else if (!strcmp(key, "rx_bytes"))
		peer->rx_bytes = number_of(value, UINT64_MAX);
	else if (!strcmp(key, "tx_bytes"))
		peer->tx_bytes = number_of(value, UINT64_MAX);
	return 0;
}

/* One line; *peer is the one that lines are about, NULL: the device. */
static int parse_line(char *line, struct wireguard_dump *dump, struct peer **peer)
{
	uint8_t public_key[WG_KEY_LEN];
	char *value = strchr(line, '=');

	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(line, "public_key")) {
		if (!key_of(value, public_key))
			return -EINVAL;
		*peer = dump_peer(dump, public_key);
		return *peer ? 0 : -ENOMEM;
	}
	if (*peer)
		return peer_line(line, value, dump, *peer);
	device_line(line, value, dump->tunnel);
	return 0;
}

int uapi_parse(char *text, struct wireguard_dump *dump)
{
	char *line, *next = text;
	struct peer *peer = NULL;
	int err;

	while ((line = strsep(&next, "\n")) && next) {
		if (!strncmp(line, "errno=", 6))
			return strcmp(line + 6, "0") ? -EIO : 0;
		err = parse_line(line, dump, &peer);
		if (err)
			return err;
	}
	return -EINVAL; /* the end, errno=, has not come */
}

static bool socket_of(const char *name, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* No link bears a name with a slash (dev_valid_name() in net/core/dev.c). */
	return snprintf(address->sun_path, sizeof(address->sun_path), "/var/run/wireguard/%s.sock", name) <
	       (int)sizeof(address->sun_path);
}

bool uapi_exists(const char *name)
{
	struct sockaddr_un address;
	struct stat st;

	return socket_of(name, &address) && !stat(address.sun_path, &st) && S_ISSOCK(st.st_mode);
}

static int ms_until(const struct timespec *end)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

static struct timespec deadline(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += UAPI_ANSWER_MS * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	return end;
}

struct answer {
	char *text; /* UAPI_ANSWER_BYTES, terminated when answer_read() returns 0 */
	size_t len;
};

/* Reads until the empty line that ends an answer. */
static int answer_read(int fd, struct answer *a)
{
	const struct timespec end = deadline();
	struct pollfd in = { .fd = fd, .events = POLLIN };
	ssize_t got;

	do {
		got = poll(&in, 1, ms_until(&end));
		if (!got)
			return -ETIMEDOUT;
		if (got > 0)
			got = recv(fd, a->text + a->len, UAPI_ANSWER_BYTES - 1 - a->len, MSG_DONTWAIT);
		if (!got)
			return a->len + 1 == UAPI_ANSWER_BYTES ? -EMSGSIZE : -EINVAL;
		if (got > 0)
			a->len += got;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	} while (a->len < 2 || memcmp(a->text + a->len - 2, "\n\n", 2));
	a->text[a->len] = 0;
	return 0;
}

static int ask(int fd, const struct sockaddr_un *address, struct answer *a)
{
	static const char question[] = "get=1\n\n";

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    send(fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question))
		return -errno;
	return answer_read(fd, a);
}

int uapi_read(struct wireguard_dump *dump)
{
	struct answer answer = { 0 };
	struct sockaddr_un address;
	int fd, err;

	dump_begin(dump);
	if (!socket_of(dump->tunnel->name, &address))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	answer.text = malloc(UAPI_ANSWER_BYTES);
	err = answer.text ? ask(fd, &address, &answer) : -ENOMEM;
	if (!err)
		err = uapi_parse(answer.text, dump);
	if (err)
		dump_restart(dump);
	if (answer.len)
		explicit_bzero(answer.text, answer.len); /* the private key is in it */
	free(answer.text);
	close(fd);
	return err;
}
