// SPDX-License-Identifier: GPL-2.0-or-later
/* See config.h. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mention.h"
#include "wgquick.h"

/* Where each manager keeps what it knows of an interface; wg-quick is asked last, by the name of its file. */
static const struct place {
	enum audit_manager manager;
	const char *dir;
	const char *suffix;
} PLACES[] = {
	{ MANAGER_NETWORKD, "/etc/systemd/network", ".netdev" },
	{ MANAGER_NETWORKD, "/run/systemd/network", ".netdev" },
	{ MANAGER_NETWORK_MANAGER, "/etc/NetworkManager/system-connections", ".nmconnection" },
	{ MANAGER_NETWORK_MANAGER, "/run/NetworkManager/system-connections", ".nmconnection" },
	{ MANAGER_IFUPDOWN, "/etc/network/interfaces.d", "" },
};

int config_load(const char *path, char **bytes, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *buf = malloc(CONFIG_BYTES_MAX + 1);
	int err = fd < 0 ? -errno : buf ? 0 : -ENOMEM;
	size_t n = 0;
	ssize_t got;

	while (!err && n <= CONFIG_BYTES_MAX && (got = read(fd, buf + n, CONFIG_BYTES_MAX + 1 - n))) {
		if (got > 0)
			n += (size_t)got;
		else if (errno != EINTR)
			err = -errno;
	}
	if (!err && n > CONFIG_BYTES_MAX)
		err = -EFBIG;
	if (fd >= 0)
		close(fd);
	if (err) {
		free(buf);
		buf = NULL;
	}
	*bytes = buf;
	*len = n;
	return err;
}

static bool file_mentions(const char *path, enum audit_manager manager, const char *interface)
{
	char *bytes;
	size_t len;
	bool mentions;

	if (config_load(path, &bytes, &len))
		return false;
	mentions = mention_find(manager, bytes, len, interface);
	free(bytes);
	return mentions;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix) && name[0] != '.';
}

static bool find_in(struct audit_config *config, const struct place *place, const char *interface)
{
	DIR *dir = opendir(place->dir);
	struct dirent *entry;
	bool found = false;
	int n;

	while (dir && !found && (entry = readdir(dir))) {
		n = snprintf(config->path, sizeof(config->path), "%s/%s", place->dir, entry->d_name);
		found = n > 0 && (size_t)n < sizeof(config->path) && has_suffix(entry->d_name, place->suffix) &&
			file_mentions(config->path, place->manager, interface);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void read_wg_quick(struct audit_config *config, const char *interface)
{
	char *bytes;
	size_t len;
	int err;

	snprintf(config->path, sizeof(config->path), "/etc/wireguard/%s.conf", interface);
	err = config_load(config->path, &bytes, &len);
	if (err == -ENOENT) {
		config->path[0] = '\0';
		return;
	}
	config->manager = MANAGER_WG_QUICK;
	config->readable = !err;
	config->mtu = err ? 0 : wgquick_mtu(bytes, len);
	free(bytes);
}

void config_find(struct audit_config *config, const char *interface)
{
	for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
		if (find_in(config, &PLACES[i], interface)) {
			config->manager = PLACES[i].manager;
			config->readable = true;
			return;
		}
	}
	snprintf(config->path, sizeof(config->path), "/etc/network/interfaces");
	if (file_mentions(config->path, MANAGER_IFUPDOWN, interface)) {
		config->manager = MANAGER_IFUPDOWN;
		config->readable = true;
		return;
	}
	read_wg_quick(config, interface);
}
