// SPDX-License-Identifier: GPL-2.0-or-later
/* Recordings as files: gzip, readable while they are written. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "recording.h"

#define LEVEL	 "wb1" /* most of the gain for a tenth of the work */
#define FLUSH_MS 1000

struct recording_file {
	gzFile gz;
	bool writes;
	msec_t flushed_ms;
};

/* zlib's error of a file as -errno. */
static int failed(gzFile gz)
{
	int zerr = Z_OK;

	gzerror(gz, &zerr);
	if (zerr == Z_ERRNO)
		return errno ? -errno : -EIO;
	return zerr == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int file_new(struct recording_file **file, int fd, const char *mode)
{
	struct recording_file *f = calloc(1, sizeof(*f));

	*file = NULL;
	if (f)
		f->gz = gzdopen(fd, mode);
	if (!f || !f->gz) {
		free(f);
		close(fd);
		return -ENOMEM;
	}
	*file = f;
	return 0;
}

static int put(struct recording_file *f, void *bytes, size_t len)
{
	int n = 0;

	if (!bytes)
		return -ENOMEM;
	if (len <= INT_MAX)
		n = gzwrite(f->gz, bytes, (unsigned int)len);
	free(bytes);
	return n > 0 ? 0 : failed(f->gz);
}

int recording_create(struct recording_file **f, const char *path)
{
	/* Whose peers are where, and who talks to whom, is nobody else's business. */
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err;
	size_t len;
	void *bytes;

	*f = NULL;
	if (fd < 0)
		return -errno;
	err = file_new(f, fd, LEVEL);
	if (err)
		return err;
	(*f)->writes = true;
	bytes = recording_header(&len);
	err = put(*f, bytes, len);
	if (err) {
		recording_close(*f);
		*f = NULL;
	}
	return err;
}

int recording_write(struct recording_file *f, const struct snapshot *snap)
{
	size_t len = 0;
	void *bytes = recording_encode(snap, &len);
	int err = put(f, bytes, len);

	if (!err && snap->now_ms - f->flushed_ms >= FLUSH_MS) {
		f->flushed_ms = snap->now_ms;
		err = gzflush(f->gz, Z_SYNC_FLUSH) == Z_OK ? 0 : failed(f->gz);
	}
	return err;
}

int recording_open(struct recording_file **f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*f = NULL;
	return fd < 0 ? -errno : file_new(f, fd, "rb");
}

long recording_file_read(void *file, void *to, size_t len)
{
	struct recording_file *f = file;
	int n, zerr;

	if (len > INT_MAX)
		return -EINVAL;
	n = gzread(f->gz, to, (unsigned int)len);
	if (n >= 0)
		return n;
	/* A stream without its end: what came is good. */
	gzerror(f->gz, &zerr);
	return zerr == Z_BUF_ERROR ? 0 : failed(f->gz);
}

int recording_close(struct recording_file *f)
{
	int zerr;

	if (!f)
		return 0;
	zerr = gzclose(f->gz);
	free(f);
	if (zerr == Z_OK || zerr == Z_BUF_ERROR)
		return 0;
	return zerr == Z_ERRNO && errno ? -errno : -EIO;
}
