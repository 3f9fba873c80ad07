// SPDX-License-Identifier: GPL-2.0-or-later
/* What a finding is called, and what is behind its peer; see finding.h. */
#include "finding.h"

#include <stdio.h>

static uint64_t mix64(uint64_t h, const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ byte[i]) * 0x100000001b3ULL; /* FNV-1a */
	return h ^ h >> 31;
}

void finding_id_make(struct finding *f, uint32_t tunnel_ifindex, msec_t opened_ms)
{
	uint64_t h[2] = { 0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL };

	for (int i = 0; i < 2; i++) {
		h[i] = mix64(h[i], &f->class, sizeof(f->class));
		h[i] = mix64(h[i], &f->direction, sizeof(f->direction));
		h[i] = mix64(h[i], f->public_key, sizeof(f->public_key));
		h[i] = mix64(h[i], &tunnel_ifindex, sizeof(tunnel_ifindex));
		h[i] = mix64(h[i], &opened_ms, sizeof(opened_ms));
		h[i] = mix64(h[i], &f->first_seen_ms, sizeof(f->first_seen_ms));
	}
	snprintf(f->id, sizeof(f->id), "%016llx%016llx", (unsigned long long)h[0], (unsigned long long)h[1]);
}

void finding_describe_networks(struct finding *f, const struct inventory *inv, const struct peer *p)
{
	const struct link *tunnel = inventory_link(inv, p->tunnel_ifindex);

	f->networks_n = 0;
	for (size_t i = 0; tunnel && tunnel->peers_n > 1 && !tunnel->in_vrf && i < inv->allowed_ips_n; i++) {
		const struct allowed_ip *a = &inv->allowed_ips[i];

		if (&inv->peers[a->peer] != p)
			continue;
		if (!a->prefix_len || f->networks_n == FINDING_NETWORKS_MAX) {
			f->networks_n = 0;
			return;
		}
		f->networks[f->networks_n++] = (struct ip_network){ .ip = a->ip, .prefix_len = a->prefix_len };
	}
}
