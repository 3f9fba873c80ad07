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

/*
 * Probability of one loss pattern in hindsight: `tries` packets are all lost and `passed` others are not, at the rate, not
 * below `rate`, that makes it likeliest.
 */
double chance_only_these(double rate, uint64_t tries, uint64_t passed);

/*
 * `lost` gaps were seen where `expected` are expected. How much likelier is it that `replies` of them are on top of
 * that, than that all of them are plain loss (a ratio of Poisson probabilities).
 */
double chance_odds_lost_here(uint64_t lost, uint64_t replies, double expected);

/* Probability of `lost` or more losses where `expected` are expected (Poisson's upper tail). */
double chance_so_many(uint64_t lost, double expected);

#endif
