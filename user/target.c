// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom to probe; see target.h. */
#include "target.h"

#include <arpa/inet.h>
#include <string.h>

#include "format.h"

#define PREFIX_MIN 4

bool target_address(struct ip_address *ip, const char *text)
{
	memset(ip, 0, sizeof(*ip));
	if (inet_pton(AF_INET, text, ip->bytes) == 1)
		ip->family = AF_INET;
	else if (inet_pton(AF_INET6, text, ip->bytes) == 1)
		ip->family = AF_INET6;
	return ip->family;
}

bool target_is_link_local(const struct ip_address *ip)
{
	return ip->family == AF_INET6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Not "any address", nor a group. */
static bool is_one_host(const struct ip_address *ip)
{
	static const struct ip_address none;

	if (ip->family == AF_INET)
		return ip->bytes[0] && ip->bytes[0] < 224;
	return ip->bytes[0] != 0xff && memcmp(ip->bytes, none.bytes, sizeof(none.bytes)) != 0;
}

static const struct link *tunnel_of(const struct inventory *inv, const struct peer *peer)
{
	const struct link *l = inventory_link(inv, peer->tunnel_ifindex);

	return l && l->role == WIRE_ROLE_TUNNEL ? l : NULL;
}

static enum target_error take_peer(struct target *t, const struct inventory *inv, const struct peer *peer)
{
	t->peer = peer;
	t->tunnel = tunnel_of(inv, peer);
	if (!t->tunnel)
		return TARGET_UNKNOWN;
	measure_peer(&t->measure, t->tunnel, peer);
	return TARGET_OK;
}

static enum target_error find_key(struct target *t, const struct inventory *inv, const char *text)
{
	const struct peer *found = NULL;
	char key[FORMAT_KEY_LEN];

	if (strlen(text) < PREFIX_MIN)
		return TARGET_UNKNOWN;
	for (size_t i = 0; i < inv->peers_n; i++) {
		format_key(key, inv->peers[i].public_key);
		if (strncmp(key, text, strlen(text)))
			continue;
		if (found)
			return TARGET_AMBIGUOUS;
		found = &inv->peers[i];
	}
	if (!found)
		return TARGET_UNKNOWN;
	measure_add_single_hosts(&t->measure, inv, found);
	return take_peer(t, inv, found);
}

/* Beside the tunnel, to the endpoint: nothing behind the peer is named. */
static const struct peer *find_endpoint(const struct inventory *inv, const struct ip_address *ip, const char *text)
{
	char endpoint[FORMAT_ENDPOINT_LEN];

	for (size_t i = 0; i < inv->peers_n; i++) {
		const struct peer *p = &inv->peers[i];

		if (p->endpoint.ip.family && !memcmp(&p->endpoint.ip, ip, sizeof(*ip)))
			return p;
		if (format_endpoint(endpoint, &p->endpoint) && !strcmp(endpoint, text))
			return p;
	}
	return NULL;
}

static const struct peer *find_behind(const struct inventory *inv, const struct ip_address *ip)
{
	for (size_t i = 0; i < inv->links_n; i++) {
		const struct peer *p = NULL;

		if (inv->links[i].role == WIRE_ROLE_TUNNEL)
			p = inventory_peer_for(inv, inv->links[i].ifindex, ip->family, ip->bytes);
		if (p)
			return p;
	}
	return NULL;
}

enum target_error target_find(struct target *t, const struct inventory *inv, const char *text)
{
	const struct peer *peer;
	struct ip_address ip;

	memset(t, 0, sizeof(*t));
	target_address(&ip, text);
	peer = find_endpoint(inv, &ip, text);
	if (peer)
		return take_peer(t, inv, peer);
	if (!ip.family)
		return find_key(t, inv, text);
	if (!is_one_host(&ip))
		return TARGET_NO_HOST;
	peer = find_behind(inv, &ip);
	if (peer) {
		measure_add_host(&t->measure, &ip);
		return take_peer(t, inv, peer);
	}
	t->measure.endpoint = ip;
	return TARGET_OK;
}
