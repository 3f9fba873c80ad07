// SPDX-License-Identifier: GPL-2.0-or-later
/* Probabilities under plain loss; see chance.h. */
#include "chance.h"

#include <math.h>

#define PRIOR_LOST 0.5
#define PRIOR_SENT 10.0

double chance_loss_rate(uint64_t lost, uint64_t sent)
{
	double rate = ((double)lost + PRIOR_LOST) / ((double)sent + PRIOR_SENT);

	return rate > 1.0 ? 1.0 : rate;
}

double chance_all_lost(double rate, uint64_t tries)
{
	return pow(rate, (double)tries);
}

double chance_only_these(double rate, uint64_t tries, uint64_t passed)
{
	double likeliest = tries ? (double)tries / ((double)tries + (double)passed) : 0.0;

	if (likeliest < rate)
		likeliest = rate;
	return pow(likeliest, (double)tries) * pow(1.0 - likeliest, (double)passed);
}

double chance_odds_lost_here(uint64_t lost, uint64_t replies, double expected)
{
	double odds = 1.0;

	if (lost < replies)
		return 0.0;
	for (uint64_t i = 0; i < replies; i++)
		odds *= (double)(lost - i) / expected;
	return odds;
}

double chance_so_many(uint64_t lost, double expected)
{
	double term = exp(-expected), sum = 0.0;

	if (!lost)
		return 1.0;
	if (lost > 10000 || expected > 500.0) /* far from where it matters: compare with the mean */
		return (double)lost > 2.0 * expected ? 0.0 : 1.0;
	for (uint64_t i = 0; i < lost; i++) {
		sum += term;
		term *= expected / (double)(i + 1);
	}
	return sum >= 1.0 ? 0.0 : 1.0 - sum;
}
