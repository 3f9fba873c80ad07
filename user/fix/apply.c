// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See apply.h. The order makes every interruption harmless: the record is written before the interface is changed and before
 * the file is replaced, and removed when all is back.
 */
#include "apply.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check/config.h"
#include "file.h"
#include "wgquick.h"

static int set_mtu(const char *interface, uint32_t mtu)
{
	struct ifreq request = { .ifr_mtu = (int)mtu };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, interface, strnlen(interface, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCSIFMTU, &request))
		err = -errno;
	close(fd);
	return err;
}

/* The file as it is with that MTU, or -ENODATA. */
static int edited(const char *path, uint32_t mtu, char **bytes, size_t *len)
{
	char *text;
	size_t n;
	int err = config_load(path, &text, &n);

	if (err)
		return err;
	*bytes = malloc(n + WGQUICK_GROWTH);
	if (*bytes)
		*len = wgquick_set_mtu(text, n, mtu, *bytes);
	free(text);
	if (!*bytes)
		return -ENOMEM;
	if (*len)
		return 0;
	free(*bytes);
	*bytes = NULL;
	return -ENODATA;
}

int fix_edit_make(struct fix_edit *edit, const char *path, uint32_t mtu)
{
	*edit = (struct fix_edit){ .mtu = mtu };
	if (!realpath(path, edit->path))
		return -errno;
	return edited(edit->path, mtu, &edit->bytes, &edit->len);
}

struct swap {
	struct fix_record *record;
	const char *interface;
};

static int save_before_swap(void *arg)
{
	const struct swap *s = arg;

	return fix_record_save(s->record, s->interface);
}

static int backup_name(char name[PATH_MAX], const char *path)
{
	time_t now = time(NULL);
	struct tm utc;
	char date[32];
	int n;

	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	for (unsigned int i = 0; i < 100; i++) {
		n = i ? snprintf(name, PATH_MAX, "%s.%s-%u", path, date, i)
		      : snprintf(name, PATH_MAX, "%s.%s", path, date);
		if (n < 0 || n >= PATH_MAX)
			return -ENAMETOOLONG;
		if (access(name, F_OK))
			return 0;
	}
	return -EEXIST;
}

/* The first backup is the one that --undo brings back. */
static int replace_config(struct fix_record *record, const char *interface, const struct fix_edit *edit)
{
	struct fix_record updated = *record;
	struct swap s = { &updated, interface };
	char backup[PATH_MAX];
	int err = backup_name(backup, edit->path);

	if (err)
		return err;
	updated.config_mtu = edit->mtu;
	if (!updated.backup[0]) {
		memcpy(updated.config, edit->path, sizeof(updated.config));
		memcpy(updated.backup, backup, sizeof(updated.backup));
	}
	err = file_replace(edit->path, backup, edit->bytes, edit->len, save_before_swap, &s);
	if (!err)
		*record = updated;
	return err;
}

/* Of an earlier run: what was before that one is what counts, unless the interface has been made anew since. */
static void record_begin(struct fix_record *record, const char *interface, uint32_t mtu_now)
{
	if (fix_record_load(record, interface) || (record->mtu_after != mtu_now && !record->backup[0]))
		*record = (struct fix_record){ .mtu_before = mtu_now, .mtu_after = mtu_now };
}

int fix_apply(struct fix_record *record, const char *interface, uint32_t mtu_now, uint32_t mtu,
	      const struct fix_edit *edit)
{
	int err;

	record_begin(record, interface, mtu_now);
	record->mtu_after = mtu;
	err = fix_record_save(record, interface);
	if (!err && mtu != mtu_now)
		err = set_mtu(interface, mtu);
	if (!err && edit)
		err = replace_config(record, interface, edit);
	return err;
}

/* The route's entry in the record, made if need be; NULL: there is no room. */
static struct fix_route *route_of(struct fix_record *record, const struct allowed_ip *to, uint32_t before)
{
	struct fix_route *r = record->routes;

	for (; r < record->routes + record->routes_n; r++)
		if (!memcmp(&r->to.ip, &to->ip, sizeof(to->ip)) && r->to.prefix_len == to->prefix_len)
			return r;
	if (record->routes_n == FIX_ROUTES_MAX)
		return NULL;
	*r = (struct fix_route){ .to = *to, .before = before };
	record->routes_n++;
	return r;
}

static int record_routes(struct fix_record *record, struct inventory_reader *reader, const struct link *tunnel,
			 const struct allowed_ip *to, size_t to_n, uint32_t mtu)
{
	for (size_t i = 0; i < to_n; i++) {
		struct fix_route *r;
		uint32_t before;
		int err = inventory_route_mtu(reader, tunnel->ifindex, &to[i], &before);

		if (err)
			return err;
		r = route_of(record, &to[i], before);
		if (!r)
			return -E2BIG;
		r->after = mtu;
	}
	return fix_record_save(record, tunnel->name);
}

int fix_routes_filter(const struct link *tunnel, struct allowed_ip *to, size_t *to_n)
{
	struct inventory_reader *reader;
	int err = inventory_open(&reader);
	uint32_t mtu;
	size_t n = 0;

	for (size_t i = 0; !err && i < *to_n; i++) {
		err = inventory_route_mtu(reader, tunnel->ifindex, &to[i], &mtu);
		if (!err)
			to[n++] = to[i];
		else if (err == -EEXIST)
			err = 0;
	}
	inventory_close(reader);
	*to_n = n;
	return err;
}

int fix_apply_routes(struct fix_record *record, const struct link *tunnel, const struct allowed_ip *to, size_t to_n,
		     uint32_t mtu)
{
	struct inventory_reader *reader;
	int err = inventory_open(&reader);

	if (err)
		return err;
	record_begin(record, tunnel->name, tunnel->mtu);
	err = record_routes(record, reader, tunnel, to, to_n, mtu);
	for (size_t i = 0; !err && i < to_n; i++)
		err = inventory_set_route_mtu(reader, tunnel->ifindex, &to[i], mtu);
	inventory_close(reader);
	return err;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && !memcmp(a, b, a_len);
}

/* The file is as we wrote it, or already as it was. */
static enum fix_undo look_at_config(const struct fix_record *record)
{
	enum fix_undo verdict = UNDO_FAILED;
	char *now = NULL, *before = NULL, *ours = NULL;
	size_t now_len, before_len, ours_len = 0;

	/* An undo that was interrupted has put it back already. */
	if (access(record->backup, F_OK) && errno == ENOENT)
		return UNDO_POSSIBLE;
	if (!config_load(record->config, &now, &now_len) && !config_load(record->backup, &before, &before_len) &&
	    !edited(record->backup, record->config_mtu, &ours, &ours_len))
		verdict = same(now, now_len, ours, ours_len) || same(now, now_len, before, before_len)
				  ? UNDO_POSSIBLE
				  : UNDO_CONFIG_CHANGED;
	free(now);
	free(before);
	free(ours);
	return verdict;
}

static bool routes_are_ours(struct inventory_reader *reader, const struct fix_record *record, const struct link *tunnel)
{
	for (size_t i = 0; i < record->routes_n; i++) {
		const struct fix_route *r = &record->routes[i];
		uint32_t now;

		if (inventory_route_mtu(reader, tunnel->ifindex, &r->to, &now) || (now != r->after && now != r->before))
			return false;
	}
	return true;
}

static enum fix_undo look_at_routes(const struct fix_record *record, const struct link *tunnel)
{
	struct inventory_reader *reader;
	bool ours;

	if (inventory_open(&reader))
		return UNDO_FAILED;
	ours = routes_are_ours(reader, record, tunnel);
	inventory_close(reader);
	return ours ? UNDO_POSSIBLE : UNDO_MTU_CHANGED;
}

enum fix_undo fix_undo_look(struct fix_record *record, const struct link *tunnel)
{
	enum fix_undo verdict = UNDO_POSSIBLE;
	int err = fix_record_load(record, tunnel->name);

	if (err)
		return err == -ENOENT ? UNDO_NOTHING_DONE : UNDO_FAILED;
	if (tunnel->mtu != record->mtu_after && tunnel->mtu != record->mtu_before)
		return UNDO_MTU_CHANGED;
	if (record->routes_n)
		verdict = look_at_routes(record, tunnel);
	return verdict == UNDO_POSSIBLE && record->backup[0] ? look_at_config(record) : verdict;
}

static int undo_routes(const struct fix_record *record, const struct link *tunnel)
{
	struct inventory_reader *reader;
	int err = inventory_open(&reader);

	for (size_t i = 0; !err && i < record->routes_n; i++)
		err = inventory_set_route_mtu(reader, tunnel->ifindex, &record->routes[i].to, record->routes[i].before);
	inventory_close(reader);
	return err;
}

int fix_undo(const struct fix_record *record, const struct link *tunnel)
{
	int err = 0;

	if (record->backup[0])
		err = file_restore(record->config, record->backup);
	if (err == -ENOENT)
		err = 0;
	if (!err && record->routes_n)
		err = undo_routes(record, tunnel);
	if (!err)
		err = set_mtu(tunnel->name, record->mtu_before);
	return err ? err : fix_record_remove(tunnel->name);
}
