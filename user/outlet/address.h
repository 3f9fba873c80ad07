/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where to send to or listen at, as people write it. No names: looking one up may block. */
#ifndef MTUSCOPE_ADDRESS_H
#define MTUSCOPE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/*
 * "192.0.2.1:514", "[2001:db8::1]:514", "unix:/path"; without host (":514" or "514") it is 127.0.0.1, without port
 * default_port, 0: there must be one. False if it is none of these.
 */
bool address_parse(struct address *a, const char *text, unsigned int default_port);

#endif
