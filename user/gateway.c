// SPDX-License-Identifier: GPL-2.0-or-later
/* See gateway.h. */
#include "gateway.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* With nothing to watch, says what is there to be named. */
static void say_no_tunnel(const char *command, bool any_link)
{
	struct if_nameindex *links = if_nameindex();
	const char *example = "eth0";

	fprintf(stderr, "mtuscope %s: no WireGuard interface in this network namespace; links here:", command);
	for (size_t i = 0; links && links[i].if_index; i++) {
		fprintf(stderr, " %s", links[i].if_name);
		if (strcmp(links[i].if_name, "lo"))
			example = links[i].if_name;
	}
	if (any_link)
		fprintf(stderr, "; name what to watch: mtuscope %s -i %s", command, example);
	fprintf(stderr, "\n");
	if (links)
		if_freenameindex(links);
}

static bool has_tunnel(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->links_n; i++)
		if (inv->links[i].role == WIRE_ROLE_TUNNEL)
			return true;
	return false;
}

static int say_inventory_error(const char *command, int err, const char *missing)
{
	if (err == -ENODEV && missing)
		fprintf(stderr, "mtuscope %s: no such interface in this network namespace: %s\n", command, missing);
	else if (err == -EPERM || err == -EACCES)
		fprintf(stderr, "mtuscope %s: needs root: the kernel shows WireGuard's peers only with CAP_NET_ADMIN\n",
			command);
	else
		fprintf(stderr, "mtuscope %s: cannot read interfaces, routes and peers from the kernel: %s\n", command,
			strerror(-err));
	return -1;
}

int gateway_read(struct inventory_reader **reader, const struct inventory_options *options, struct inventory *inv,
		 enum gateway_need need, const char *command)
{
	const char *missing = NULL;
	int err;

	err = inventory_open(reader);
	if (!err)
		err = inventory_read(*reader, options, inv, &missing);
	if (err)
		return say_inventory_error(command, err, missing);
	if (!options->interfaces_n && need != GATEWAY_NOTHING && !has_tunnel(inv)) {
		say_no_tunnel(command, need == GATEWAY_ANY_LINK);
		return -1;
	}
	return 0;
}
