// SPDX-License-Identifier: GPL-2.0-or-later
/* See gather.h. All input of an audit is here and in user/inventory/; what it means is judged in user/core/audit/. */
#include "gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/audit.h"
#include "config.h"
#include "gateway.h"

static const char *const SYSCTLS[] = {
#define AUDIT_SYSCTL(name, path) "/proc/sys/" path,
#include "audit/sysctls.def"
#undef AUDIT_SYSCTL
};

static void gather_sysctls(struct audit_scene *scene)
{
	long long value;
	FILE *f;

	for (size_t i = 0; i < AUDIT_SYSCTLS; i++) {
		scene->sysctls[i] = -1;
		f = fopen(SYSCTLS[i], "re");
		if (f && fscanf(f, "%lld", &value) == 1)
			scene->sysctls[i] = value;
		if (f)
			fclose(f);
	}
}

/* The tables of the old iptables that are in use here, a name a line; there is no file without its module. */
static bool uses_legacy_mangle(const char *path)
{
	FILE *f = fopen(path, "re");
	char name[64];
	bool found = false;

	while (f && !found && fscanf(f, "%63s", name) == 1)
		found = !strcmp(name, "mangle");
	if (f)
		fclose(f);
	return found;
}

static int gather_configs(struct audit_scene *scene)
{
	const struct inventory *inv = &scene->inventory;

	scene->configs = calloc(inv->links_n + 1, sizeof(*scene->configs));
	if (!scene->configs)
		return -ENOMEM;
	for (size_t i = 0; i < inv->links_n; i++) {
		struct audit_config *config = &scene->configs[scene->configs_n];

		if (inv->links[i].role != WIRE_ROLE_TUNNEL)
			continue;
		config->ifindex = inv->links[i].ifindex;
		config_find(config, inv->links[i].name);
		scene->configs_n++;
	}
	return 0;
}

/* Whether a UDP socket of this network namespace, WireGuard's own included, has the port; one that cannot be asked of has. */
static bool has_socket(const char *path, uint16_t port)
{
	FILE *f = fopen(path, "re");
	unsigned int local;
	char line[256];
	bool found = !f;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, " %*d: %*[0-9A-Fa-f]:%x", &local) == 1 && local == port;
	if (f)
		fclose(f);
	return found;
}

/*
 * A WireGuard interface sends from the network namespace that it was made in (drivers/net/wireguard/device.c, creating_net), and
 * netlink does not say so: where it has been moved the routes of this one are not its own.
 */
static void gather_elsewhere(struct inventory *inv)
{
	for (size_t i = 0; i < inv->links_n; i++) {
		struct link *tunnel = &inv->links[i];

		tunnel->elsewhere = tunnel->kernel_wireguard && tunnel->up && tunnel->listen_port &&
				    !has_socket("/proc/net/udp", tunnel->listen_port) &&
				    !has_socket("/proc/net/udp6", tunnel->listen_port);
		for (size_t j = 0; tunnel->elsewhere && j < inv->peers_n; j++)
			if (inv->peers[j].tunnel_ifindex == tunnel->ifindex)
				inv->peers[j].egress_ifindex = inv->peers[j].egress_mtu = inv->peers[j].learned_mtu = 0;
	}
}

static bool has_way(const struct audit_scene *scene, uint32_t peer, uint32_t ifindex)
{
	for (size_t i = scene->ways_n; i-- > 0 && scene->ways[i].peer == peer;)
		if (scene->ways[i].ifindex == ifindex)
			return true;
	return false;
}

/* Room for all the ways that one more peer can have. */
static int grow_ways(struct audit_scene *scene)
{
	struct audit_way *grown = reallocarray(scene->ways, scene->ways_n + scene->routes_n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	scene->ways = grown;
	return 0;
}

/* The way in use, and then those of other uplinks that the kernel has a route by. */
static int gather_ways_of(struct audit_scene *scene, struct inventory_reader *reader, uint32_t index)
{
	const struct peer *peer = &scene->inventory.peers[index];
	const struct link *tunnel = inventory_link(&scene->inventory, peer->tunnel_ifindex);
	int err = grow_ways(scene);
	bool yes;

	if (err)
		return err;
	scene->ways[scene->ways_n++] = (struct audit_way){ .peer = index, .ifindex = peer->egress_ifindex };
	for (size_t i = 0; !err && tunnel && peer->off_link && i < scene->routes_n; i++) {
		uint32_t ifindex = scene->routes[i].ifindex;

		if (!audit_is_uplink(&scene->routes[i], peer) || has_way(scene, index, ifindex))
			continue;
		err = inventory_reaches(reader, tunnel, peer, ifindex, &yes);
		if (!err && yes)
			scene->ways[scene->ways_n++] = (struct audit_way){ .peer = index, .ifindex = ifindex };
	}
	return err;
}

static int gather_ways(struct audit_scene *scene, struct inventory_reader *reader)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < scene->inventory.peers_n; i++)
		if (scene->inventory.peers[i].egress_ifindex)
			err = gather_ways_of(scene, reader, i);
	return err;
}

static int gather(struct audit_scene *scene, struct inventory_reader *reader, const char *command)
{
	int err = inventory_read_routes(reader, &scene->routes, &scene->routes_n);

	gather_elsewhere(&scene->inventory);
	if (!err)
		err = gather_ways(scene, reader);
	if (!err)
		err = gather_configs(scene);
	if (err) {
		fprintf(stderr, "mtuscope %s: cannot read the routes: %s\n", command, strerror(-err));
		return -1;
	}
	err = inventory_read_clamps(&scene->clamps, &scene->clamps_n);
	scene->filters_known = !err;
	if (err)
		fprintf(stderr, "mtuscope %s: cannot read the packet filter, so MSS clamps are not judged: %s\n",
			command, strerror(-err));
	scene->iptables_legacy =
		uses_legacy_mangle("/proc/net/ip_tables_names") || uses_legacy_mangle("/proc/net/ip6_tables_names");
	gather_sysctls(scene);
	scene->now_s = time(NULL);
	return 0;
}

int gather_scene(struct audit_scene *scene, const char *const *interfaces, size_t interfaces_n, const char *command)
{
	const struct inventory_options options = { .interfaces = interfaces, .interfaces_n = interfaces_n };
	struct inventory_reader *reader = NULL;
	int err;

	*scene = (struct audit_scene){ 0 };
	err = gateway_read(&reader, &options, &scene->inventory, GATEWAY_TUNNEL, command);
	if (!err)
		err = gather(scene, reader, command);
	inventory_close(reader);
	return err;
}

void gather_free(struct audit_scene *scene)
{
	inventory_free(&scene->inventory);
	free(scene->routes);
	free(scene->ways);
	free(scene->clamps);
	free(scene->configs);
	*scene = (struct audit_scene){ 0 };
}
