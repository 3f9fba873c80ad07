/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Could it be chance? The two probabilities with which a verdict is weighed against plain loss that does not depend on size.
 */
#ifndef MTUSCOPE_CHANCE_H
#define MTUSCOPE_CHANCE_H

#include <stdint.h>

/*
 * The loss rate to assume where `lost` of `sent` packets were lost, 0 … 1. A prior stands in while there is little to
 * go by: it counts like half a loss in ten packets, which is worse than almost any path that people still use.
 */
double chance_loss_rate(uint64_t lost, uint64_t sent);

/* Probability that `tries` independent packets are all lost at that rate. */
double chance_all_lost(double rate, uint64_t tries);

/* Probability of `lost` or more losses where `expected` are expected (Poisson's upper tail). */
double chance_so_many(uint64_t lost, double expected);

#endif
