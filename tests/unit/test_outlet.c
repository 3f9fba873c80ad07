/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The outlets: records go to sockets and files of this test, which are slow, dead, or come later. What is produced is
 * delivered or counted as lost, and no call waits. Run by `make check`.
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "outlet.h"
#include "queue.h"

static char dir[] = "/tmp/mtuscope-outlet.XXXXXX";

static const char *path(const char *name)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

static void a_full_queue_drops_the_oldest(void **state)
{
	struct queue q;
	char record[64], got[64];
	uint64_t lost = 0;
	int next = 0, kept = 0;

	(void)state;
	assert_int_equal(queue_init(&q, 200), 0);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(record, sizeof(record), "%04d%.*s", i, i % 37,
				 "abcdefghijklmnopqrstuvwxyzabcdefghijklm");

		lost += queue_push(&q, record, (size_t)n);
	}
	next = (int)lost;
	for (size_t n; (n = queue_pop(&q, got)); kept++, next++) {
		got[n] = '\0';
		snprintf(record, sizeof(record), "%04d%.*s", next, next % 37,
			 "abcdefghijklmnopqrstuvwxyzabcdefghijklm");
		assert_string_equal(got, record);
	}
	assert_int_equal(next, 1000);
	assert_true(kept > 1);
	assert_int_equal(queue_push(&q, record, 300), 1);
	assert_int_equal(queue_pop(&q, got), 0);
	queue_free(&q);
}

static void addresses(void **state)
{
	static const char *const good[] = { "9586",	 ":9586",	"127.0.0.1:9586",     "[::1]:9586",
					    "0.0.0.0:1", "unix:/run/x", "[2001:db8::1]:65535" };
	static const char *const bad[] = { "",		 "0",	  "65536",    "localhost:1",   "1.2.3.4:",
					   "1.2.3.4",	 "[::1]", "[::1]x:1", "unix:relative", "unix:",
					   "1.2.3.4:5x", "-1",	  "1.2.3:4",  "[1.2.3.4",      "::1:x" };
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!address_parse(&a, good[i], 0))
			fail_msg("%s is an address", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (address_parse(&a, bad[i], 0))
			fail_msg("%s is no address", bad[i]);
	assert_true(address_parse(&a, "9586", 0));
	assert_int_equal(((struct sockaddr_in *)&a.storage)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_true(address_parse(&a, "::1", 514) && address_parse(&a, "1.2.3.4", 514));
}

static int unix_server(const char *name, int type)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* A record names itself, so that the receiver can tell what is missing. */
static void send_numbered(struct outlet *o, int i, uint64_t now_ms)
{
	char record[1024];

	memset(record, '.', sizeof(record));
	snprintf(record, 16, "%08d", i);
	record[8] = ' ';
	record[sizeof(record) - 1] = '\n';
	outlet_send(o, record, sizeof(record), now_ms);
}

/* Nobody listens, then a datagram server comes, slower than the sender. */
static void a_late_and_slow_receiver(void **state)
{
	struct outlet_counts c;
	struct outlet *o;
	char target[160], got[2048];
	int fd, received = 0, last = -1;
	uint64_t now_ms = 1000;

	(void)state;
	snprintf(target, sizeof(target), "unix:%s", path("late"));
	o = outlet_open(OUTLET_SYSLOG_LOCAL, target);
	assert_non_null(o);
	for (int i = 0; i < 2000; i++)
		send_numbered(o, i, now_ms);
	c = outlet_counts(o);
	assert_int_equal(c.sent, 0);
	assert_in_range(c.lost, 1000, 1999); /* the queue holds some of them, the latest */
	fd = unix_server("late", SOCK_DGRAM);
	outlet_pump(o, now_ms); /* too early to try again */
	assert_int_equal(outlet_counts(o).sent, 0);
	for (; outlet_is_behind(o); now_ms += 250) {
		ssize_t n;

		outlet_pump(o, now_ms);
		while ((n = recv(fd, got, sizeof(got), 0)) > 0) {
			assert_int_equal(n, 1023); /* without its end of line */
			assert_true(atoi(got) > last);
			last = atoi(got);
			received++;
		}
		assert_true(now_ms < 1000000);
	}
	while (recv(fd, got, sizeof(got), 0) > 0)
		received++;
	c = outlet_counts(o);
	assert_int_equal(c.sent, received);
	assert_int_equal(c.sent + c.lost, 2000);
	outlet_close(o);
	close(fd);
}

static int tcp_server(char *target, size_t len, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(*port) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*port = ntohs(in.sin_port);
	snprintf(target, len, "tcp:127.0.0.1:%u", *port);
	return fd;
}

static int accept_one(int server, struct outlet *o, uint64_t *now_ms)
{
	struct pollfd ready = { .fd = server, .events = POLLIN };
	int fd;

	while (poll(&ready, 1, 50) != 1) {
		outlet_pump(o, *now_ms += 250);
		assert_true(*now_ms < 1000000);
	}
	fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Reads octet-counted records until `last` has come; returns how many they were. */
static int read_records(int fd, struct outlet *o, uint64_t *now_ms, int last)
{
	static char bytes[1 << 20];
	size_t have = 0, at = 0;
	int records = 0, number = -1;

	while (number != last) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t n;
		size_t len;
		char *end;

		outlet_pump(o, *now_ms += 250);
		poll(&ready, 1, 50);
		n = recv(fd, bytes + have, sizeof(bytes) - have, 0);
		assert_true(n != 0 && *now_ms < 1000000);
		have += n > 0 ? (size_t)n : 0;
		while (at < have && (end = memchr(bytes + at, ' ', have - at))) {
			len = strtoul(bytes + at, NULL, 10);
			assert_int_equal(len, 1023);
			if ((size_t)(end + 1 - bytes) + len > have)
				break;
			number = atoi(end + 1);
			records++;
			at = (size_t)(end + 1 - bytes) + len;
		}
	}
	return records;
}

/* Until all of it is acknowledged, which takes the other end's kernel no time. */
static void settle(struct outlet *o, uint64_t *now_ms)
{
	while (outlet_is_behind(o)) {
		poll(NULL, 0, 1);
		outlet_pump(o, ++*now_ms);
		assert_true(*now_ms < 1000000);
	}
}

static void tcp_that_breaks_and_comes_back(void **state)
{
	uint64_t now_ms = 1000;
	uint16_t port = 0;
	char target[64];
	struct outlet *o;
	int server = tcp_server(target, sizeof(target), &port), fd, i = 0;

	(void)state;
	o = outlet_open(OUTLET_SYSLOG_TCP, target);
	assert_non_null(o);
	for (; i < 100; i++)
		send_numbered(o, i, now_ms);
	fd = accept_one(server, o, &now_ms);
	assert_int_equal(read_records(fd, o, &now_ms, 99), 100);
	settle(o, &now_ms);
	close(fd);
	close(server);
	for (; i < 150; i++)
		send_numbered(o, i, now_ms += 250);
	assert_int_equal(outlet_counts(o).sent, 100);
	assert_true(outlet_is_behind(o));
	server = tcp_server(target, sizeof(target), &port);
	fd = accept_one(server, o, &now_ms);
	assert_int_equal(read_records(fd, o, &now_ms, 149), 50);
	settle(o, &now_ms);
	assert_int_equal(outlet_counts(o).sent, 150);
	assert_int_equal(outlet_counts(o).lost, 0);
	outlet_close(o);
	close(fd);
	close(server);
}

/* What has not even reached the other end's kernel when the connection breaks goes over the next one. */
static void tcp_that_breaks_with_records_under_way(void **state)
{
	uint64_t now_ms = 1000, taken;
	uint16_t port = 0;
	char target[64];
	struct outlet *o;
	int server = tcp_server(target, sizeof(target), &port), fd, small = 4096;

	(void)state;
	assert_int_equal(setsockopt(server, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	o = outlet_open(OUTLET_SYSLOG_TCP, target);
	assert_non_null(o);
	send_numbered(o, 0, now_ms);
	fd = accept_one(server, o, &now_ms);
	for (int i = 1; i < 300; i++)
		send_numbered(o, i, now_ms);
	close(fd);
	close(server);
	outlet_pump(o, ++now_ms); /* hears of it */
	taken = outlet_counts(o).sent;
	assert_in_range(taken, 1, 200);
	server = tcp_server(target, sizeof(target), &port);
	fd = accept_one(server, o, &now_ms);
	assert_int_equal(read_records(fd, o, &now_ms, 299), 300 - taken);
	settle(o, &now_ms);
	assert_int_equal(outlet_counts(o).sent, 300);
	assert_int_equal(outlet_counts(o).lost, 0);
	outlet_close(o);
	close(fd);
	close(server);
}

/* A connection that takes nothing any more holds nothing up. */
static void tcp_that_does_not_read(void **state)
{
	struct outlet_counts c;
	uint64_t now_ms = 1000;
	uint16_t port = 0;
	char target[64];
	struct outlet *o;
	int server = tcp_server(target, sizeof(target), &port), fd;

	(void)state;
	o = outlet_open(OUTLET_SYSLOG_TCP, target);
	assert_non_null(o);
	send_numbered(o, 0, now_ms);
	fd = accept_one(server, o, &now_ms);
	for (int i = 1; i < 20000; i++)
		send_numbered(o, i, now_ms);
	c = outlet_counts(o);
	assert_true(c.lost > 0 && c.sent + c.lost < 20000);
	outlet_finish(o, now_ms);
	c = outlet_counts(o);
	assert_int_equal(c.sent + c.lost, 20000);
	outlet_close(o);
	close(fd);
	close(server);
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(path(name), &st) ? -1 : st.st_size;
}

static void a_file_is_appended_to_and_rotated(void **state)
{
	char from[160], file[160];
	struct outlet *o;

	(void)state;
	snprintf(file, sizeof(file), "%s", path("log"));
	snprintf(from, sizeof(from), "%s", path("log.1"));
	for (int i = 0; i < 2; i++) {
		o = outlet_open(OUTLET_FILE, file);
		assert_non_null(o);
		assert_true(outlet_is(o, OUTLET_FILE, file));
		send_numbered(o, i, 1000);
		if (!i)
			outlet_close(o);
	}
	assert_int_equal(size_of("log"), 2048);
	assert_int_equal(rename(file, from), 0);
	send_numbered(o, 2, 1000);
	assert_int_equal(size_of("log.1"), 3072);
	assert_int_equal(outlet_reopen(o), 0);
	send_numbered(o, 3, 1000);
	assert_int_equal(size_of("log.1"), 3072);
	assert_int_equal(size_of("log"), 1024);
	outlet_close(o);
	assert_null(outlet_open(OUTLET_FILE, "/nowhere/log"));
	assert_int_equal(errno, ENOENT);
}

/* A disk that is full, and a pipe that nobody reads. */
static void what_takes_nothing(void **state)
{
	struct outlet *o = outlet_open(OUTLET_FILE, "/dev/full");
	struct outlet_counts c;
	char fifo[160];

	(void)state;
	assert_non_null(o);
	for (int i = 0; i < 1000; i++)
		send_numbered(o, i, 1000);
	c = outlet_counts(o);
	assert_int_equal(c.sent, 0);
	assert_true(c.lost > 0);
	outlet_finish(o, 2000);
	assert_int_equal(outlet_counts(o).lost, 1000);
	outlet_close(o);

	snprintf(fifo, sizeof(fifo), "%s", path("fifo"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	o = outlet_open(OUTLET_FILE, fifo);
	assert_non_null(o);
	send_numbered(o, 0, 1000);
	assert_true(outlet_is_behind(o));
	outlet_close(o);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "late", "log", "log.1", "fifo" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_drops_the_oldest),
		cmocka_unit_test(addresses),
		cmocka_unit_test(a_late_and_slow_receiver),
		cmocka_unit_test(tcp_that_breaks_and_comes_back),
		cmocka_unit_test(tcp_that_breaks_with_records_under_way),
		cmocka_unit_test(tcp_that_does_not_read),
		cmocka_unit_test(a_file_is_appended_to_and_rotated),
		cmocka_unit_test(what_takes_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
