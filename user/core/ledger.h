/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The size ledger: for each path (a tunnel, a peer, a direction) which outer sizes were proven to
 * arrive and when, what was lost, and which flows are stalled now and at which size. ledger.c fills it from snapshots; the
 * detectors read it. Times are the snapshots' milliseconds.
 */
#ifndef MTUSCOPE_LEDGER_H
#define MTUSCOPE_LEDGER_H

#include "finding.h"
#include "snapshot.h"

#define LEDGER_SIZES	 48    /* distinct 16-byte classes of delivered sizes kept; the oldest gives way */
#define LEDGER_TICKS	 256   /* loss history: a minute at four ticks a second */
#define LEDGER_WINDOW_MS 60000 /* evidence older than this says nothing about the path of today */
#define LEDGER_SUBJECTS	 32    /* subjects listed in one path; the latest matter, a flood of them is one story */
#define SUBJECT_PAUSE_MS                                                                                               \
	10000		 /* two of WireGuard's handshake retries, or TCP's retransmissions of the first six seconds */
#define LEDGER_STALLS 64 /* stalled flows looked at in one path; more are only counted */

struct delivered_size {
	uint32_t outer;	    /* largest size seen of its 16-byte class */
	uint32_t last_ms;   /* known to have arrived, 0: free */
	uint32_t passed_ms; /* it had arrived then, or later */
	uint32_t count;
};

/* What the counters of a peer's sessions said in one tick (rx only). */
struct loss_tick {
	uint32_t ms;
	int32_t lost; /* negative when late packets closed gaps of earlier ticks */
	uint32_t received;
};

/*
 * What became of trials in one second, by size: small packets may fare better than large ones (byte-counting queues and
 * policers), so the base loss of a size is that of its like. Classes are half a power of two wide: fine enough to tell 800
 * from 1500, and filled by little traffic.
 */
#define LEDGER_TRIAL_SECONDS 64 /* a little more than the window */
#define LEDGER_TRIAL_CLASSES 9

struct trial_second {
	uint32_t second; /* number of it, 0: free */
	uint16_t delivered[LEDGER_TRIAL_CLASSES];
	uint16_t retried[LEDGER_TRIAL_CLASSES]; /* of these, those that took more than one try */
};

/* How sure it is that the far host itself still answered after the stall began. */
enum alive {
	ALIVE_NOT,	  /* nothing was heard */
	ALIVE_PEER,	  /* the peer's WireGuard has sent since the last try; the host may have died long ago */
	ALIVE_UNTIL_THEN, /* the host was heard within a second before the first try, or since then, but not lately */
	ALIVE_HOST,	  /* the host was heard after the last try */
};

/* A flow whose packets of one size do not get through. */
struct stall {
	enum evidence_kind kind;
	uint32_t outer; /* bytes: size that does not get through, or bounds it from above */
	uint32_t tries; /* how many packets of it are known to be lost */
	uint32_t
		tries_heard; /* tx: of these, those that one outage cannot explain: the far side was heard in between */
	uint32_t first_ms;   /* when the trouble began */
	uint32_t last_ms;    /* the latest sign of it */
	enum alive alive;
	uint32_t delivered_ms;		       /* tx: when the flow itself last got something through */
	bool given_up;			       /* the sender went on with smaller packets, and those got through */
	uint32_t flow_first_ms;		       /* when the flow itself began */
	uint32_t flow_heard_ms;		       /* when a packet of the flow itself last came */
	uint32_t lost;			       /* rx: gaps in the counters since first_ms */
	uint32_t lost_ticks;		       /* rx: ticks in which gaps opened */
	uint32_t received;		       /* rx: packets that did come since first_ms */
	double chance;			       /* rx: probability that plain loss makes so many gaps */
	bool known;			       /* rx: enough came before to know it */
	double rate;			       /* rx: base loss to assume of packets of that size, from before */
	uint32_t silent_from_ms, silent_to_ms; /* rx: the longest time since then without anything from the peer */
	struct finding_flow flow;
	uint8_t host[16]; /* the far host, for counting hosts */
	uint64_t tag;	  /* of the flow */
};

/*
 * A tally followed over time. An episode is a run of events with no pause longer than SUBJECT_PAUSE_MS: what came before
 * it is another story.
 */
struct subject {
	struct wire_tally_key key;
	uint64_t count;	   /* events of the present episode */
	uint32_t ticks;	   /* snapshots in which there were some */
	uint32_t first_ms; /* of the episode */
	uint32_t last_ms;
	uint32_t size_min, size_max; /* bytes; since the start */
};

struct ledger {
	/* the path; set before use */
	uint32_t tunnel_ifindex;
	bool has_peer;
	uint8_t public_key[WG_KEY_LEN];
	enum wire_direction direction;
	uint8_t outer_family; /* of the endpoint; AF_INET if unknown */
	uint32_t tunnel_mtu;
	bool has_endpoint;
	uint32_t egress_mtu;	 /* 0: unknown */
	uint32_t learned_mtu;	 /* that the kernel holds for the endpoint from a too-big message; 0: none */
	uint32_t mtu_changed_ms; /* when tunnel_mtu became what it is; 0: as found */
	uint32_t seen_ms;	 /* last step in which the path existed */
	/* what got through */
	struct delivered_size sizes[LEDGER_SIZES];
	uint32_t last_heard_ms; /* last packet from the peer */
	/* base loss of late, from segments that got through in the end */
	struct trial_second trials[LEDGER_TRIAL_SECONDS];
	uint64_t trials_ever;
	/* tx: a suspicion that probes have confirmed: small ones were answered, those of that size were not */
	uint32_t probed_dead_outer;
	uint32_t probed_ms; /* 0: never */
	/* rx */
	struct loss_tick ticks[LEDGER_TICKS];
	size_t ticks_next;
	uint32_t largest_outer; /* rx: largest datagram from the peer */
	/* connections whose two ends announce segments larger than the tunnel carries */
	uint32_t unclamped_ms;	  /* when one was last seen, 0: never */
	uint32_t unclamped_inner; /* inner size that the smaller of the two announcements allows */
	struct finding_flow unclamped;
	uint32_t used_ms; /* tx: when the tunnel was last given a packet for the peer */
	/* what the kernel and the wire say about the path */
	const struct subject *subjects[LEDGER_SUBJECTS];
	size_t subjects_n;
	/* now */
	struct stall stalls[LEDGER_STALLS];
	size_t stalls_n, stalls_total;
};

/* Largest outer size below `below` (0: any) certainly delivered at or after `since_ms`; 0 if none. */
uint32_t ledger_delivered_below(const struct ledger *l, uint32_t below, uint32_t since_ms);

/* When a size of at least `outer` bytes last got through; 0: not within the window. */
uint32_t ledger_delivered_ms(const struct ledger *l, uint32_t outer);

/* Packets of the peer lost and received, and ticks with losses, in [from_ms, to_ms]. Any pointer may be NULL. */
void ledger_loss(const struct ledger *l, uint32_t from_ms, uint32_t to_ms, uint32_t *lost, uint32_t *received,
		 uint32_t *lost_ticks);

/* The longest time in [from_ms, to_ms] in which nothing came from the peer. */
void ledger_silence(const struct ledger *l, uint32_t from_ms, uint32_t to_ms, uint32_t *silent_from_ms,
		    uint32_t *silent_to_ms);

/* Notes that a packet of that outer size got through at `ms`, or as is only known, between passed_ms and `ms`. */
void ledger_deliver(struct ledger *l, uint32_t outer, uint32_t ms, uint32_t count);
void ledger_deliver_between(struct ledger *l, uint32_t outer, uint32_t passed_ms, uint32_t ms);

/* Notes trials of about that outer size that were acknowledged, and how many of them took more than one try. */
void ledger_try(struct ledger *l, uint32_t outer, uint32_t ms, uint32_t delivered, uint32_t retried);

/* The trials of sizes like `outer` or larger (0: all) that ended at or after since_ms. */
void ledger_trials(const struct ledger *l, uint32_t outer, uint32_t since_ms, uint32_t *delivered, uint32_t *retried);

/* The latest subject of a kind (aux -1: any) with events at or after since_ms; NULL: none. */
const struct subject *ledger_subject(const struct ledger *l, enum wire_tally_kind kind, int aux, uint32_t since_ms);

struct ledgers; /* all paths */

struct ledgers *ledgers_new(void); /* NULL: no memory */
void ledgers_free(struct ledgers *ls);

/*
 * Enters what happened since the snapshot before. Afterwards ledgers_at() gives each path, i counting from 0, NULL
 * past the end. Paths not seen for the window are forgotten. 0 or -ENOMEM.
 */
int ledgers_step(struct ledgers *ls, const struct snapshot *snap);
struct ledger *ledgers_at(struct ledgers *ls, size_t i);

#endif
