// SPDX-License-Identifier: GPL-2.0-or-later
/* Probabilities under plain loss; see chance.h. */
#define _DEFAULT_SOURCE /* lgamma_r */
#include "chance.h"

#include <math.h>
#include <stddef.h>

#define PRIOR_LOST   0.5
#define PRIOR_SENT   10.0
#define USUAL_LOST   0.5 /* the usual path loses one in a hundred … */
#define USUAL_PASSED 49.5
#define ANY_RATE     0.1   /* … but of so many paths nothing is known, */
#define ANY_ONE_WAY  0.003 /* and of so many only this way, or only the way back */
#define ANY_LOST     1.0   /* there one in five is lost, more or less */
#define ANY_PASSED   4.0
#define BURST_KNOWN_MAX                                                                                                \
	10.0		    /* a busy flow's next packet tells little of one sent seconds later: no more than so many */
#define CHANGED	      1e-3  /* of looks at a path fall into a time at which its loss has just changed */
#define POLICED	      0.005 /* of paths have something that takes large packets more often than small ones, */
#define POLICE_LOST   3.0   /* these of those, until more is known */
#define POLICE_PASSED 8.0

double chance_loss_rate(uint64_t lost, uint64_t sent)
{
	double rate = ((double)lost + PRIOR_LOST) / ((double)sent + PRIOR_SENT);

	return rate > 1.0 ? 1.0 : rate;
}

double chance_all_lost(double rate, uint64_t tries)
{
	return pow(rate, (double)tries);
}

static double log_factorial(double n)
{
	int sign;

	return lgamma_r(n + 1.0, &sign);
}

/* Log of the probability of what became of these, in that order, where the rate of loss may be anything as Beta(a, b) says. */
static double log_sequence(double a, double b, struct tried t)
{
	return log_factorial(a + t.lost - 1.0) + log_factorial(b + t.passed - 1.0) -
	       log_factorial(a + b + t.lost + t.passed - 1.0) - log_factorial(a - 1.0) - log_factorial(b - 1.0) +
	       log_factorial(a + b - 1.0);
}

/* … as paths are. Mostly the way back loses as much as the way there. */
static double log_probability(struct tried t, struct tried back)
{
	struct tried both = { t.lost + back.lost, t.passed + back.passed };
	double terms[] = {
		log(1.0 - ANY_RATE - 2 * ANY_ONE_WAY) + log_sequence(USUAL_LOST, USUAL_PASSED, both),
		log(ANY_RATE) + log_sequence(ANY_LOST, ANY_PASSED, both),
		log(ANY_ONE_WAY) + log_sequence(ANY_LOST, ANY_PASSED, t) + log_sequence(USUAL_LOST, USUAL_PASSED, back),
		log(ANY_ONE_WAY) + log_sequence(USUAL_LOST, USUAL_PASSED, t) + log_sequence(ANY_LOST, ANY_PASSED, back),
	};
	double most = terms[0], sum = 0.0;

	for (size_t i = 1; i < sizeof(terms) / sizeof(terms[0]); i++)
		most = terms[i] > most ? terms[i] : most;
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		sum += exp(terms[i] - most);
	return most + log(sum);
}

static struct tried and_lost(struct tried t, double lost)
{
	t.lost += lost;
	return t;
}

static double lost_apart(double tries, struct tried known, struct tried back)
{
	return exp(log_probability(and_lost(known, tries), back) - log_probability(known, back));
}

/* Each of these was sent after one that was lost. */
static double lost_in_bursts(double tries, struct tried known)
{
	double sum = known.lost + known.passed, scale = sum > BURST_KNOWN_MAX ? BURST_KNOWN_MAX / sum : 1.0;

	known.lost *= scale;
	known.passed *= scale;
	return exp(log_sequence(1.0, 1.0, and_lost(known, tries)) - log_sequence(1.0, 1.0, known));
}

double chance_lost_too(double tries, double bursts, struct tried known, struct tried back, struct tried after_loss)
{
	double apart = lost_apart(tries, known, back);
	double in_bursts = lost_apart(bursts, known, back) * lost_in_bursts(tries - bursts, after_loss);

	return apart > in_bursts ? apart : in_bursts;
}

double chance_policed(double tries, struct tried like, struct tried others)
{
	struct tried all = { others.lost + like.lost, others.passed + like.passed }, none = { 0, 0 };
	double policed = log_sequence(POLICE_LOST, POLICE_PASSED, like);
	double policed_all = log_sequence(POLICE_LOST, POLICE_PASSED, and_lost(like, tries));
	double same = log_probability(all, none) - log_probability(others, none);

	return exp(policed_all - policed) / (1.0 + exp(same - policed) * (1.0 - POLICED) / POLICED);
}

double chance_changed(struct tried now, struct tried before)
{
	struct tried all = { before.lost + now.lost, before.passed + now.passed }, none = { 0, 0 };
	double same = log_probability(all, none) - log_probability(before, none);
	double changed = log(CHANGED) + log_probability(now, none);

	return 1.0 / (1.0 + exp(same - changed));
}

double chance_gaps_of_others(double tries, struct tried now, struct tried before, struct tried back)
{
	struct tried all = { before.lost + now.lost, before.passed + now.passed };
	double sent = now.lost + now.passed, ways;

	if (now.lost < tries)
		return HUGE_VAL;
	/* Which of all these packets were lost says nothing, only how many. */
	ways = log_factorial(sent) - log_factorial(sent - tries) - log_factorial(now.lost) +
	       log_factorial(now.lost - tries);
	return exp(ways + log_probability(all, back) - log_probability(and_lost(all, -tries), back));
}
