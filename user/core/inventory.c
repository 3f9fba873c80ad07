// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions to an inventory: which link, which peer. In: struct inventory, from netlink, a recording or a test. Out:
 * pointers into it. Called by the detectors for each flow and session, hence the index. Pure.
 */
#define _GNU_SOURCE /* qsort_r */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "snapshot.h"

static size_t address_bytes(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

bool link_has_key(const struct link *link)
{
	static const uint8_t none[WG_KEY_LEN];

	return memcmp(link->public_key, none, sizeof(none));
}

const struct link *inventory_link(const struct inventory *inv, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < inv->links_n; i++)
		if (inv->links[i].ifindex == ifindex)
			return &inv->links[i];
	return NULL;
}

const struct link *inventory_link_named(const struct inventory *inv, const char *name)
{
	size_t i;

	for (i = 0; i < inv->links_n; i++)
		if (!strncmp(inv->links[i].name, name, IFACE_NAME_LEN))
			return &inv->links[i];
	return NULL;
}

const struct peer *inventory_peer(const struct inventory *inv, uint32_t tunnel_ifindex,
				  const uint8_t public_key[WG_KEY_LEN])
{
	for (size_t i = 0; i < inv->peers_n; i++)
		if (inv->peers[i].tunnel_ifindex == tunnel_ifindex &&
		    !memcmp(inv->peers[i].public_key, public_key, WG_KEY_LEN))
			return &inv->peers[i];
	return NULL;
}

/* Clears all of the address but its first prefix_len bits. */
static void mask(struct ip_address *ip, uint8_t prefix_len)
{
	size_t whole = prefix_len / 8;

	if (prefix_len % 8 && whole < sizeof(ip->bytes))
		ip->bytes[whole++] &= 0xff << (8 - prefix_len % 8);
	if (whole < sizeof(ip->bytes))
		memset(ip->bytes + whole, 0, sizeof(ip->bytes) - whole);
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_endpoint(const struct ip_endpoint *a, const struct ip_endpoint *b)
{
	int order = compare_u32(a->ip.family, b->ip.family);

	if (!order)
		order = memcmp(a->ip.bytes, b->ip.bytes, address_bytes(a->ip.family));
	return order ? order : compare_u32(a->port, b->port);
}

/* A place in the order of allowed_ips: by tunnel, longest prefix first, family, masked address. */
struct prefix_place {
	uint32_t tunnel_ifindex;
	uint8_t prefix_len;
	struct ip_address ip;
};

/* Where the entry is, to the depth of its group (tunnel, prefix length, family), relative to `place`. */
static int compare_group(const struct inventory *inv, const struct allowed_ip *entry, const struct prefix_place *place)
{
	int order = compare_u32(inv->peers[entry->peer].tunnel_ifindex, place->tunnel_ifindex);

	if (!order)
		order = compare_u32(place->prefix_len, entry->prefix_len);
	return order ? order : compare_u32(entry->ip.family, place->ip.family);
}

static int compare_place(const struct inventory *inv, const struct allowed_ip *entry, const struct prefix_place *place)
{
	int order = compare_group(inv, entry, place);

	return order ? order : memcmp(entry->ip.bytes, place->ip.bytes, sizeof(place->ip.bytes));
}

static int by_place(const void *a, const void *b, void *data)
{
	const struct allowed_ip *x = a, *y = b;
	const struct inventory *inv = data;
	const struct prefix_place place = { inv->peers[y->peer].tunnel_ifindex, y->prefix_len, y->ip };
	int order = compare_place(inv, x, &place);

	return order ? order : compare_u32(x->peer, y->peer);
}

static int by_tunnel_and_key(const void *a, const void *b, void *data)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct peer *peers = data;
	int order = compare_u32(peers[x].tunnel_ifindex, peers[y].tunnel_ifindex);

	if (!order)
		order = memcmp(peers[x].public_key, peers[y].public_key, WG_KEY_LEN);
	return order ? order : compare_u32(x, y);
}

static int by_endpoint(const void *a, const void *b, void *data)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct peer *peers = data;
	int order = compare_endpoint(&peers[x].endpoint, &peers[y].endpoint);

	return order ? order : compare_u32(x, y);
}

static bool is_sound(const struct inventory *inv)
{
	const struct allowed_ip *entry;
	size_t i;

	if (inv->peers_n > UINT32_MAX)
		return false;
	for (i = 0; i < inv->allowed_ips_n; i++) {
		entry = &inv->allowed_ips[i];
		if (entry->peer >= inv->peers_n || !address_bytes(entry->ip.family) ||
		    entry->prefix_len > 8 * address_bytes(entry->ip.family))
			return false;
	}
	return true;
}

/* Sorts the peers and lets the allowed IPs follow. `order` and `place` have room for an index of each peer. */
static int sort_peers(struct inventory *inv, uint32_t *order, uint32_t *place)
{
	struct peer *sorted = malloc(inv->peers_n * sizeof(*sorted));
	size_t i;

	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < inv->peers_n; i++)
		order[i] = i;
	qsort_r(order, inv->peers_n, sizeof(*order), by_tunnel_and_key, inv->peers);
	for (i = 0; i < inv->peers_n; i++) {
		sorted[i] = inv->peers[order[i]];
		place[order[i]] = i;
	}
	for (i = 0; i < inv->allowed_ips_n; i++)
		inv->allowed_ips[i].peer = place[inv->allowed_ips[i].peer];
	free(inv->peers);
	inv->peers = sorted;
	return 0;
}

int inventory_index(struct inventory *inv)
{
	uint32_t *order = NULL, *place = NULL;
	int err = -ENOMEM;
	size_t i;

	if (!is_sound(inv))
		return -EINVAL;
	free(inv->peers_by_endpoint);
	inv->peers_by_endpoint = NULL;
	if (!inv->peers_n)
		return 0;
	order = calloc(inv->peers_n, sizeof(*order));
	place = calloc(inv->peers_n, sizeof(*place));
	if (order && place)
		err = sort_peers(inv, order, place);
	if (err)
		goto out;

	for (i = 0; i < inv->allowed_ips_n; i++)
		mask(&inv->allowed_ips[i].ip, inv->allowed_ips[i].prefix_len);
	if (inv->allowed_ips_n)
		qsort_r(inv->allowed_ips, inv->allowed_ips_n, sizeof(*inv->allowed_ips), by_place, inv);

	for (i = 0; i < inv->peers_n; i++)
		order[i] = i;
	qsort_r(order, inv->peers_n, sizeof(*order), by_endpoint, inv->peers);
	inv->peers_by_endpoint = order;
	order = NULL;
out:
	free(order);
	free(place);
	return err;
}

typedef int compare_fn(const struct inventory *inv, const struct allowed_ip *entry, const struct prefix_place *place);

/* The first allowed IP from `low` on that is not before `place`, or past it, as `compare` has it. */
static size_t find_prefix(const struct inventory *inv, size_t low, const struct prefix_place *place,
			  compare_fn *compare, bool past)
{
	size_t high = inv->allowed_ips_n, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = compare(inv, &inv->allowed_ips[middle], place);
		if (order < 0 || (past && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* One binary search in each group of equally long prefixes, from the longest down; the first hit is the match. */
static const struct peer *match_indexed(const struct inventory *inv, uint32_t tunnel_ifindex,
					const struct ip_address *ip)
{
	struct prefix_place place = { .tunnel_ifindex = tunnel_ifindex, .prefix_len = UINT8_MAX };
	const struct allowed_ip *entry;
	size_t i, group;

	for (group = find_prefix(inv, 0, &place, compare_group, false); group < inv->allowed_ips_n;
	     group = find_prefix(inv, group, &place, compare_group, true)) {
		entry = &inv->allowed_ips[group];
		if (inv->peers[entry->peer].tunnel_ifindex != tunnel_ifindex)
			break;
		place.prefix_len = entry->prefix_len;
		place.ip = *ip;
		place.ip.family = entry->ip.family;
		if (ip->family != entry->ip.family)
			continue;
		mask(&place.ip, place.prefix_len);
		i = find_prefix(inv, group, &place, compare_place, false);
		if (i < inv->allowed_ips_n && !compare_place(inv, &inv->allowed_ips[i], &place))
			return &inv->peers[inv->allowed_ips[i].peer];
	}
	return NULL;
}

static const struct peer *match_linear(const struct inventory *inv, uint32_t tunnel_ifindex,
				       const struct ip_address *ip)
{
	const struct allowed_ip *entry, *best = NULL;
	struct ip_address a, b;
	size_t i;

	for (i = 0; i < inv->allowed_ips_n; i++) {
		entry = &inv->allowed_ips[i];
		if (entry->peer >= inv->peers_n || inv->peers[entry->peer].tunnel_ifindex != tunnel_ifindex ||
		    entry->ip.family != ip->family || (best && best->prefix_len >= entry->prefix_len))
			continue;
		a = entry->ip;
		b = *ip;
		mask(&a, entry->prefix_len);
		mask(&b, entry->prefix_len);
		if (!memcmp(a.bytes, b.bytes, address_bytes(ip->family)))
			best = entry;
	}
	return best ? &inv->peers[best->peer] : NULL;
}

static struct ip_address ip_of(uint8_t family, const uint8_t address[16])
{
	struct ip_address ip = { .family = family };

	memcpy(ip.bytes, address, address_bytes(family));
	return ip;
}

const struct peer *inventory_peer_for(const struct inventory *inv, uint32_t tunnel_ifindex, uint8_t family,
				      const uint8_t address[16])
{
	const struct ip_address ip = ip_of(family, address);

	if (!address_bytes(family))
		return NULL;
	return inv->peers_by_endpoint ? match_indexed(inv, tunnel_ifindex, &ip)
				      : match_linear(inv, tunnel_ifindex, &ip);
}

/* The n-th peer in the order of endpoints, if there is one. */
static const struct peer *nth_by_endpoint(const struct inventory *inv, size_t n)
{
	return &inv->peers[inv->peers_by_endpoint ? inv->peers_by_endpoint[n] : n];
}

/* The first place in the order of endpoints that is not before `endpoint`; without an index the first of all. */
static size_t find_endpoint(const struct inventory *inv, const struct ip_endpoint *endpoint)
{
	size_t low = 0, high = inv->peers_by_endpoint ? inv->peers_n : 0, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_endpoint(&nth_by_endpoint(inv, middle)->endpoint, endpoint) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool listens_on(const struct inventory *inv, const struct peer *peer, uint16_t local_port)
{
	const struct link *tunnel = inventory_link(inv, peer->tunnel_ifindex);

	return tunnel && tunnel->listen_port == local_port;
}

const struct peer *inventory_peer_at(const struct inventory *inv, uint8_t family, const uint8_t address[16],
				     uint16_t port, uint16_t local_port)
{
	const struct ip_endpoint endpoint = { .ip = ip_of(family, address), .port = port };
	const struct peer *peer, *best = NULL;
	size_t i;
	int order;

	if (!address_bytes(family))
		return NULL;
	for (i = find_endpoint(inv, &endpoint); i < inv->peers_n; i++) {
		peer = nth_by_endpoint(inv, i);
		order = compare_endpoint(&peer->endpoint, &endpoint);
		if (order && inv->peers_by_endpoint)
			break;
		/* A NAT may have given the port of a peer that left to another: the latest handshake has it now. */
		if (!order && (!local_port || listens_on(inv, peer, local_port)) &&
		    (!best || peer->last_handshake_s > best->last_handshake_s))
			best = peer;
	}
	return best;
}

void inventory_free(struct inventory *inv)
{
	if (!inv)
		return;
	free(inv->links);
	free(inv->peers);
	free(inv->allowed_ips);
	free(inv->peers_by_endpoint);
	memset(inv, 0, sizeof(*inv));
}

void snapshot_free(struct snapshot *snap)
{
	if (!snap)
		return;
	inventory_free(&snap->inventory);
	free(snap->flows);
	free(snap->sessions);
	free(snap->tallies);
	free(snap->drops);
	free(snap->counters);
	memset(snap, 0, sizeof(*snap));
}
