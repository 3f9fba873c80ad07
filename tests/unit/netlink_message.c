// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A netlink message as the kernel would make it, for the tests of user/inventory/.
 */
#include "netlink_message.h"

#include <string.h>

union netlink_message message;

struct nlmsghdr *message_begin(uint16_t type, size_t header_bytes)
{
	struct nlmsghdr *nlh;

	memset(&message, 0, sizeof(message));
	nlh = mnl_nlmsg_put_header(&message);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_MULTI;
	mnl_nlmsg_put_extra_header(nlh, header_bytes);
	return nlh;
}
