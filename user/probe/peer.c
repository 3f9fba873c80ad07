// SPDX-License-Identifier: GPL-2.0-or-later
/* What is to be known of a peer before its path is measured; see measure.h. */
#include <string.h>
#include <sys/socket.h>

#include "measure.h"

void measure_add_host(struct measure_config *m, const struct ip_address *ip)
{
	if (!ip->family || m->hosts_n == MEASURE_HOSTS)
		return;
	for (size_t i = 0; i < m->hosts_n; i++)
		if (!memcmp(&m->hosts[i], ip, sizeof(*ip)))
			return;
	m->hosts[m->hosts_n++] = *ip;
}

void measure_add_single_hosts(struct measure_config *m, const struct inventory *inv, const struct peer *peer)
{
	for (size_t i = 0; i < inv->allowed_ips_n; i++) {
		const struct allowed_ip *a = &inv->allowed_ips[i];

		if (&inv->peers[a->peer] == peer && a->prefix_len == (a->ip.family == AF_INET6 ? 128 : 32))
			measure_add_host(m, &a->ip);
	}
}

void measure_peer(struct measure_config *m, const struct link *tunnel, const struct peer *peer)
{
	memcpy(m->tunnel, tunnel->name, sizeof(m->tunnel));
	m->tunnel_mtu = tunnel->mtu;
	m->tunnel_family = peer->endpoint.ip.family ? peer->endpoint.ip.family : AF_INET;
	/* Where the way there is the tunnel itself, as in a container that it was moved into, nothing is beside it. */
	if (peer->egress_ifindex != tunnel->ifindex)
		m->endpoint = peer->endpoint.ip;
	m->egress_mtu = peer->egress_mtu;
	m->mark = tunnel->fwmark;
}
