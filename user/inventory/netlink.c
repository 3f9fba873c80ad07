// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The netlink conversation of netlink.h. In: a request built by the caller. Out: its answers, message by message, to
 * the caller's handler. Called by the other files of user/inventory/; never blocks for longer than RECEIVE_TIMEOUT_S.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "netlink.h"

#define RECEIVE_TIMEOUT_S 2

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static int set_options(int fd)
{
	const struct timeval timeout = { .tv_sec = RECEIVE_TIMEOUT_S };
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return -errno;
	/* Lets the kernel filter a route dump by table. Before 4.20 it cannot, and the parsers filter anyway. */
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return 0;
}

int netlink_open(struct netlink **out, int bus)
{
	struct netlink *nl;
	int err;

	*out = NULL;
	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;
	nl->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto out;
	}
	err = set_options(mnl_socket_get_fd(nl->socket));
	if (err)
		goto out;
	*out = nl;
	return 0;
out:
	netlink_close(nl);
	return err;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
}

struct nlmsghdr *netlink_request(struct netlink *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh;

	memset(&nl->request, 0, sizeof(nl->request));
	nlh = mnl_nlmsg_put_header(nl->request.bytes);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

/* The error that NLMSG_ERROR or the end of a dump carries, 0 if none. */
static int control_error(const struct nlmsghdr *nlh)
{
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		err = -EBADMSG;
	return err > 0 || err < -4095 ? -EBADMSG : err;
}

static void walk_message(struct netlink_walk *walk, const struct nlmsghdr *nlh)
{
	int err = 0;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		walk->interrupted = true;

	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		err = control_error(nlh);
		walk->done = true;
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
		/* After an error the rest is still read: an unread dump would answer the next request with EBUSY. */
		if (!walk->err)
			err = walk->handler->message(nlh, walk->handler->data);
		walk->done = !(nlh->nlmsg_flags & NLM_F_MULTI);
	}
	if (!walk->err)
		walk->err = err;
}

/*
 * Not mnl_nlmsg_ok(), which takes lengths from 2 GiB on for negative, and so for small. With its padding, because that
 * is where libmnl's attribute loops end.
 */
static bool message_fits(const struct nlmsghdr *nlh, size_t rest)
{
	return rest >= sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) && nlh->nlmsg_len <= rest &&
	       MNL_ALIGN(nlh->nlmsg_len) <= rest;
}

void netlink_walk(struct netlink_walk *walk, const void *datagram, size_t len)
{
	const char *at = datagram, *end = at + len;
	const struct nlmsghdr *nlh;

	for (; !walk->done && message_fits((const void *)at, end - at); at += MNL_ALIGN(nlh->nlmsg_len)) {
		nlh = (const void *)at;
		if (nlh->nlmsg_seq == walk->seq)
			walk_message(walk, nlh);
	}
}

/* Bytes of the next datagram that the kernel sent, or -errno. Other processes' datagrams are dropped. */
static ssize_t receive(struct netlink *nl)
{
	struct sockaddr_nl from;
	socklen_t from_len;
	ssize_t n;

	do {
		from_len = sizeof(from);
		n = recvfrom(mnl_socket_get_fd(nl->socket), nl->reply.bytes, sizeof(nl->reply.bytes), MSG_TRUNC,
			     (struct sockaddr *)&from, &from_len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && (from_len != sizeof(from) || from.nl_pid != 0)));

	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (size_t)n > sizeof(nl->reply.bytes) ? -EMSGSIZE : n;
}

static int converse(struct netlink *nl, struct nlmsghdr *request, const struct netlink_handler *handler)
{
	struct netlink_walk walk = { .handler = handler };
	ssize_t n;

	walk.seq = request->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (!walk.done) {
		n = receive(nl);
		if (n < 0)
			return n;
		netlink_walk(&walk, nl->reply.bytes, n);
		/* WireGuard's answers bring private keys along: they do not stay in memory. */
		explicit_bzero(nl->reply.bytes, n);
	}
	if (walk.err)
		return walk.err;
	return walk.interrupted ? -EINTR : 0;
}

int netlink_ask(struct netlink *nl, struct nlmsghdr *request, const struct netlink_handler *handler)
{
	int err = -EINTR;
	int i;

	for (i = 0; i < NETLINK_TRIES && (err == -EINTR || err == -ENOBUFS || err == -EBUSY); i++) {
		if (i > 0 && handler->restart)
			handler->restart(handler->data);
		err = converse(nl, request, handler);
	}
	return err;
}
