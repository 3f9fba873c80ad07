// SPDX-License-Identifier: GPL-2.0-or-later
/* What fix says of a plan: a script that could be run, with its reasons. See cmd_fix.h. */
#include "cmd_fix.h"

#include <stdio.h>

#include "format.h"
#include "outer.h"

static void print_peer(const struct peer *peer)
{
	char key[FORMAT_KEY_LEN], endpoint[FORMAT_ENDPOINT_LEN];

	format_key(key, peer->public_key);
	printf("peer %s%s%s", key, format_endpoint(endpoint, &peer->endpoint) ? " at " : "", endpoint);
}

/* Why it is this MTU. */
static void print_reason(const struct fix_job *j)
{
	const struct fix_plan *p = &j->plan;
	const struct audit_limit *l = &p->limit;

	if (!p->narrowest) {
		printf("# nothing is known of the ways to its peers\n");
		return;
	}
	printf("# the way to ");
	print_peer(p->narrowest);
	printf(" carries %u", l->mtu);
	if (l->measured == l->mtu)
		printf(", as measured");
	else if (l->beyond == l->mtu)
		printf(", as far as may be expected beyond its router");
	else if (l->learned == l->mtu)
		printf(", a too-big message says");
	else if (l->egress != l->mtu)
		printf(" when it moves to %s%s", l->uplink->link, l->uplink_measured ? ", as measured" : "");
	printf(": less %u that is %u\n", outer_overhead(p->narrowest->endpoint.ip.family), p->safe);
}

static const char *link_name(const struct audit_scene *scene, uint32_t ifindex)
{
	const struct link *link = inventory_link(&scene->inventory, ifindex);

	for (size_t i = 0; !link && i < scene->routes_n; i++)
		if (scene->routes[i].ifindex == ifindex)
			return scene->routes[i].link;
	return link ? link->name : "its link";
}

/* What the probes have come to. */
static void print_measured(const struct fix_job *j)
{
	const struct inventory *inv = &j->scene->inventory;

	for (size_t i = 0; i < j->scene->ways_n; i++) {
		const struct audit_way *way = &j->scene->ways[i];
		const struct peer *peer = &inv->peers[way->peer];

		if (peer->tunnel_ifindex != j->tunnel->ifindex || (j->peer && peer != j->peer))
			continue;
		printf("# by %s the path to ", link_name(j->scene, way->ifindex));
		print_peer(peer);
		if (way->measured)
			printf(" carries %u\n", way->measured);
		else
			printf(" could not be measured\n");
	}
}

/* What the manager of the interface wants written, where that is not for us to edit. */
static void print_snippet(const struct fix_job *j)
{
	const struct audit_config *c = j->config;
	char path[SHELL_WORD_LEN(AUDIT_PATH_LEN)];

	shell_word(path, sizeof(path), c ? c->path : "");
	switch (c ? c->manager : MANAGER_NONE) {
	case MANAGER_NETWORKD:
		printf("# to keep it: systemd-networkd has %s; add to its [NetDev] section:\n#   MTUBytes=%u\n", path,
		       j->plan.mtu);
		break;
	case MANAGER_NETWORK_MANAGER:
		printf("# to keep it: NetworkManager has %s:\n", path);
		printf("#   nmcli connection modify \"$(nmcli -g GENERAL.CONNECTION device show %s)\" wireguard.mtu "
		       "%u\n",
		       j->name, j->plan.mtu);
		break;
	case MANAGER_IFUPDOWN:
		printf("# to keep it: ifupdown has %s; add under iface %s:\n#   post-up ip link set dev %s mtu %u\n",
		       path, j->name, j->name, j->plan.mtu);
		break;
	case MANAGER_WG_QUICK:
		if (j->plan.set_config)
			printf("# to keep it: MTU = %u under [Interface] of %s%s\n", j->plan.mtu, path,
			       j->opt->persist ? "" : ", which --persist writes");
		break;
	default:
		printf("# to keep it: MTU = %u where the interface is configured; no file here is about it\n",
		       j->plan.mtu);
	}
}

static void print_other_ends(const struct fix_job *j)
{
	const struct inventory *inv = &j->scene->inventory;

	printf("# on the other end of each peer, to be run there, with its name of the tunnel:\n");
	for (size_t i = 0; i < inv->peers_n; i++) {
		if (inv->peers[i].tunnel_ifindex != j->tunnel->ifindex || (j->peer && &inv->peers[i] != j->peer))
			continue;
		printf("#   ip link set dev %s mtu %u   # ", j->name, j->plan.mtu);
		print_peer(&inv->peers[i]);
		printf("\n");
	}
}

static void print_routes(const struct fix_job *j)
{
	char ip[FORMAT_IP_LEN];

	for (size_t i = 0; i < j->networks_n; i++) {
		format_ip(ip, &j->networks[i].ip);
		printf("ip route replace %s/%u dev %s mtu %u\n", ip, j->networks[i].prefix_len, j->name, j->plan.mtu);
	}
	printf("# to keep it: each of these commands as a PostUp of the interface\n");
}

static void print_do(const struct fix_job *j)
{
	printf("# nothing is changed; to do it: mtuscope fix %s", j->name);
	if (j->peer)
		printf(" --peer %s", j->opt->peer);
	if (j->opt->mtu)
		printf(" --mtu %u", j->opt->mtu);
	else if (j->opt->probe == PROBE_YES)
		printf(" --probe");
	printf(" --apply%s\n", j->plan.set_config ? " --persist" : "");
}

void fix_print_plan(const struct fix_job *j)
{
	const struct fix_plan *p = &j->plan;

	if (j->opt->probe == PROBE_YES)
		print_measured(j);
	if (p->verdict == FIX_NOTHING) {
		printf("# %s: MTU %u, nothing to fix\n", j->name, j->tunnel->mtu);
		return;
	}
	printf("# %s: MTU %u -> %u%s\n", j->name, j->tunnel->mtu, p->mtu, j->peer ? " for one peer" : "");
	print_reason(j);
	if (j->peer) {
		print_routes(j);
	} else {
		if (p->set_live)
			printf("ip link set dev %s mtu %u\n", j->name, p->mtu);
		print_snippet(j);
	}
	print_other_ends(j);
	if (!j->opt->apply)
		print_do(j);
}

static void print_route_undo(const struct fix_job *j, const struct fix_route *r)
{
	char ip[FORMAT_IP_LEN];

	format_ip(ip, &r->to.ip);
	if (r->before == ROUTE_ABSENT)
		printf("ip route del %s/%u dev %s\n", ip, r->to.prefix_len, j->name);
	else
		printf("ip route change %s/%u dev %s mtu %u\n", ip, r->to.prefix_len, j->name, r->before);
}

void fix_print_undo(const struct fix_job *j, const struct fix_record *r)
{
	char config[SHELL_WORD_LEN(PATH_MAX)], backup[SHELL_WORD_LEN(PATH_MAX)];

	shell_word(config, sizeof(config), r->config);
	shell_word(backup, sizeof(backup), r->backup);
	if (r->backup[0])
		printf("mv %s %s\n", backup, config);
	for (size_t i = 0; i < r->routes_n; i++)
		print_route_undo(j, &r->routes[i]);
	if (r->mtu_before != j->tunnel->mtu)
		printf("ip link set dev %s mtu %u\n", j->name, r->mtu_before);
	if (!j->opt->apply)
		printf("# nothing is changed; to do it: mtuscope fix %s --undo --apply\n", j->name);
	fflush(stdout);
}
