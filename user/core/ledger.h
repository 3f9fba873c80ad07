/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The size ledger: for each path (a tunnel, a peer, a direction) which outer sizes were proven to
 * arrive and when, what was lost, and which flows are stalled now and at which size. ledger.c fills it from snapshots; the
 * detectors read it. Times are the snapshots' milliseconds.
 */
#ifndef MTUSCOPE_LEDGER_H
#define MTUSCOPE_LEDGER_H

#include "chance.h"
#include "finding.h"
#include "snapshot.h"

#define LEDGER_SIZES	 48    /* distinct 16-byte classes of delivered sizes kept; the oldest gives way */
#define LEDGER_TICKS	 256   /* loss history: a minute at four ticks a second */
#define LEDGER_WINDOW_MS 60000 /* evidence older than this says nothing about the path of today */
#define LEDGER_SMALL	 576 /* bytes, outer: no IPv4 path carries less (RFC 791), what dies below dies of something else */
#define LEDGER_SUBJECTS	 32 /* subjects listed in one path; the latest matter, a flood of them is one story */
#define SUBJECT_PAUSE_MS                                                                                               \
	10000		  /* two of WireGuard's handshake retries, or TCP's retransmissions of the first six seconds */
#define RTO_MIN_MS    200 /* Linux's shortest retransmission time-out (include/net/tcp.h), doubled with each try */
#define LEDGER_STALLS 64  /* stalled flows looked at in one path; more are only counted */

struct delivered_size {
	uint32_t outer;	  /* largest size seen of its 16-byte class, at least */
	uint32_t most;	  /* … and at most: how far it was padded is not always known */
	msec_t last_ms;	  /* known to have arrived, 0: free */
	msec_t passed_ms; /* it had arrived then, or later */
};

/* What the counters of a peer's sessions said in one tick (rx only). */
struct loss_tick {
	msec_t ms;
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
	uint16_t lost[LEDGER_TRIAL_CLASSES];	/* tries in vain before that */
	uint16_t again[LEDGER_TRIAL_CLASSES];	/* of these, those that followed another in vain */
	uint16_t retried[LEDGER_TRIAL_CLASSES]; /* tries after one or more in vain that were delivered */
};

struct trials {
	uint32_t delivered, lost, again, retried;
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
	uint32_t runs;	     /* tx: of tries between which the far side was not heard: a burst of loss takes one such */
	msec_t first_ms;     /* when the trouble was first seen */
	msec_t well_ms;	     /* rx: the stream still went on then: what was lost since may be of the stall */
	msec_t last_ms;	     /* the latest sign of it */
	msec_t until_ms;     /* rx: its sender has repeated it until then, as far as is known */
	enum alive alive;
	uint32_t window; /* tx: segments that are under way since the first one was lost, of which none has arrived */
	msec_t delivered_ms;   /* tx: when the flow itself last got something through */
	bool unfinished;       /* rx: what came last was not all that the remote side had to say */
	bool of_server;	       /* rx: a server says nothing, which may think */
	bool may_idle;	       /* rx: a client says nothing, which has spoken and may have no more to say */
	bool terse;	       /* rx: it has spoken, and never had more to say than one packet holds */
	bool given_up;	       /* the sender went on with smaller packets, and those got through, … */
	uint32_t smaller;      /* … of so many bytes, outer */
	msec_t flow_first_ms;  /* when the flow itself began */
	msec_t flow_heard_ms;  /* when a packet of the flow itself last came */
	uint32_t lost;	       /* rx: gaps in the counters since first_ms */
	uint32_t lost_own;     /* rx: of these, those until the flow ended */
	uint32_t lost_at_once; /* rx: of these, those of one moment: a window that was under way */
	uint32_t lost_ticks;   /* rx: ticks in which gaps opened */
	uint32_t repeated;     /* rx: of these, those at the times at which one sender repeats itself */
	uint32_t received;     /* rx: packets that did come since first_ms */
	struct tried before,
		before_there; /* rx: what became of what was sent at any moment of the minute before, here and there */
	struct trials like_before;	     /* rx: of about that size or larger, as flows tell */
	struct trials all_before;	     /* rx: of any size */
	msec_t silent_from_ms, silent_to_ms; /* rx: the longest time since then without anything from the peer */
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
	uint64_t count;	 /* events of the present episode */
	uint32_t ticks;	 /* snapshots in which there were some */
	msec_t first_ms; /* of the episode */
	msec_t last_ms;
	uint32_t size_min, size_max; /* bytes; since the start */
	uint32_t size_now;	     /* … of one that came last, at least */
	/* too-big made: of one connection of the host */
	uint32_t told_ticks;
	uint8_t told_protocol; /* IPPROTO_… */
	msec_t told_first_ms, told_last_ms;
	bool unsent; /* too-big received: when it last came, nothing was known to have been sent that it could be about */
	msec_t left_ms; /* when a message to that host last left, about whatever destination: NAT may have changed it */
};

/* A flow that goes on sending a size of which somebody beyond the peer says that it is too big. */
#define LEDGER_TOLD_MS 10000 /* it still does: as long as it has tried so lately */

struct told {
	msec_t first_ms, last_ms; /* its tries; 0: there is no such flow */
	uint32_t count;		  /* of them, those that were answered so */
	uint32_t inner;		  /* bytes, of the segment on trial */
	uint32_t mtu;		  /* bytes, that the messages name */
	struct finding_flow flow;
	struct ip_address host;	    /* who is told: the flow's source, or who that is behind this gateway's NAT */
	struct ip_address reporter; /* who says so; family 0: not known */
	bool left;		    /* the messages reach that host, as far as is known here */
	bool itself;		    /* … as one of that address does: no NAT changes it */
	bool refused;		    /* … or die in WireGuard, as their sender is not among the peer's AllowedIPs */
};

/* A far host before which is a link of which somebody there has said, for all to check, what it carries. */
#define LEDGER_TOLD 8 /* hosts; those told of longest ago give way */

struct told_host {
	uint8_t host[16];
	uint32_t mtu;
	msec_t ms; /* 0: free */
};

/* How large a sender's packets are when it has more to say than one holds. */
#define LEDGER_FULL 16 /* hosts; those not heard for longest give way */

struct full_size {
	uint8_t host[16];
	bool is_asked;		  /* the other side's announcement is what limits them, … */
	uint8_t asked_by[16];	  /* … of this host; else 0 */
	msec_t first_ms, last_ms; /* when they were seen to be so large; 0: free */
	uint32_t outer;		  /* bytes, at most */
	uint32_t allowed;	  /* … as large as the other side's announcement lets them be, */
	uint32_t announced;	  /* rx: … and as both sides' do */
};

/* A far host that takes nothing large, although it passes the path to others: the trouble is beyond the peer. */
#define LEDGER_ODD    8	     /* hosts; those seen so longest ago give way */
#define LEDGER_ODD_MS 600000 /* so long that is remembered, like a finding of which nothing is seen */

struct odd_host {
	uint8_t host[16];
	uint32_t outer;	  /* bytes: smallest size that it does not take */
	msec_t passed_ms; /* the size passed to others then, while the host's flow stalled; 0: free */
	msec_t known_ms;  /* the next try was in vain all the same; 0: not yet */
};

#define LEDGER_GIVEN_UP 8 /* rx: stalls whose senders gave the size up; the earliest gives way */

/* What a path's traffic has shown of late. */
struct history {
	struct odd_host odd[LEDGER_ODD];    /* tx */
	struct told_host told[LEDGER_TOLD]; /* tx */
	struct full_size full[LEDGER_FULL];
	struct delivered_size sizes[LEDGER_SIZES];
	struct trial_second trials[LEDGER_TRIAL_SECONDS];
	struct loss_tick ticks[LEDGER_TICKS]; /* rx */
	size_t ticks_next;
	struct stall given_up[LEDGER_GIVEN_UP]; /* rx; outer 0: free */
};

struct ledger {
	/* the path; set before use */
	uint32_t tunnel_ifindex;
	bool has_peer;
	uint8_t public_key[WG_KEY_LEN];
	enum wire_direction direction;
	uint8_t outer_family; /* of the endpoint; AF_INET if unknown */
	uint32_t tunnel_mtu;
	uint32_t route_mtu_least,
		route_mtu_most; /* of the routes into the tunnel, which have its MTU or one of their own */
	bool has_endpoint;
	bool kept_alive;	 /* keep-alives are sent to the peer whether somebody wants something or not */
	uint32_t egress_mtu;	 /* 0: unknown */
	uint32_t learned_mtu;	 /* that the kernel holds for the endpoint from a too-big message; 0: none */
	msec_t mtu_changed_ms;	 /* when tunnel_mtu became what it is; 0: as found */
	msec_t mtu_known_ms;	 /* since then it is known to be what it is: it was found so, or became so */
	uint32_t egress_ifindex; /* the link towards the endpoint, and where that is: both as last known */
	struct ip_address endpoint_ip;
	msec_t moved_ms; /* when one of them became another: what passed before took another path; 0: never */
	msec_t seen_ms;	 /* last step in which the path existed */
	/* most peers of a large gateway are idle: NULL until there is traffic, and again some time after it */
	struct history *history;
	msec_t history_ms;    /* when it was last added to */
	msec_t last_heard_ms; /* last packet from the peer */
	msec_t hole_ms;	      /* since when a finding says that packets vanish on this path; 0: none does */
	uint32_t hole_outer;  /* … of so many bytes or more; 0: of no known size */
	msec_t hole_sent_ms;  /* tx: when one as large as that was last sent to the peer; 0: it is not known */
	msec_t over_ms; /* when a finding of the path was last resolved: what was tried before says nothing any more */
	/* a suspicion that probes have confirmed: small ones arrived, those of that size did not */
	uint32_t probed_dead_outer;
	msec_t probed_ms;	   /* 0: never */
	const struct ledger *back; /* tx: of the other direction, if there is one */
	uint32_t largest_outer;	   /* tx: largest datagram sent to the peer since the tunnel's MTU is what it is */
	/* connections whose two ends announce segments larger than the tunnel carries */
	msec_t unclamped_ms;	   /* when one was last seen, 0: never */
	uint32_t unclamped_inner;  /* inner size that the smaller of the two announcements allows */
	msec_t unclamped_first_ms; /* when it began */
	struct finding_flow unclamped;
	msec_t clamped_ms;	 /* since then the SYNs of its two hosts announce less; 0: they do not */
	uint8_t larger_host[16]; /* rx: one that has announced more than this end's tunnel carries … */
	msec_t larger_ms;	 /* … on a connection begun then; 0: none */
	msec_t peer_lowered_ms;	 /* rx: since then it announces no more than that; 0: it does */
	msec_t stalled_ms;	 /* when the first of the stalls of large packets began, 0: none */
	msec_t well_ms;		 /* when all of these flows were still heard */
	msec_t remembered_ms;	 /* tx: when a connection older than that was last heard */
	msec_t used_ms;		 /* tx: when the tunnel was last given a packet for the peer */
	struct told told;	 /* tx: of all such flows the one that has tried for longest */
	/* what the kernel and the wire say about the path */
	const struct subject *subjects[LEDGER_SUBJECTS];
	size_t subjects_n;
	/* now */
	struct stall *stalls; /* NULL: there are none */
	size_t stalls_n, stalls_total;
};

/* Largest outer size below `below` (0: any) certainly delivered at or after `since_ms`; 0 if none. */
uint32_t ledger_delivered_below(const struct ledger *l, uint32_t below, msec_t since_ms);

/* When a size of `outer` bytes or more last got through, as far as is known; 0: not within the window. */
msec_t ledger_delivered_ms(const struct ledger *l, uint32_t outer);

/* Packets of the peer lost and received, and ticks with losses, in [from_ms, to_ms]. Any pointer may be NULL. */
void ledger_loss(const struct ledger *l, msec_t from_ms, msec_t to_ms, uint32_t *lost, uint32_t *received,
		 uint32_t *lost_ticks);

/*
 * The same as it is for packets sent now and then, at any moment: of a tick in which some were lost a few packets count, however many
 * there were. A queue that is full for a moment loses many.
 */
struct tried ledger_loss_at_times(const struct ledger *l, msec_t from_ms, msec_t to_ms);

/*
 * rx: of what was lost since then, n packets were echo requests of somebody who looks for the size that passes: they say nothing of the
 * path's loss. In a ledger with a history.
 */
void ledger_probes_lost(struct ledger *l, uint32_t n, msec_t since_ms);

/* What was lost there in the two ticks that lost most: a moment is part of two. */
uint32_t ledger_lost_at_once(const struct ledger *l, msec_t from_ms, msec_t to_ms);

/*
 * How often one sender that doubles its time-out may have repeated itself in vain between the two times, by the gaps in the
 * peer's counters: they are where its repetitions would be, whatever its time-out and its first try, which was lost at
 * first_ms at the latest.
 */
uint32_t ledger_repetitions(const struct ledger *l, msec_t from_ms, msec_t to_ms, msec_t *first_ms);

/* The longest time in [from_ms, to_ms] in which nothing came from the peer. */
void ledger_silence(const struct ledger *l, msec_t from_ms, msec_t to_ms, msec_t *silent_from_ms, msec_t *silent_to_ms);

/* The path's history to add to, made if it has none; NULL: no memory. */
struct history *ledger_history(struct ledger *l, msec_t now_ms);

/* Frees what the ledger points to, or only what is of no more use at that time. */
void ledger_free(struct ledger *l);
void ledger_forget(struct ledger *l, msec_t now_ms);

/*
 * The outer size of a packet of `inner` bytes, at least and at most: what arrived counts for the one, what was lost for the
 * other. By which route the packet came is not known, nor how far the peer pads.
 */
uint32_t ledger_outer_least(const struct ledger *l, uint32_t inner);
uint32_t ledger_outer_most(const struct ledger *l, uint32_t inner);

/* Notes in a ledger with a history that a packet of that outer size got through at `ms`. */
void ledger_deliver(struct ledger *l, uint32_t outer, msec_t ms);
/* The same of one that was so large inside, as is only known between passed_ms and `ms`. */
void ledger_deliver_inner(struct ledger *l, uint32_t inner, msec_t passed_ms, msec_t ms);

/* Notes trials of about that outer size that were acknowledged, and the tries in vain before that. */
void ledger_try(struct ledger *l, uint32_t outer, msec_t ms, struct trials t);

/*
 * tx: notes what is known of the host of a stalled flow, and forgets it when a size got through to it; whether the stall is the
 * host's own trouble.
 */
void ledger_odd_stalls(struct ledger *l, const struct stall *s, msec_t now_ms);
void ledger_odd_delivers(struct ledger *l, const uint8_t host[16], uint32_t outer);
bool ledger_is_odd(const struct ledger *l, const struct stall *s, msec_t now_ms);

/* rx: notes, in a ledger with a history, a stall whose sender has given the size up. */
void ledger_given_up(struct ledger *l, const struct stall *s);

/*
 * tx: notes, in a ledger with a history, that somebody says that what is larger inside than `mtu` does not reach the host;
 * whether that has been said of so large a packet to it within the window.
 */
void ledger_told_host(struct ledger *l, const uint8_t host[16], uint32_t mtu, msec_t now_ms);
bool ledger_is_told(const struct ledger *l, const uint8_t host[16], uint32_t inner, msec_t now_ms);

/* Notes, in a ledger with a history, how large a host's packets are. */
void ledger_full(struct ledger *l, const struct full_size *full);

/*
 * Since some time after stalled_ms a host's full packets are smaller than `outer`, though the other side would take as large
 * ones, and it announces that it can make them: its route, or its end of the tunnel, has a smaller MTU by now. Or since after
 * connected_ms, where what is announced limits them, for it binds no connection from before: it did announce so much in one of the
 * stalled flows; or the other side asks for no more, and it is the same two hosts as in one of these, so something clamps what it
 * announces. NULL: no host's.
 */
const struct full_size *ledger_sends_less(const struct ledger *l, uint32_t outer, msec_t stalled_ms,
					  msec_t connected_ms, const struct finding_flow *stalled, size_t n);

/* Takes back n tries in vain of about that outer size, the latest before `ms`: they had arrived. */
void ledger_found(struct ledger *l, uint32_t outer, msec_t ms, uint32_t n);

/* The trials of sizes like `outer` or larger (0: all) that ended at or after since_ms. */
struct trials ledger_trials(const struct ledger *l, uint32_t outer, msec_t since_ms);

/* The same as it is for packets sent now and then, at any moment. */
struct tried ledger_trials_at_times(const struct ledger *l, uint32_t outer, msec_t since_ms);

/* Since when what the ledger knows is of the path as it is: window_ms before now_ms, or since it moved. */
msec_t ledger_known_since_ms(const struct ledger *l, msec_t now_ms, uint32_t window_ms);

/* Since when the trials of sizes like `outer` say most of loss as it was at `ms`: a minute before, or shortly before if it had risen. */
msec_t ledger_loss_since_ms(const struct ledger *l, uint32_t outer, msec_t ms);

/* rx: the same of the gaps in the peer's counters until to_ms. */
msec_t ledger_gaps_since_ms(const struct ledger *l, msec_t to_ms);

/* The latest subject of a kind (aux -1: any) with events at or after since_ms; NULL: none. */
const struct subject *ledger_subject(const struct ledger *l, enum wire_tally_kind kind, int aux, msec_t since_ms);

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
