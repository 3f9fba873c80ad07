// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope fix: scene -> plan -> commands for a person, and with --apply the deed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/gather.h"
#include "cmd_fix.h"
#include "commands.h"
#include "fix/apply.h"
#include "format.h"
#include "measuring.h"

/* On that tunnel, 0: on any. */
static const struct peer *peer_of_key(const struct audit_scene *scene, uint32_t tunnel_ifindex, const char *wanted)
{
	char key[FORMAT_KEY_LEN];

	for (size_t i = 0; i < scene->inventory.peers_n; i++) {
		const struct peer *peer = &scene->inventory.peers[i];

		format_key(key, peer->public_key);
		if (!strcmp(key, wanted) && (!tunnel_ifindex || peer->tunnel_ifindex == tunnel_ifindex))
			return peer;
	}
	return NULL;
}

static enum exit_status refuse(const struct fix_job *j, const char *why)
{
	fprintf(stderr, "mtuscope fix: %s: %s\n", j->name, why);
	return EXIT_UNKNOWN;
}

static enum exit_status fail(const struct fix_job *j, const char *what, int err)
{
	fprintf(stderr, "mtuscope fix: %s: %s: %s\n", j->name, what,
		err == -ENODATA ? "it has no [Interface]" : strerror(-err));
	return EXIT_UNKNOWN;
}

static bool is_quick(const struct fix_job *j)
{
	return j->config && j->config->manager == MANAGER_WG_QUICK;
}

static enum exit_status apply(const struct fix_job *j)
{
	bool persists = j->opt->persist && j->plan.set_config;
	static struct fix_record record;
	struct fix_edit edit = { 0 };
	enum exit_status status = EXIT_NOTHING;
	int err;

	/* First all that can be refused. */
	if (j->opt->persist && is_quick(j) && !j->config->readable)
		return refuse(j, "its wg-quick file cannot be read");
	if (persists) {
		err = fix_edit_make(&edit, j->config->path, j->plan.mtu);
		if (err)
			return fail(j, j->config->path, err);
	}
	err = fix_apply(&record, j->tunnel->name, j->tunnel->mtu, j->plan.mtu, persists ? &edit : NULL);
	if (err)
		status = fail(j, "cannot do it, all of it or the rest of it", err);
	else
		printf("# done: %s has MTU %u%s%s; back: mtuscope fix %s --undo --apply\n", j->name, j->plan.mtu,
		       persists ? ", and so has " : "", persists ? edit.path : "", j->name);
	free(edit.bytes);
	return status;
}

static enum exit_status apply_routes(const struct fix_job *j)
{
	static struct fix_record record;
	int err = fix_apply_routes(&record, j->tunnel, j->networks, j->networks_n, j->plan.mtu);

	if (err)
		return fail(j, "cannot do it, all of it or the rest of it", err);
	printf("# done: %zu %s MTU %u; back: mtuscope fix %s --undo --apply\n", j->networks_n,
	       j->networks_n == 1 ? "route has" : "routes have", j->plan.mtu, j->name);
	return EXIT_NOTHING;
}

/* Why the MTU cannot be given to the peer's routes, NULL: it can. */
static const char *routes_refused(const struct fix_job *j)
{
	if (!j->networks_n)
		return "nothing is routed to that peer: it has no AllowedIPs";
	if (j->networks_n > FIX_ROUTES_MAX)
		return "too many networks are routed to that peer: set the MTU of the interface";
	if (j->tunnel->in_vrf)
		return "the routes of a VRF are in a table of its own: set the MTU of the interface, or of its routes "
		       "there";
	for (size_t i = 0; i < j->networks_n; i++)
		if (!j->networks[i].prefix_len)
			return "everything is routed to that peer: set the MTU of the interface";
	return NULL;
}

static enum exit_status fix(struct fix_job *j)
{
	const struct fix_plan *p = &j->plan;
	const char *refused = j->peer ? routes_refused(j) : NULL;
	int err;

	if (refused)
		return refuse(j, refused);
	err = j->peer ? fix_routes_filter(j->tunnel, j->networks, &j->networks_n) : 0;
	if (err)
		return fail(j, "its routes", err);
	if (j->peer && !j->networks_n)
		return refuse(j, "the networks of that peer are routed to other links");
	if (p->verdict == FIX_UNPROVEN && j->tunnel->elsewhere)
		return refuse(j, "it sends by the routes of another network namespace, so no MTU is proven here; "
				 "measure it with mtuscope probe and give one with --mtu N");
	if (p->verdict == FIX_UNPROVEN)
		return refuse(j, "no peer has an endpoint with a route, so no MTU is proven; give one with --mtu N");
	if (p->verdict == FIX_TOO_SMALL)
		return refuse(j,
			      p->limit.mtu == p->limit.measured || p->limit.uplink_measured
				      ? "what was measured leaves less than the 1280 that IPv6 needs: give the MTU "
					"with --mtu N if IPv6 is not wanted there"
				      : "what is known of the way leaves less than the 1280 that IPv6 needs: measure "
					"it with --probe, or give the MTU with --mtu N");
	if (j->opt->mtu && p->safe && j->opt->mtu > p->safe)
		fprintf(stderr,
			"mtuscope fix: %s: %u is more than the %u that is known to fit, and taken on your word\n",
			j->name, j->opt->mtu, p->safe);
	fix_print_plan(j);
	fflush(stdout);
	if (!j->opt->apply || p->verdict != FIX_SET)
		return EXIT_NOTHING;
	return j->peer ? apply_routes(j) : apply(j);
}

static enum exit_status undo(const struct fix_job *j)
{
	static struct fix_record r;
	int err;

	switch (fix_undo_look(&r, j->tunnel)) {
	case UNDO_NOTHING_DONE:
		return refuse(j, "there is nothing to undo");
	case UNDO_MTU_CHANGED:
		return refuse(j, "its MTU was changed by somebody else since; nothing is undone");
	case UNDO_CONFIG_CHANGED:
		return refuse(j,
			      "its wg-quick file was edited since, and its backup lies beside it; nothing is undone");
	case UNDO_FAILED:
		return refuse(j, "what was done to it cannot be read; nothing is undone");
	case UNDO_POSSIBLE:
		break;
	}
	fix_print_undo(j, &r);
	if (!j->opt->apply)
		return EXIT_NOTHING;
	err = fix_undo(&r, j->tunnel);
	if (err)
		return fail(j, "cannot undo it", err);
	printf("# done: %s is as it was, with MTU %u\n", j->name, r.mtu_before);
	return EXIT_NOTHING;
}

/* The tunnel's peer of the key that was given, and its networks; NULL: it has none of that key. */
static const struct peer *take_peer(struct fix_job *j)
{
	const struct inventory *inv = &j->scene->inventory;
	const struct peer *peer = peer_of_key(j->scene, j->tunnel->ifindex, j->opt->peer);

	for (size_t i = 0; peer && i < inv->allowed_ips_n; i++) {
		if (&inv->peers[inv->allowed_ips[i].peer] != peer)
			continue;
		if (j->networks_n < FIX_ROUTES_MAX)
			j->networks[j->networks_n] = inv->allowed_ips[i];
		j->networks_n++;
	}
	j->peer = peer;
	return peer;
}

static enum exit_status each_tunnel(const struct options *opt, struct audit_scene *scene)
{
	const struct inventory *inv = &scene->inventory;
	enum exit_status status = EXIT_NOTHING, one;

	for (size_t i = 0; i < inv->links_n; i++) {
		struct fix_job j = { .opt = opt, .scene = scene, .tunnel = &inv->links[i] };

		if (j.tunnel->role != WIRE_ROLE_TUNNEL || (opt->peer && !take_peer(&j)))
			continue;
		shell_word(j.name, sizeof(j.name), j.tunnel->name);
		if (opt->probe == PROBE_YES) {
			fprintf(stderr, "mtuscope fix: %s: measuring the ways to its peers, some seconds each\n",
				j.name);
			measuring_ways(scene, j.tunnel, j.peer);
		}
		j.config = audit_config_of(scene, j.tunnel->ifindex);
		j.plan = j.peer ? fix_plan_make_peer(scene, j.tunnel, j.peer, opt->mtu)
				: fix_plan_make(scene, j.tunnel, opt->mtu);
		one = opt->undo ? undo(&j) : fix(&j);
		status = one > status ? one : status;
	}
	return status;
}

static size_t tunnels_of(const struct inventory *inv)
{
	size_t n = 0;

	for (size_t i = 0; i < inv->links_n; i++)
		n += inv->links[i].role == WIRE_ROLE_TUNNEL;
	return n;
}

static bool may_run(const struct options *opt, const struct audit_scene *scene)
{
	size_t tunnels = tunnels_of(&scene->inventory);
	int err;

	if (!tunnels) {
		fprintf(stderr, "mtuscope fix: not a WireGuard interface: %s\n", opt->interfaces[0]);
		return false;
	}
	if (opt->peer && !peer_of_key(scene, 0, opt->peer)) {
		fprintf(stderr, "mtuscope fix: no peer has this public key: %s\n", opt->peer);
		return false;
	}
	if (opt->mtu && !opt->peer && tunnels > 1) {
		fprintf(stderr, "mtuscope fix: --mtu is for one interface: name it\n");
		return false;
	}
	err = opt->apply ? fix_record_lock() : 0;
	if (!err)
		return true;
	if (err == -EWOULDBLOCK)
		fprintf(stderr, "mtuscope fix: another mtuscope fix is running\n");
	else
		fprintf(stderr, "mtuscope fix: --apply needs root: %s: %s\n", FIX_DIR, strerror(-err));
	return false;
}

enum exit_status cmd_fix(const struct options *opt)
{
	enum exit_status status = EXIT_UNKNOWN;
	struct audit_scene scene = { 0 };

	if (opt->undo && (opt->mtu || opt->persist || opt->peer || opt->probe == PROBE_YES))
		fprintf(stderr, "mtuscope fix: --undo takes neither --mtu nor --peer nor --persist nor --probe\n");
	else if (opt->peer && opt->persist)
		fprintf(stderr, "mtuscope fix: --persist is for an interface: wg-quick knows no MTU of a peer\n");
	else if (!gather_scene(&scene, opt->interfaces, opt->interfaces_n, "fix") && may_run(opt, &scene))
		status = each_tunnel(opt, &scene);
	gather_free(&scene);
	return status;
}
