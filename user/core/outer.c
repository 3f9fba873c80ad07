// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic between inner and outer sizes; see outer.h. */
#include "outer.h"

#include <sys/socket.h>

uint32_t outer_overhead(uint8_t family)
{
	return family == AF_INET6 ? OUTER_OVERHEAD_IPV6 : OUTER_OVERHEAD_IPV4;
}

uint32_t outer_size(uint32_t inner, uint32_t route_mtu, uint8_t family)
{
	uint32_t whole = 0, last = inner, padded;

	if (route_mtu && inner > route_mtu) {
		last = inner % route_mtu;
		whole = inner - last;
	}
	padded = (last + OUTER_PADDING - 1) / OUTER_PADDING * OUTER_PADDING;
	if (route_mtu && padded > route_mtu)
		padded = route_mtu;
	return whole + padded + outer_overhead(family);
}
