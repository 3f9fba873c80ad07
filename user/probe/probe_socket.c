// SPDX-License-Identifier: GPL-2.0-or-later
/* Probes on the wire; see probe_socket.h. */
#include "probe_socket.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/icmp.h>

#include "message.h"

#define UDP_HEADER  8
#define PORT_FIRST  33434 /* traceroute's: nobody is expected to listen there */
#define PORT_SPREAD 16000
#define SEQ_MAX	    256
#define CONTROL_MAX 512
#ifndef IP_RECVFRAGSIZE
#define IP_RECVFRAGSIZE 25
#endif
#ifndef IPV6_RECVFRAGSIZE
#define IPV6_RECVFRAGSIZE 77
#endif

struct probe_socket {
	enum probe_method method;
	struct ip_address to;
	struct echo_identity echo;
	uint16_t port; /* UDP: of sequence number 0 */
	int fd;
	uint8_t buf[PROBE_SIZE_MAX];
};

static socklen_t sockaddr_make(struct sockaddr_storage *ss, const struct ip_address *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = ip->family;
	if (ip->family == AF_INET6) {
		memcpy(&v6->sin6_addr, ip->bytes, 16);
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	memcpy(&v4->sin_addr, ip->bytes, 4);
	v4->sin_port = htons(port);
	return sizeof(*v4);
}

static uint16_t sockaddr_read(const struct sockaddr_storage *ss, struct ip_address *ip)
{
	memset(ip, 0, sizeof(*ip));
	ip->family = ss->ss_family;
	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;

		memcpy(ip->bytes, &v6->sin6_addr, 16);
		return ntohs(v6->sin6_port);
	}
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;

		memcpy(ip->bytes, &v4->sin_addr, 4);
		return ntohs(v4->sin_port);
	}
	return 0;
}

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, a->family == AF_INET6 ? 16 : 4);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* Only replies to echo requests, of the many messages that a raw socket is given. */
static int filter_replies(int fd, uint8_t family)
{
	struct icmp_filter v4 = { .data = ~(1U << ICMP_ECHOREPLY) };
	struct icmp6_filter v6;

	if (family == AF_INET)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &v4, sizeof(v4)) ? -errno : 0;
	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6)) ? -errno : 0;
}

/* Don't fragment, whatever is known of the path; errors are told, and whether an answer came in pieces. */
static int set_options(int fd, uint8_t family)
{
	int err;

	if (family == AF_INET6) {
		err = set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
		err = err ? err : set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
		err = err ? err : set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		return err ? err : set(fd, IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1);
	}
	err = set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	err = err ? err : set(fd, IPPROTO_IP, IP_RECVERR, 1);
	return err ? err : set(fd, IPPROTO_IP, IP_RECVFRAGSIZE, 1);
}

static int set_target(int fd, const struct probe_target *t)
{
	struct sockaddr_storage from;
	socklen_t len;

	if (*t->interface &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, t->interface, (socklen_t)strnlen(t->interface, IFACE_NAME_LEN)))
		return -errno;
	if (t->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &t->mark, sizeof(t->mark)))
		return -errno;
	if (!t->from.family)
		return 0;
	len = sockaddr_make(&from, &t->from, 0);
	return bind(fd, (struct sockaddr *)&from, len) ? -errno : 0;
}

static int socket_new(enum probe_method method, uint8_t family)
{
	int type = (method == PROBE_UDP ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int protocol = method == PROBE_UDP ? IPPROTO_UDP : family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	return socket(family, type, protocol);
}

int probe_socket_open(struct probe_socket **ps, enum probe_method method, const struct probe_target *target)
{
	struct probe_socket *s = calloc(1, sizeof(*s));
	uint16_t random = 0;
	int err = 0;

	*ps = NULL;
	if (!s)
		return -ENOMEM;
	s->method = method;
	s->to = target->to;
	s->echo = (struct echo_identity){ .family = target->to.family, .id = target->echo_id };
	if (getrandom(s->echo.nonce, sizeof(s->echo.nonce), 0) != sizeof(s->echo.nonce) ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		err = -EIO;
	s->port = (uint16_t)(PORT_FIRST + random % PORT_SPREAD);
	s->fd = socket_new(method, target->to.family);
	if (s->fd < 0)
		err = -errno;
	err = err ? err : set_options(s->fd, target->to.family);
	err = err ? err : set_target(s->fd, target);
	if (!err && method == PROBE_ECHO)
		err = filter_replies(s->fd, target->to.family);
	if (err) {
		probe_socket_close(s);
		return err;
	}
	*ps = s;
	return 0;
}

void probe_socket_close(struct probe_socket *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int probe_socket_fd(const struct probe_socket *s)
{
	return s->fd;
}

static uint32_t ip_header(uint8_t family)
{
	return family == AF_INET6 ? 40 : 20;
}

uint32_t probe_size_min(uint8_t family)
{
	return ip_header(family) + ECHO_HEADER + ECHO_NONCE_LEN;
}

int probe_socket_send(struct probe_socket *s, uint32_t seq, uint32_t size)
{
	bool udp = s->method == PROBE_UDP;
	struct sockaddr_storage to;
	socklen_t to_len = sockaddr_make(&to, &s->to, udp ? (uint16_t)(s->port + seq) : 0);
	size_t len;

	if (size < probe_size_min(s->to.family) || size > PROBE_SIZE_MAX || seq >= SEQ_MAX)
		return -EINVAL;
	len = size - ip_header(s->to.family) - (udp ? UDP_HEADER : 0);
	if (udp)
		memset(s->buf, 0, len);
	else
		echo_build(&s->echo, (uint16_t)seq, s->buf, len);
	/* The error of an earlier probe may be told here first, and nothing is sent. */
	for (int i = 0; i < 3; i++)
		if (sendto(s->fd, s->buf, len, 0, (struct sockaddr *)&to, to_len) >= 0)
			return 0;
	return -errno;
}

/* The sequence number of a UDP probe by its port, -1 if there can be none. */
static int port_seq(const struct probe_socket *s, const struct ip_address *to, uint16_t port)
{
	uint16_t seq = (uint16_t)(port - s->port);

	return same_address(to, &s->to) && seq < SEQ_MAX ? seq : -1;
}

static bool is_error_cmsg(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
	       (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
}

static void error_read(const struct probe_socket *s, const struct sock_extended_err *e, struct probe_answer *a)
{
	const struct sockaddr_storage *offender = (const struct sockaddr_storage *)SO_EE_OFFENDER(e);
	bool v6 = e->ee_origin == SO_EE_ORIGIN_ICMP6;
	struct sockaddr_storage copy = { 0 };

	if (e->ee_origin != SO_EE_ORIGIN_ICMP && !v6)
		return;
	memcpy(&copy, offender, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	sockaddr_read(&copy, &a->by);
	if (e->ee_errno == EMSGSIZE) {
		a->news = PROBE_TOO_BIG;
		a->mtu = e->ee_info;
	} else if (s->method == PROBE_UDP && same_address(&a->by, &s->to) &&
		   e->ee_type == (v6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH)) {
		/* The host itself refuses it: it has arrived. */
		a->news = PROBE_ANSWERED;
	}
}

/* A packet or an error message, with whom it is from and what the kernel says of it; its bytes are in s->buf. */
struct incoming {
	struct msghdr msg;
	struct iovec iov;
	struct sockaddr_storage name;
	union {
		struct cmsghdr align;
		uint8_t bytes[CONTROL_MAX];
	} control;
};

static ssize_t receive(struct probe_socket *s, int flags, struct incoming *in)
{
	in->name = (struct sockaddr_storage){ 0 };
	in->iov = (struct iovec){ s->buf, sizeof(s->buf) };
	in->msg = (struct msghdr){ .msg_name = &in->name,
				   .msg_namelen = sizeof(in->name),
				   .msg_iov = &in->iov,
				   .msg_iovlen = 1,
				   .msg_control = in->control.bytes,
				   .msg_controllen = sizeof(in->control.bytes) };
	return recvmsg(s->fd, &in->msg, flags);
}

/* What the kernel has matched to this socket: error messages with the probe that they quote. */
static bool receive_error(struct probe_socket *s, struct probe_answer *a)
{
	struct incoming in;
	ssize_t n = receive(s, MSG_ERRQUEUE, &in);
	struct ip_address to;
	uint16_t port;
	int seq;

	if (n < 0)
		return false;
	*a = (struct probe_answer){ .news = PROBE_FOREIGN };
	port = sockaddr_read(&in.name, &to);
	seq = s->method == PROBE_UDP	  ? port_seq(s, &to, port)
	      : same_address(&to, &s->to) ? echo_quoted_seq(&s->echo, s->buf, (size_t)n)
					  : -1;
	if (seq < 0)
		return true;
	a->seq = (uint32_t)seq;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&in.msg); c; c = CMSG_NXTHDR(&in.msg, c))
		if (is_error_cmsg(c) &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in)))
			error_read(s, (const struct sock_extended_err *)CMSG_DATA(c), a);
	return true;
}

static bool came_in_pieces(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		int size;

		if (!((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVFRAGSIZE) ||
		      (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVFRAGSIZE)))
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		if (size)
			return true;
	}
	return false;
}

struct probe_answer probe_socket_receive(struct probe_socket *s)
{
	struct probe_answer a = { .news = PROBE_NOTHING };
	struct incoming in;
	struct ip_address from;
	uint16_t port;
	size_t header;
	ssize_t n;
	int seq;

	if (receive_error(s, &a))
		return a;
	n = receive(s, 0, &in);
	if (n < 0) {
		/* The error of a probe, told twice: its message is in the queue. */
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			a.news = PROBE_FOREIGN;
		return a;
	}
	a.news = PROBE_FOREIGN;
	port = sockaddr_read(&in.name, &from);
	if (!same_address(&from, &s->to))
		return a;
	header = s->method == PROBE_ECHO && s->to.family == AF_INET ? ipv4_header_len(s->buf, (size_t)n) : 0;
	seq = s->method == PROBE_UDP ? port_seq(s, &from, port)
				     : echo_reply_seq(&s->echo, s->buf + header, (size_t)n - header);
	if (seq < 0)
		return a;
	a.seq = (uint32_t)seq;
	a.news = came_in_pieces(&in.msg) ? PROBE_ANSWER_FRAGMENTED : PROBE_ANSWERED;
	return a;
}

uint32_t probe_route_mtu(const struct probe_target *t)
{
	int fd = socket_new(PROBE_UDP, t->to.family), mtu = 0;
	struct sockaddr_storage to;
	socklen_t len = sockaddr_make(&to, &t->to, PORT_FIRST), mtu_len = sizeof(mtu);
	bool v6 = t->to.family == AF_INET6;

	if (fd < 0)
		return 0;
	if (set_target(fd, t) || connect(fd, (struct sockaddr *)&to, len) ||
	    getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &mtu_len))
		mtu = 0;
	close(fd);
	return mtu > 0 ? (uint32_t)mtu : 0;
}
