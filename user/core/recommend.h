/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cure: which tunnel MTU a bracket of the path MTU allows, and the commands that set it. */
#ifndef MTUSCOPE_RECOMMEND_H
#define MTUSCOPE_RECOMMEND_H

#include "finding.h"

/*
 * Sets recommended_mtu, basis, fix[] and fixes_n of a finding whose bracket, interface and tunnel_mtu are set.
 * `outer_family` is that of the endpoint. The recommendation never exceeds what is proven to arrive, except for the floor
 * of 1280 (RFC 8200: every IPv6 link carries it), and the floor only while nothing proves that it does not arrive either.
 */
void recommend(struct finding *f, uint8_t outer_family);

#endif
