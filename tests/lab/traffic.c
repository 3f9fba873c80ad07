// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic for the lab: TCP that sends, receives or hangs on purpose, and UDP of
 * exact sizes.  Enters: a verb and its options.  Leaves: one line of result on
 * stdout; exit status 0 done, 1 failed, 2 usage, 3 out of time.  Called by the
 * scenarios in tests/lab.  All sizes are of the payload, in bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define DATAGRAM_MAX 65536

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_TIMEOUT = 3,
};

/* What the options say; zero means "not given". */
struct request {
	const char *host;
	const char *port;
	unsigned long bytes;
	unsigned long send;
	unsigned long size;
	unsigned long count;
	unsigned long interval_ms;
	unsigned long timeout_s;
	unsigned long mss;
	unsigned long gso;
	bool hang;
	bool dont_fragment;
	bool once;
};

struct verb {
	const char *name;
	bool wants_host;
	int (*run)(const struct request *req);
	const char *usage;
};

static volatile sig_atomic_t stopped;
static volatile sig_atomic_t timed_out;

static void on_stop(int sig)
{
	if (sig == SIGALRM)
		timed_out = 1;
	stopped = 1;
}

/* Without SA_RESTART, so that a blocked call returns. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int fail(const char *what)
{
	if (timed_out) {
		fprintf(stderr, "traffic: %s: out of time\n", what);
		return EXIT_TIMEOUT;
	}
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	return EXIT_FAILED;
}

static void sleep_ms(unsigned long ms)
{
	struct timespec pause = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	nanosleep(&pause, NULL);
}

/* Blocks until a signal says stop, or the peer closes fd (if fd >= 0). */
static void wait_for_end(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

	while (!stopped && poll(&pfd, 1, 1000) == 0)
		;
}

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* The options that both ends of both protocols may have. */
static int socket_prepare(int fd, const struct addrinfo *addr, const struct request *req)
{
	if (req->mss && set_int(fd, IPPROTO_TCP, TCP_MAXSEG, (int)req->mss))
		return -1;
	if (!req->dont_fragment)
		return 0;
	if (addr->ai_family == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
}

static int resolve(const struct request *req, int type, struct addrinfo **list)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = type,
		.ai_flags = AI_NUMERICSERV | (req->host ? 0 : AI_PASSIVE),
	};
	/* "::" takes IPv4 as well. */
	int err = getaddrinfo(req->host ? req->host : "::", req->port, &hints, list);

	if (err)
		fprintf(stderr, "traffic: %s port %s: %s\n", req->host ? req->host : "any", req->port,
			gai_strerror(err));
	return err;
}

/* Returns a connected socket, or -1 with errno. */
static int socket_connect(const struct request *req, int type)
{
	struct addrinfo *list, *addr;
	int fd = -1;

	if (resolve(req, type, &list)) {
		errno = EINVAL;
		return -1;
	}
	for (addr = list; addr; addr = addr->ai_next) {
		fd = socket(addr->ai_family, type | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		if (!socket_prepare(fd, addr, req) && !connect(fd, addr->ai_addr, addr->ai_addrlen))
			break;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

/* Returns a bound socket (listening, for TCP), or -1 with errno. */
static int socket_bind(const struct request *req, int type)
{
	struct addrinfo *addr;
	int fd = -1;

	if (resolve(req, type, &addr)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(addr->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto out;
	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) || set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) ||
	    socket_prepare(fd, addr, req) || bind(fd, addr->ai_addr, addr->ai_addrlen) ||
	    (type == SOCK_STREAM && listen(fd, 128))) {
		close(fd);
		fd = -1;
	}
out:
	freeaddrinfo(addr);
	return fd;
}

/* Returns 0 when all bytes are handed to the kernel, -1 otherwise. */
static int send_bytes(int fd, unsigned long bytes)
{
	static const char block[DATAGRAM_MAX];

	while (bytes) {
		size_t len = bytes < sizeof(block) ? bytes : sizeof(block);
		ssize_t sent = send(fd, block, len, MSG_NOSIGNAL);

		if (sent < 0)
			return -1;
		bytes -= (unsigned long)sent;
	}
	return 0;
}

/* Reads up to limit bytes (0: to the end of the stream).  Sets *bytes. */
static int receive_bytes(int fd, unsigned long limit, unsigned long *bytes)
{
	static char block[DATAGRAM_MAX];

	*bytes = 0;
	while (!limit || *bytes < limit) {
		ssize_t got = recv(fd, block, sizeof(block), 0);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		*bytes += (unsigned long)got;
	}
	return 0;
}

/* One connection: read what was asked for, send, then hang or close. */
static void serve_one(int fd, const struct request *req)
{
	unsigned long bytes;

	if (req->bytes)
		receive_bytes(fd, req->bytes, &bytes);
	if (send_bytes(fd, req->send) == 0 && !req->hang && !req->send && !req->bytes)
		receive_bytes(fd, 0, &bytes);
	if (req->hang)
		wait_for_end(fd);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static int tcp_serve(const struct request *req)
{
	int listener = socket_bind(req, SOCK_STREAM);

	if (listener < 0)
		return fail("listen");
	/* Children serve; nobody waits for them. */
	signal(SIGCHLD, SIG_IGN);
	while (!stopped) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		if (req->once) {
			serve_one(fd, req);
			break;
		}
		if (fork() == 0) {
			close(listener);
			serve_one(fd, req);
			_exit(EXIT_OK);
		}
		close(fd);
	}
	close(listener);
	return timed_out ? EXIT_TIMEOUT : EXIT_OK;
}

static int tcp_get(const struct request *req)
{
	unsigned long bytes = 0;
	int fd = socket_connect(req, SOCK_STREAM);
	int err;

	if (fd < 0)
		return fail("connect");
	err = send_bytes(fd, req->send);
	if (!err && req->hang)
		wait_for_end(fd);
	else if (!err)
		err = receive_bytes(fd, req->bytes, &bytes);
	printf("bytes %lu\n", bytes);
	if (err || timed_out) {
		err = fail("transfer");
	} else if (bytes < req->bytes) {
		fprintf(stderr, "traffic: the peer closed after %lu of %lu bytes\n", bytes, req->bytes);
		err = EXIT_FAILED;
	}
	close(fd);
	return err;
}

/* One call sends one datagram, or with --gso many of that size. */
static int send_datagram(int fd, const struct request *req)
{
	static const char block[DATAGRAM_MAX];

	if (req->gso && set_int(fd, IPPROTO_UDP, UDP_SEGMENT, (int)req->gso))
		return -1;
	return send(fd, block, req->size, 0) < 0 ? -1 : 0;
}

/* A refused or oversized datagram is counted, not fatal: the scenario decides. */
static int udp_send(const struct request *req)
{
	unsigned long sent = 0, refused = 0;
	unsigned long count = req->count ? req->count : 1;
	int fd = socket_connect(req, SOCK_DGRAM);

	if (fd < 0)
		return fail("connect");
	while (sent + refused < count && !stopped) {
		if (sent + refused && req->interval_ms)
			sleep_ms(req->interval_ms);
		if (send_datagram(fd, req) == 0) {
			sent++;
			continue;
		}
		if (!refused++)
			fprintf(stderr, "traffic: send: %s\n", strerror(errno));
	}
	printf("sent %lu refused %lu\n", sent, refused);
	close(fd);
	return sent == count ? EXIT_OK : EXIT_FAILED;
}

static void print_sizes(const unsigned long *by_size, unsigned long datagrams, unsigned long bytes)
{
	size_t size;

	for (size = 0; size < DATAGRAM_MAX; size++)
		if (by_size[size])
			printf("size %zu count %lu\n", size, by_size[size]);
	printf("datagrams %lu bytes %lu\n", datagrams, bytes);
}

static int udp_sink(const struct request *req)
{
	static unsigned long by_size[DATAGRAM_MAX];
	static char block[DATAGRAM_MAX];
	unsigned long datagrams = 0, bytes = 0;
	int fd = socket_bind(req, SOCK_DGRAM);

	if (fd < 0)
		return fail("bind");
	while (!stopped && (!req->count || datagrams < req->count)) {
		ssize_t got = recv(fd, block, sizeof(block), 0);

		if (got < 0)
			continue;
		by_size[got]++;
		datagrams++;
		bytes += (unsigned long)got;
	}
	print_sizes(by_size, datagrams, bytes);
	close(fd);
	return timed_out ? EXIT_TIMEOUT : EXIT_OK;
}

/* One's complement sum of 16-bit words (RFC 1071), carried on from `sum`. */
static uint16_t checksum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)byte[i] << 8 | byte[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* SYNs of `count` connections that never go on, each from another port to another port; IPv4 only. */
static int syn_flood(const struct request *req)
{
	struct {
		uint32_t source, destination;
		uint16_t zero_protocol, length;
	} pseudo = { .zero_protocol = htons(IPPROTO_TCP), .length = htons(sizeof(struct tcphdr)) };
	struct tcphdr syn = { .doff = sizeof(syn) / 4, .syn = 1, .window = htons(64240) };
	int fd = socket_connect(req, SOCK_DGRAM), raw;
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	uint16_t port;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&name, &len) || name.sin_family != AF_INET)
		return fail("no IPv4 route there");
	pseudo.source = name.sin_addr.s_addr;
	if (getpeername(fd, (struct sockaddr *)&name, &len))
		return fail("getpeername");
	pseudo.destination = name.sin_addr.s_addr;
	close(fd);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (raw < 0)
		return fail("raw socket");
	port = ntohs(name.sin_port);
	name.sin_port = 0;
	for (unsigned long i = 0; i < req->count && !stopped; i++) {
		syn.source = htons(1024 + i % 60000);
		syn.dest = htons(port + i / 60000);
		syn.seq = htonl((uint32_t)i);
		syn.check = 0;
		syn.check = checksum(&syn, sizeof(syn), (uint16_t)~ntohs(checksum(&pseudo, sizeof(pseudo), 0)));
		/* A full queue is no failure: what is sent is counted on the way. */
		if (sendto(raw, &syn, sizeof(syn), 0, (struct sockaddr *)&name, sizeof(name)) < 0 && errno != ENOBUFS)
			return fail("sendto");
	}
	close(raw);
	return EXIT_OK;
}

static const struct verb verbs[] = {
	{ "tcp-serve", false, tcp_serve,
	  "PORT [--bytes N] [--send N] [--hang] [--once]   read N, send N, then hang or close" },
	{ "tcp-get", true, tcp_get,
	  "HOST PORT [--send N] [--bytes N] [--hang]       send N, then read N or to the end" },
	{ "udp-send", true, udp_send, "HOST PORT --size N [--count N] [--interval MS] [--gso N]" },
	{ "udp-sink", false, udp_sink,
	  "PORT [--count N]                                count by size until N or SIGINT" },
	{ "syn-flood", true, syn_flood,
	  "HOST PORT --count N                             SYNs of N connections, 60,000 a port" },
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static int usage(void)
{
	size_t i;

	fprintf(stderr, "usage:\n");
	for (i = 0; i < VERB_COUNT; i++)
		fprintf(stderr, "  traffic %-9s %s\n", verbs[i].name, verbs[i].usage);
	fprintf(stderr, "each: [--timeout S] [--mss N] [--df]\n");
	return EXIT_USAGE;
}

static int parse_number(const char *text, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno || end == text || *end || *text == '-' ? -1 : 0;
}

/* Where the option's number goes; NULL for one that takes none. */
static unsigned long *number_of(struct request *req, int option)
{
	switch (option) {
	case 'b':
		return &req->bytes;
	case 's':
		return &req->send;
	case 'z':
		return &req->size;
	case 'c':
		return &req->count;
	case 'i':
		return &req->interval_ms;
	case 't':
		return &req->timeout_s;
	case 'm':
		return &req->mss;
	case 'g':
		return &req->gso;
	default:
		return NULL;
	}
}

static int parse_options(int argc, char **argv, struct request *req)
{
	static const struct option options[] = {
		{ "bytes", required_argument, NULL, 'b' },
		{ "send", required_argument, NULL, 's' },
		{ "size", required_argument, NULL, 'z' },
		{ "count", required_argument, NULL, 'c' },
		{ "interval", required_argument, NULL, 'i' },
		{ "timeout", required_argument, NULL, 't' },
		{ "mss", required_argument, NULL, 'm' },
		{ "gso", required_argument, NULL, 'g' },
		{ "hang", no_argument, NULL, 'h' },
		{ "once", no_argument, NULL, 'o' },
		{ "df", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long *number = number_of(req, option);

		if (option == '?' || (number && parse_number(optarg, number)))
			return -1;
		req->hang |= option == 'h';
		req->once |= option == 'o';
		req->dont_fragment |= option == 'd';
	}
	return req->size > DATAGRAM_MAX ? -1 : 0;
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
	struct request req = { .host = NULL };
	int status;

	if (!verb || parse_options(argc - 1, argv + 1, &req))
		return usage();
	argv += 1 + optind;
	argc -= 1 + optind;
	if (argc != (verb->wants_host ? 2 : 1))
		return usage();
	req.host = verb->wants_host ? argv[0] : NULL;
	req.port = argv[argc - 1];

	catch_signals();
	alarm((unsigned int)req.timeout_s);
	status = verb->run(&req);
	if (fflush(stdout))
		return fail("stdout");
	return status;
}
