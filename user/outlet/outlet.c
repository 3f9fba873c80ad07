// SPDX-License-Identifier: GPL-2.0-or-later
/* See outlet.h. What differs by kind is in KINDS: how to open, and how to write one record or a part of it. */
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "flight.h"
#include "queue.h"

#define QUEUE_BYTES	   (512 * 1024)
#define FRAME_MAX	   16 /* the length that goes before a record on TCP */
#define RECORD_MAX	   (65536 + FRAME_MAX)
#define RETRY_FIRST_MS	   500
#define RETRY_MAX_MS	   30000
#define CONNECT_TIMEOUT_MS 10000
#define SILENCE_MAX_MS	   30000 /* TCP: not even acknowledged for so long is gone */
#define SYSLOG_PORT	   514
#define JOURNAL_SOCKET	   "unix:/run/systemd/journal/socket"
#define LOCAL_SOCKET	   "unix:/dev/log"

struct outlet {
	enum outlet_kind kind;
	char *target;
	struct address address;
	int fd;	      /* -1: the receiver is not there */
	bool regular; /* a file proper: takes any length at once */
	bool connecting;
	uint64_t since_ms, retry_ms, pause_ms;
	struct queue queue;
	struct flight flight;	  /* of `counted` kinds */
	uint64_t written;	  /* bytes, of this connection */
	char current[RECORD_MAX]; /* the record being written, of which `done` bytes are */
	size_t current_len, done;
	struct outlet_counts counts;
};

/* What a kind's write() returns: how many bytes were taken, -errno, or that nothing can be taken now. */
enum { WRITE_LATER = 0 };

struct kind {
	const char *format;
	const char *address; /* default */
	int (*open)(struct outlet *o);
	ssize_t (*write)(struct outlet *o, const char *from, size_t n);
	bool newline; /* ends a record; else it is cut off */
	bool counted; /* "LENGTH " before each record (RFC 6587, octet counting), and TCP: sent is what is acknowledged */
};

static ssize_t result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? WRITE_LATER : -errno;
}

static int file_open(struct outlet *o)
{
	int fd = open(o->target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	struct stat st;

	o->regular = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
	return fd < 0 ? -errno : fd;
}

static int stdout_open(struct outlet *o)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);

	(void)o;
	return fd < 0 ? -errno : fd;
}

/* Standard output is shared with others, so it cannot be made non-blocking: a ready pipe takes PIPE_BUF bytes at once. */
static ssize_t file_write(struct outlet *o, const char *from, size_t n)
{
	struct pollfd ready = { .fd = o->fd, .events = POLLOUT };

	if (poll(&ready, 1, 0) != 1)
		return WRITE_LATER;
	return result(write(o->fd, from, o->regular || n < PIPE_BUF ? n : PIPE_BUF));
}

static int socket_open(struct outlet *o, int type)
{
	int timeout = SILENCE_MAX_MS, fd;

	fd = socket(o->address.storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	if (!connect(fd, (struct sockaddr *)&o->address.storage, o->address.len))
		return fd;
	if (errno == EINPROGRESS) {
		o->connecting = true;
		return fd;
	}
	timeout = -errno;
	close(fd);
	return timeout;
}

static int datagram_open(struct outlet *o)
{
	return socket_open(o, SOCK_DGRAM);
}

static int stream_open(struct outlet *o)
{
	return socket_open(o, SOCK_STREAM);
}

static ssize_t socket_write(struct outlet *o, const char *from, size_t n)
{
	return result(send(o->fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static const struct kind KINDS[OUTLET_KINDS] = {
	[OUTLET_STDOUT] = { .open = stdout_open, .write = file_write, .newline = true },
	[OUTLET_FILE] = { .open = file_open, .write = file_write, .newline = true },
	[OUTLET_JOURNAL] = { .address = JOURNAL_SOCKET, .open = datagram_open, .write = socket_write, .newline = true },
	[OUTLET_SYSLOG_LOCAL] = { .address = LOCAL_SOCKET, .open = datagram_open, .write = socket_write },
	[OUTLET_SYSLOG_UDP] = { .open = datagram_open, .write = socket_write },
	[OUTLET_SYSLOG_TCP] = { .open = stream_open, .write = socket_write, .counted = true },
};

bool outlet_syslog_kind(const char *text, enum outlet_kind *kind)
{
	struct address a;

	*kind = OUTLET_SYSLOG_LOCAL;
	if (!strcmp(text, "local"))
		return true;
	if (!strncmp(text, "unix:", 5))
		return address_parse(&a, text, 0);
	*kind = strncmp(text, "tcp:", 4) ? OUTLET_SYSLOG_UDP : OUTLET_SYSLOG_TCP;
	return (*kind == OUTLET_SYSLOG_TCP || !strncmp(text, "udp:", 4)) && strncmp(text + 4, "unix:", 5) &&
	       address_parse(&a, text + 4, SYSLOG_PORT);
}

const char *outlet_format(enum outlet_kind kind)
{
	static const char *const formats[OUTLET_KINDS] = {
#define OUTLET(id, format) [OUTLET_##id] = format,
#include "outlets.def"
#undef OUTLET
	};

	return formats[kind];
}

static bool resolve(struct outlet *o)
{
	const char *text = KINDS[o->kind].address;

	if (o->kind == OUTLET_STDOUT || o->kind == OUTLET_FILE)
		return true;
	if (o->target && strcmp(o->target, "local"))
		text = o->target;
	if (!strncmp(text, "udp:", 4) || !strncmp(text, "tcp:", 4))
		text += 4;
	return address_parse(&o->address, text, SYSLOG_PORT);
}

/* A receiver that is not there yet is no error, a file that cannot be opened is. */
struct outlet *outlet_open(enum outlet_kind kind, const char *target)
{
	struct outlet *o = calloc(1, sizeof(*o));
	int err = ENOMEM;

	if (!o)
		return NULL;
	o->kind = kind;
	o->fd = -1;
	if (queue_init(&o->queue, QUEUE_BYTES) || (KINDS[kind].counted && flight_init(&o->flight, QUEUE_BYTES)) ||
	    (target && !(o->target = strdup(target))))
		goto fail;
	err = EINVAL;
	if (!resolve(o))
		goto fail;
	if (kind == OUTLET_STDOUT || kind == OUTLET_FILE) {
		o->fd = KINDS[kind].open(o);
		err = -o->fd;
		/* A named pipe that nobody reads yet. */
		if (o->fd < 0 && err != ENXIO)
			goto fail;
		o->fd = o->fd < 0 ? -1 : o->fd;
	}
	return o;
fail:
	outlet_close(o);
	errno = err;
	return NULL;
}

bool outlet_is(const struct outlet *o, enum outlet_kind kind, const char *target)
{
	return o->kind == kind && !o->target == !target && (!target || !strcmp(o->target, target));
}

int outlet_own(struct outlet *o, uid_t uid, gid_t gid)
{
	struct stat st;

	if (o->kind != OUTLET_FILE || o->fd < 0 || fstat(o->fd, &st))
		return 0;
	return S_ISREG(st.st_mode) && fchown(o->fd, uid, gid) ? -errno : 0;
}

int outlet_reopen(struct outlet *o)
{
	int fd;

	if (o->kind != OUTLET_FILE)
		return 0;
	fd = file_open(o);
	if (fd < 0)
		return fd;
	if (o->fd >= 0)
		close(o->fd);
	o->fd = fd;
	return 0;
}

static bool is_up(const struct outlet *o)
{
	return o->fd >= 0 && !o->connecting;
}

static void disconnect(struct outlet *o, uint64_t now_ms)
{
	if (is_up(o))
		o->counts.sent += flight_acknowledged(&o->flight, o->fd, o->written);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->connecting = false;
	/* A new receiver gets the record from its beginning, after those that the last one did not acknowledge. */
	o->done = o->written = 0;
	if (KINDS[o->kind].counted)
		o->current_len = 0;
	flight_broken(&o->flight);
	o->pause_ms = o->pause_ms ? o->pause_ms * 2 : RETRY_FIRST_MS;
	if (o->pause_ms > RETRY_MAX_MS)
		o->pause_ms = RETRY_MAX_MS;
	o->retry_ms = now_ms + o->pause_ms;
}

static bool connected(struct outlet *o, uint64_t now_ms)
{
	struct pollfd ready = { .fd = o->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (!o->connecting)
		return true;
	if (poll(&ready, 1, 0) != 1) {
		if (now_ms - o->since_ms > CONNECT_TIMEOUT_MS)
			disconnect(o, now_ms);
		return false;
	}
	if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err) {
		disconnect(o, now_ms);
		return false;
	}
	o->connecting = false;
	return true;
}

static bool receiver_there(struct outlet *o, uint64_t now_ms)
{
	if (o->fd < 0) {
		if (now_ms < o->retry_ms)
			return false;
		o->since_ms = now_ms;
		o->fd = KINDS[o->kind].open(o);
		if (o->fd < 0) {
			disconnect(o, now_ms);
			return false;
		}
	}
	return connected(o, now_ms);
}

/* The oldest record of the queue, framed as its receiver wants it, goes to `current`. */
static size_t take(struct outlet *o)
{
	const struct kind *kind = &KINDS[o->kind];
	size_t n, prefix = 0;
	char text[16];

	n = queue_pop(&o->queue, o->current);
	if (n && !kind->newline)
		n -= o->current[n - 1] == '\n';
	if (n && kind->counted) {
		prefix = (size_t)snprintf(text, sizeof(text), "%zu ", n);
		memmove(o->current + prefix, o->current, n);
		memcpy(o->current, text, prefix);
		flight_add(&o->flight, o->current, prefix + n);
	}
	return prefix + n;
}

/* The next record goes to `current`: one that must be sent again, or one of the queue. */
static bool next(struct outlet *o)
{
	bool counted = KINDS[o->kind].counted;

	if (o->current_len)
		return true;
	o->done = 0;
	if (counted)
		o->current_len = flight_again(&o->flight, o->current);
	if (!o->current_len && (!counted || flight_has_room(&o->flight, queue_peek(&o->queue, 0, NULL) + FRAME_MAX)))
		o->current_len = take(o);
	return o->current_len;
}

static void finish(struct outlet *o, uint64_t *count)
{
	o->current_len = o->done = 0;
	(*count)++;
}

/* The connection took n bytes of the record. */
static void advance(struct outlet *o, size_t n)
{
	o->pause_ms = 0;
	o->written += n;
	o->done += n;
	if (o->done < o->current_len)
		return;
	if (KINDS[o->kind].counted)
		o->current_len = o->done = 0; /* sent once it is acknowledged */
	else
		finish(o, &o->counts.sent);
}

/* A receiver that has closed its end would take bytes once more and lose them. */
static void look_at_receiver(struct outlet *o, uint64_t now_ms)
{
	char heard[64];
	ssize_t n;

	if (!KINDS[o->kind].counted || !is_up(o))
		return;
	while ((n = recv(o->fd, heard, sizeof(heard), MSG_DONTWAIT)) > 0)
		;
	if (!n || result(n) != WRITE_LATER)
		disconnect(o, now_ms);
	else
		o->counts.sent += flight_acknowledged(&o->flight, o->fd, o->written);
}

void outlet_pump(struct outlet *o, uint64_t now_ms)
{
	look_at_receiver(o, now_ms);
	while (next(o)) {
		ssize_t n;

		if (!receiver_there(o, now_ms))
			return;
		n = KINDS[o->kind].write(o, o->current + o->done, o->current_len - o->done);
		if (n == -EMSGSIZE) {
			finish(o, &o->counts.lost);
		} else if (n < 0) {
			/* A full disk is waited for; its half-written line is completed then. */
			if (n != -ENOSPC && n != -EDQUOT)
				disconnect(o, now_ms);
			return;
		} else if (n == WRITE_LATER) {
			return;
		} else {
			advance(o, (size_t)n);
		}
	}
}

void outlet_send(struct outlet *o, const char *record, size_t n, uint64_t now_ms)
{
	o->counts.lost += queue_push(&o->queue, record, n);
	outlet_pump(o, now_ms);
}

struct outlet_counts outlet_counts(const struct outlet *o)
{
	return o->counts;
}

bool outlet_is_behind(const struct outlet *o)
{
	return o->current_len || o->queue.used || o->flight.records.used;
}

/* What a connection was given whole the kernel goes on to deliver. */
static void finish_flight(struct outlet *o)
{
	uint64_t whole = is_up(o) ? flight_given(&o->flight) - (o->current_len > 0) : 0;

	o->counts.sent += whole;
	o->counts.lost += flight_clear(&o->flight) - whole;
	o->current_len = o->done = 0;
}

void outlet_finish(struct outlet *o, uint64_t now_ms)
{
	outlet_pump(o, now_ms);
	if (KINDS[o->kind].counted)
		finish_flight(o);
	else if (o->current_len)
		finish(o, &o->counts.lost);
	o->counts.lost += queue_clear(&o->queue);
}

void outlet_close(struct outlet *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	queue_free(&o->queue);
	flight_free(&o->flight);
	free(o->target);
	free(o);
}
