// SPDX-License-Identifier: GPL-2.0-or-later
/* See textfile.h. The collector reads *.prom only, so it never sees the file that is being written. */
#define _GNU_SOURCE /* O_PATH */
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define NAME	  "mtuscope.prom"
#define TEMPORARY ".mtuscope.prom.new"

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int textfile_write(const char *dir, const char *text, size_t len)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, err;

	if (at < 0)
		return -errno;
	fd = openat(at, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	err = fd < 0 ? -errno : write_all(fd, text, len);
	if (fd >= 0)
		close(fd);
	if (!err && renameat(at, TEMPORARY, at, NAME))
		err = -errno;
	if (err)
		unlinkat(at, TEMPORARY, 0);
	close(at);
	return err;
}

void textfile_remove(const char *dir)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return;
	unlinkat(at, NAME, 0);
	close(at);
}
