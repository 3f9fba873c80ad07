// SPDX-License-Identifier: GPL-2.0-or-later
/* See file.h. A new file is written beside the old one, synced, and renamed over it; then the directory is synced. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BESIDE_SUFFIX ".mtuscope-new"

static int error(void)
{
	return errno ? -errno : -EIO;
}

static int beside(char name[PATH_MAX], const char *path)
{
	int n = snprintf(name, PATH_MAX, "%s" BESIDE_SUFFIX, path);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int sync_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd, err = 0;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error();
	if (fsync(fd))
		err = error();
	close(fd);
	return err;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error();
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* like: whose owner and permissions it gets, NULL: ours and 0600. */
static int write_beside(const char *name, const char *bytes, size_t len, const struct stat *like)
{
	int fd, err;

	/* Of a run that was interrupted. */
	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error();
	err = write_all(fd, bytes, len);
	if (!err && like && (fchown(fd, like->st_uid, like->st_gid) || fchmod(fd, like->st_mode & 07777)))
		err = error();
	if (!err && fsync(fd))
		err = error();
	if (close(fd) && !err)
		err = error();
	if (err)
		unlink(name);
	return err;
}

static int swap(const char *name, const char *path)
{
	if (rename(name, path))
		return error();
	return sync_dir_of(path);
}

int file_write(const char *path, const char *bytes, size_t len)
{
	char name[PATH_MAX];
	int err = beside(name, path);

	if (!err)
		err = write_beside(name, bytes, len, NULL);
	return err ? err : swap(name, path);
}

int file_replace(const char *path, const char *backup, const char *bytes, size_t len, int (*before_swap)(void *arg),
		 void *arg)
{
	char name[PATH_MAX];
	struct stat st;
	int err = beside(name, path);

	if (!err && lstat(path, &st))
		err = error();
	if (!err)
		err = write_beside(name, bytes, len, &st);
	if (err)
		return err;
	/* The backup is the old file itself, by a second name: nothing of it can get lost on the way. */
	if (link(path, backup)) {
		err = error();
		unlink(name);
		return err;
	}
	err = sync_dir_of(path);
	if (!err)
		err = before_swap(arg);
	if (!err)
		err = swap(name, path);
	if (err) {
		unlink(name);
		unlink(backup);
	}
	return err;
}

int file_restore(const char *path, const char *backup)
{
	struct stat old, now;

	if (lstat(backup, &old))
		return error();
	/* rename() does nothing between two names of one file. */
	if (!lstat(path, &now) && now.st_dev == old.st_dev && now.st_ino == old.st_ino)
		return file_remove(backup);
	return swap(backup, path);
}

int file_remove(const char *path)
{
	if (unlink(path))
		return error();
	return sync_dir_of(path);
}
