/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A netlink message as the kernel would make it, put together in one place by the tests of user/inventory/.
 */
#ifndef MTUSCOPE_TEST_NETLINK_MESSAGE_H
#define MTUSCOPE_TEST_NETLINK_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

extern union netlink_message {
	struct nlmsghdr nlh;
	char bytes[16384];
} message;

/* Begins `message` anew, with an empty header of its family. */
struct nlmsghdr *message_begin(uint16_t type, size_t header_bytes);

#endif
