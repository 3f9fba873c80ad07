// SPDX-License-Identifier: GPL-2.0-or-later
/* See measuring.h. */
#include "measuring.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"

void measuring_run(struct measure *m, const struct measure_config *config, measuring_fn fn, void *arg)
{
	struct measure_config c = *config;
	uint32_t wait_ms = 0;

	c.direction = WIRE_RX;
	c.beyond = true;
	if (getrandom(&c.echo_id, sizeof(c.echo_id), 0) < 0)
		c.echo_id = 1;
	measure_start(m, &c);
	while (measure_step(m, (uint32_t)clock_ms(CLOCK_MONOTONIC), &wait_ms)) {
		/* An error waits in the queue of errors: that wakes as well. */
		struct pollfd fd = { .fd = probe_socket_fd(m->socket), .events = POLLIN };

		if (fn)
			fn(m, arg);
		poll(&fd, 1, wait_ms ? (int)wait_ms : 1);
	}
	measure_close(m);
}

/* The way in use is measured through the tunnel as well; others beside it alone, from their link. */
static uint32_t measure_way(const struct audit_scene *scene, const struct link *tunnel, const struct peer *peer,
			    const struct audit_way *way)
{
	struct measure_config c = { 0 };
	const struct measured *result;
	struct measure m;

	measure_peer(&c, tunnel, peer);
	if (way->ifindex == peer->egress_ifindex) {
		measure_add_single_hosts(&c, &scene->inventory, peer);
	} else {
		const struct audit_route *r = scene->routes;

		while (r < scene->routes + scene->routes_n && r->ifindex != way->ifindex)
			r++;
		memcpy(c.from_interface, r->link, sizeof(c.from_interface));
		c.egress_mtu = r->link_mtu;
	}
	measuring_run(&m, &c, NULL, NULL);
	if (!m.result.lower && c.hosts_n) {
		c.hosts_n = 0;
		measuring_run(&m, &c, NULL, NULL);
	}
	result = &m.result;
	return result->upper || result->upper_round || result->whole ? result->lower : 0;
}

void measuring_ways(struct audit_scene *scene, const struct link *tunnel, const struct peer *only)
{
	for (size_t i = 0; i < scene->ways_n; i++) {
		struct audit_way *way = &scene->ways[i];
		const struct peer *peer = &scene->inventory.peers[way->peer];

		if (peer->tunnel_ifindex == tunnel->ifindex && (!only || peer == only))
			way->measured = measure_way(scene, tunnel, peer, way);
	}
}
