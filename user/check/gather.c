// SPDX-License-Identifier: GPL-2.0-or-later
/* See gather.h. All input of an audit is here and in user/inventory/; what it means is judged in user/core/audit/. */
#include "gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static int gather(struct audit_scene *scene, struct inventory_reader *reader, const char *command)
{
	int err = inventory_read_routes(reader, &scene->routes, &scene->routes_n);

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
	err = gateway_read(&reader, &options, &scene->inventory, command);
	if (!err)
		err = gather(scene, reader, command);
	inventory_close(reader);
	return err;
}

void gather_free(struct audit_scene *scene)
{
	inventory_free(&scene->inventory);
	free(scene->routes);
	free(scene->clamps);
	free(scene->configs);
	*scene = (struct audit_scene){ 0 };
}
