/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel edge: the network. Sends don't-fragment probes of an exact size, whatever path MTU the kernel has learned, and
 * receives what becomes of them. Never waits. Needs CAP_NET_RAW.
 *
 * PROBE_UDP sends to closed ports: the answer is a small error message, so it tests the way there alone. PROBE_ECHO is
 * answered by a packet of the same size, so it tests both ways at once.
 */
#ifndef MTUSCOPE_PROBE_SOCKET_H
#define MTUSCOPE_PROBE_SOCKET_H

#include "snapshot.h"

#define PROBE_SIZE_MAX 65535 /* bytes of an IP packet */

enum probe_method { PROBE_UDP, PROBE_ECHO };

struct probe_target {
	struct ip_address to;
	struct ip_address from;		/* family 0: as the kernel chooses */
	char interface[IFACE_NAME_LEN]; /* "": as the kernel routes */
	uint32_t mark; /* of the packets, 0: none: WireGuard's own, where it keeps them out of the tunnel */
	uint16_t echo_id;
};

enum probe_news { PROBE_NOTHING, PROBE_ANSWERED, PROBE_ANSWER_FRAGMENTED, PROBE_TOO_BIG, PROBE_FOREIGN };

struct probe_answer {
	enum probe_news news;
	uint32_t seq;
	uint32_t mtu;	      /* too big: as the message says */
	struct ip_address by; /* too big: who says so */
};

struct probe_socket;

/* 0 or -errno; *ps is NULL then. */
int probe_socket_open(struct probe_socket **ps, enum probe_method method, const struct probe_target *target);
void probe_socket_close(struct probe_socket *ps);
int probe_socket_fd(const struct probe_socket *ps);

/* An IP packet of `size` bytes. 0 or -errno; -EMSGSIZE: larger than the interface takes. */
int probe_socket_send(struct probe_socket *ps, uint32_t seq, uint32_t size);

/* The next thing that has come; news PROBE_NOTHING: nothing more for now, PROBE_FOREIGN: nothing of ours. */
struct probe_answer probe_socket_receive(struct probe_socket *ps);

/* The smallest packet that can be sent by any method. */
uint32_t probe_size_min(uint8_t family);

/* MTU that the kernel holds for the way to the target, learned ones included; 0: no way there. */
uint32_t probe_route_mtu(const struct probe_target *target);

#endif
