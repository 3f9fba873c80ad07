/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A netlink conversation: one request, all of its answers, each handed to a message handler. It knows nothing of what
 * the messages say (messages.h does). Used by user/inventory/ only.
 */
#ifndef MTUSCOPE_NETLINK_H
#define MTUSCOPE_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

#define NETLINK_TRIES	      5
#define NETLINK_REQUEST_BYTES 512 /* the largest is a route sent back with another MTU: ROUTE_MESSAGE_BYTES and that */
#define NETLINK_REPLY_BYTES   65536 /* the kernel fills at most 32 KiB in a dump (net/netlink/af_netlink.c) */

struct netlink {
	struct mnl_socket *socket;
	uint32_t seq;
	union {
		struct nlmsghdr align;
		char bytes[NETLINK_REQUEST_BYTES];
	} request;
	union {
		struct nlmsghdr align;
		char bytes[NETLINK_REPLY_BYTES];
	} reply;
};

/* What becomes of the answers; `message` returns 0 or -errno, the first error is the result of the conversation. */
struct netlink_handler {
	int (*message)(const struct nlmsghdr *nlh, void *data);
	void (*restart)(void *data); /* the answers so far are void: they come again. May be NULL */
	void *data;
};

/* The state of a walk through the answers to request number `seq`. */
struct netlink_walk {
	const struct netlink_handler *handler;
	uint32_t seq;
	bool done;
	bool interrupted; /* the kernel's tables changed during the dump */
	int err;
};

/* bus: NETLINK_ROUTE, NETLINK_GENERIC. 0 or -errno; *nl is NULL on error. netlink_close(NULL) is allowed. */
int netlink_open(struct netlink **nl, int bus);
void netlink_close(struct netlink *nl);

/* An empty request in nl->request, to be filled with mnl_nlmsg_put_extra_header() and mnl_attr_put_*(). */
struct nlmsghdr *netlink_request(struct netlink *nl, uint16_t type, uint16_t flags);

/*
 * Sends the request and handles its answers to the end. A dump that changed under way or overran is asked again, at
 * most NETLINK_TRIES times. 0; -EINTR: it changed every time, the handler has the last answers; -ETIMEDOUT; the
 * kernel's error; or the handler's.
 */
int netlink_ask(struct netlink *nl, struct nlmsghdr *request, const struct netlink_handler *handler);

/* Handles the messages in one datagram of any content; answers to other requests are passed over. */
void netlink_walk(struct netlink_walk *walk, const void *datagram, size_t len);

#endif
