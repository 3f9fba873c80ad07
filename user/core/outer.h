/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arithmetic between inner and outer sizes. A WireGuard datagram is IP header + UDP 8 + data header 16 + inner
 * packet, padded to a multiple of 16 but never beyond the MTU of the route into the tunnel, which is the tunnel's unless the
 * route has one of its own, + tag 16 (drivers/net/wireguard/send.c, calculate_skb_padding()).
 */
#ifndef MTUSCOPE_OUTER_H
#define MTUSCOPE_OUTER_H

#include <stdint.h>

#define OUTER_OVERHEAD_IPV4 60
#define OUTER_OVERHEAD_IPV6 80

#define INTERNET_MTU 1500 /* bytes: what may be expected of a path beyond a router whose MTU nobody has told */

#define OUTER_PADDING 16 /* bytes: the inner packet is padded to a multiple of it */

/* Bytes that the tunnel adds for an underlay of that family; AF_INET6 or anything else for IPv4. */
uint32_t outer_overhead(uint8_t family);

/* The outer size of an inner packet of `inner` bytes. All sizes in bytes; route_mtu 0: no limit on the padding. */
uint32_t outer_size(uint32_t inner, uint32_t route_mtu, uint8_t family);

#endif
