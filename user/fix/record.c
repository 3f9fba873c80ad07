// SPDX-License-Identifier: GPL-2.0-or-later
/* See record.h. */
#include "record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/config.h"
#include "file.h"
#include "format.h"

#define ROUTE_LINE	96
#define RECORD_MAX	(2 * PATH_MAX + 256 + FIX_ROUTES_MAX * ROUTE_LINE)
#define RECORD_NAME_LEN (sizeof(FIX_DIR) + 64)

int fix_record_lock(void)
{
	int fd;

	if (mkdir(FIX_DIR, 0700) && errno != EEXIST)
		return -errno;
	/* Stays open, and locked, until the process ends. */
	fd = open(FIX_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return -errno;
	return 0;
}

/* Interfaces of the same name may be in several network namespaces. */
static void record_name(char name[RECORD_NAME_LEN], const char *interface)
{
	struct stat ns = { 0 };

	stat("/proc/self/ns/net", &ns);
	snprintf(name, RECORD_NAME_LEN, FIX_DIR "/fix-%llu-%s", (unsigned long long)ns.st_ino, interface);
}

/* The rest of the line that begins with `key`, which must be there. */
static int take_line(const char **text, const char *key, char *value, size_t cap)
{
	size_t n = strlen(key), len;

	if (strncmp(*text, key, n))
		return -EBADMSG;
	len = strcspn(*text + n, "\n");
	if (len >= cap || (*text)[n + len] != '\n')
		return -EBADMSG;
	memcpy(value, *text + n, len);
	value[len] = '\0';
	*text += n + len + 1;
	return 0;
}

static int parse_route(struct fix_record *r, const char *line)
{
	struct fix_route *route = &r->routes[r->routes_n];
	char address[FORMAT_IP_LEN];
	unsigned int prefix_len;

	if (r->routes_n == FIX_ROUTES_MAX ||
	    sscanf(line, "%45[^/]/%u %" SCNu32 " %" SCNu32, address, &prefix_len, &route->before, &route->after) != 4)
		return -EBADMSG;
	route->to.ip.family = strchr(address, ':') ? AF_INET6 : AF_INET;
	route->to.prefix_len = (uint8_t)prefix_len;
	if (prefix_len > 128 || inet_pton(route->to.ip.family, address, route->to.ip.bytes) != 1)
		return -EBADMSG;
	r->routes_n++;
	return 0;
}

static int parse(struct fix_record *r, const char *text)
{
	char numbers[64], line[ROUTE_LINE];
	int err = take_line(&text, "mtu ", numbers, sizeof(numbers));

	if (!err &&
	    sscanf(numbers, "%" SCNu32 " %" SCNu32 " %" SCNu32, &r->mtu_before, &r->mtu_after, &r->config_mtu) != 3)
		err = -EBADMSG;
	if (!err)
		err = take_line(&text, "config ", r->config, sizeof(r->config));
	if (!err)
		err = take_line(&text, "backup ", r->backup, sizeof(r->backup));
	while (!err && *text) {
		err = take_line(&text, "route ", line, sizeof(line));
		if (!err)
			err = parse_route(r, line);
	}
	return err;
}

int fix_record_load(struct fix_record *record, const char *interface)
{
	char name[RECORD_NAME_LEN], text[RECORD_MAX] = "", *bytes;
	size_t len;
	int err;

	record_name(name, interface);
	*record = (struct fix_record){ 0 };
	err = config_load(name, &bytes, &len);
	if (err)
		return err;
	if (len < sizeof(text))
		memcpy(text, bytes, len);
	free(bytes);
	return parse(record, text);
}

int fix_record_save(const struct fix_record *r, const char *interface)
{
	char name[RECORD_NAME_LEN], text[RECORD_MAX], ip[FORMAT_IP_LEN];
	struct out o;

	record_name(name, interface);
	out_init(&o, text, sizeof(text));
	out_printf(&o, "mtu %" PRIu32 " %" PRIu32 " %" PRIu32 "\nconfig %s\nbackup %s\n", r->mtu_before, r->mtu_after,
		   r->config_mtu, r->config, r->backup);
	for (size_t i = 0; i < r->routes_n; i++) {
		format_ip(ip, &r->routes[i].to.ip);
		out_printf(&o, "route %s/%u %" PRIu32 " %" PRIu32 "\n", ip, r->routes[i].to.prefix_len,
			   r->routes[i].before, r->routes[i].after);
	}
	return o.full ? -ENAMETOOLONG : file_write(name, text, o.len);
}

int fix_record_remove(const char *interface)
{
	char name[RECORD_NAME_LEN];

	record_name(name, interface);
	return file_remove(name);
}
