// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic between inner and outer sizes; see outer.h. */
#include "outer.h"

#include <sys/socket.h>

#define PADDING 16

uint32_t outer_overhead(uint8_t family)
{
	return family == AF_INET6 ? OUTER_OVERHEAD_IPV6 : OUTER_OVERHEAD_IPV4;
}

uint32_t outer_size(uint32_t inner, uint32_t tunnel_mtu, uint8_t family)
{
	uint32_t whole = 0, last = inner, padded;

	if (tunnel_mtu && inner > tunnel_mtu) {
		last = inner % tunnel_mtu;
		whole = inner - last;
	}
	padded = (last + PADDING - 1) / PADDING * PADDING;
	if (tunnel_mtu && padded > tunnel_mtu)
		padded = tunnel_mtu;
	return whole + padded + outer_overhead(family);
}
