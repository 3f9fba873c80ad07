/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds a path MTU with few probes: says which size to send next and when, and is told what became of each. A size
 * arrives if one probe of it is answered. It is dead if several are not, and smaller ones sent after them are, so that
 * loss does not pass for size; a too-big message is as good as several, unless an answer comes all the same. Pure: who
 * sends, and what time it is, is the caller's business. Used by user/probe/.
 */
#ifndef MTUSCOPE_PROBER_H
#define MTUSCOPE_PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

#define PROBER_BUDGET 40 /* probes for one finding */
#define PROBER_RTTS   4	 /* answers whose time is remembered */

enum prober_end {
	PROBER_RUNNING,
	PROBER_BRACKETED, /* lower arrives, upper does not, and no size between them can be sent */
	PROBER_WHOLE,	  /* everything that can be sent arrives */
	PROBER_SILENT,	  /* not even small probes are answered */
	PROBER_GAVE_UP,	  /* out of probes; the bracket is as far as it came */
};

struct prober_config {
	uint8_t tunnel_family; /* AF_INET, AF_INET6: through a tunnel with such an underlay; 0: not through a tunnel */
	uint32_t padding_mtu;  /* tunnel: MTU of the route into it, which limits the padding; 0: no limit */
	uint32_t control;      /* bytes, outer: the small size, expected to arrive */
	uint32_t max;	       /* bytes, outer: the largest that can be sent */
	uint32_t upper;	       /* bytes, outer: known not to arrive; 0: none */
	uint32_t guess;	       /* bytes, outer: to be settled first; 0: what paths usually carry is tried */
	uint32_t budget;       /* probes, at most PROBER_BUDGET */
	uint32_t burst;	       /* answers that the other side gives at once, 0: any number */
	uint32_t gap_ms;       /* … and afterwards one in so long (limits of ICMP rates) */
};

struct prober_size {
	uint32_t outer;
	uint32_t lost;	 /* probes of it that were lost while smaller ones were answered */
	uint32_t doubts; /* … that were lost, and nothing smaller has been answered since */
	bool arrives;
	bool said; /* somebody said that it is too big */
};

struct prober_probe {
	uint32_t outer, sent_ms;
	bool over; /* answered or given up */
	bool answered;
};

struct prober {
	struct prober_config config;
	enum prober_end end;
	struct prober_size sizes[PROBER_BUDGET]; /* those tried */
	uint32_t sizes_n;
	struct prober_probe probes[PROBER_BUDGET]; /* by sequence number */
	uint32_t sent;
	uint32_t answered, lost, too_big, ignored; /* lost: of sizes that arrive; ignored: answers that make no sense */
	uint32_t trial;				   /* outer; 0: none chosen */
	uint32_t silent;			   /* probes in a row that were not answered, controls not counted */
	uint32_t controls_lost;			   /* in a row */
	bool heard;				   /* anything, since the last restart */
	uint32_t restarts;
	uint32_t rtts_ms[PROBER_RTTS]; /* of the latest answers */
	uint32_t rationed; /* how often the gap was doubled: answers seem to be fewer than `burst` and `gap_ms` say */
	uint32_t hint;	   /* outer; 0: none */
	uint32_t said_mtu;
	struct ip_address said_by; /* family 0: nobody said anything */
	bool waiting;		   /* for the probe sent last */
};

struct prober_order {
	uint32_t seq;	/* to tell answers by */
	uint32_t size;	/* bytes of the IP packet to send: through a tunnel the inner one */
	uint32_t outer; /* bytes that it takes on the path */
};

/* Begins anew. All times below are the caller's clock, in milliseconds; it may wrap around. */
void prober_start(struct prober *p, const struct prober_config *config);

/* True: send *order now. False: nothing to send before *wait_ms have passed or an answer came, or it has ended. */
bool prober_next(struct prober *p, uint32_t now_ms, struct prober_order *order, uint32_t *wait_ms);

/* What became of a probe: it was answered, or `by` says that it is too big for an MTU (as in the message, so inner). */
void prober_answered(struct prober *p, uint32_t seq, uint32_t now_ms);
void prober_too_big(struct prober *p, uint32_t seq, uint32_t mtu, const struct ip_address *by);

/* The probe ordered last was not sent: the interface does not take that size. */
void prober_refused(struct prober *p);

/* The largest size proven to arrive, the smallest proven not to (0: none), bytes, outer. */
uint32_t prober_lower(const struct prober *p);
uint32_t prober_upper(const struct prober *p);

/* … and the smallest that has been lost at all, so that it is probably not going to arrive. */
uint32_t prober_upper_likely(const struct prober *p);

/* Whether what makes `upper` dead is a router that says so, beyond the tunnel if through one: not a black hole. */
bool prober_upper_said(const struct prober *p);

#endif
