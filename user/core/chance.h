/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Could it be chance? With these a verdict is weighed against plain loss, which does not depend on size. */
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

/* What became of packets. */
struct tried {
	double lost, passed;
};

/*
 * Probability that `tries` packets are all lost, on a path of which is known what became of others, and of packets of the
 * way back; whatever its rate of loss is. While little is known of it, it is most likely low, and may be any. Losses may come
 * in bursts, of which the tries were hit by so many; of packets that followed a lost one is known what became of them.
 */
double chance_lost_too(double tries, double bursts, struct tried known, struct tried back, struct tried after_loss);

/*
 * Probability that something that takes large packets more often than small ones (byte-counting queues, policers) is there
 * and takes all of `tries`, where it is known what became of large ones before, and of others.
 */
double chance_policed(double tries, struct tried like, struct tried others);

/*
 * Of `now`, on a path of which is known what became of others `before`, and of packets of the way back: how much likelier is it that
 * all that were lost are plain loss, than that `tries` of them are something else's?
 */
double chance_gaps_of_others(double tries, struct tried now, struct tried before, struct tried back);

/*
 * Probability that a path has changed, of which that was known `before`, and this since: rare, unless what is seen now is not to be
 * expected of it.
 */
double chance_changed(struct tried now, struct tried before);

#endif
