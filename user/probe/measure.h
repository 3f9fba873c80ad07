/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measures the path MTU to a peer with bounded probes, in stages: through the tunnel to a host behind the peer, as
 * exactly as WireGuard's padding lets one see; then beside it to the peer's endpoint, to the byte. Each stage takes the
 * method that is answered. Never waits: the command calls measure_step() when it is due or the socket is readable.
 */
#ifndef MTUSCOPE_MEASURE_H
#define MTUSCOPE_MEASURE_H

#include "probe_socket.h"
#include "prober.h"

#define MEASURE_HOSTS 4

enum measure_stage {
	MEASURE_TUNNEL,	  /* sizes through the tunnel */
	MEASURE_CHECK,	  /* the size that dies there and back: does it arrive there? */
	MEASURE_UNDERLAY, /* sizes beside the tunnel */
	MEASURE_DONE,
};

struct measure_config {
	enum wire_direction direction; /* tx: prefers what tests the way there alone; rx: both ways, then that */
	struct ip_address hosts[MEASURE_HOSTS]; /* behind the peer, the likeliest to answer first */
	size_t hosts_n;				/* 0: no tunnel stage */
	struct ip_address from;			/* source beside the tunnel, family 0: as the kernel chooses */
	struct ip_address from_inside;		/* … and in it */
	char from_interface[IFACE_NAME_LEN];	/* "": as the kernel routes; beside the tunnel */
	char tunnel[IFACE_NAME_LEN];
	uint32_t tunnel_mtu;
	uint8_t tunnel_family;	    /* of the underlay */
	struct ip_address endpoint; /* family 0: no underlay stage */
	uint32_t egress_mtu;	    /* 0: unknown */
	uint32_t mark;		    /* the tunnel's own, for what goes beside it */
	uint16_t echo_id;
	uint32_t guess; /* outer size to settle first through the tunnel; 0: what paths usually carry */
	uint32_t spent; /* probes of the budget that went into earlier measurements */
	bool beyond;	/* measure beside the tunnel also if all that it can send arrives */
};

struct measured {
	bool tunnel_answered, underlay_answered;
	enum wire_direction direction; /* measured: tx in place of rx if nothing answers in the same size */
	uint32_t lower, upper;	       /* outer; proven for that direction; 0: none */
	uint32_t upper_round; /* the smallest size not answered; one of both ways loses it, or its answer; 0: none */
	bool exact;	      /* lower is the path MTU of that direction */
	bool whole;	      /* all that the tunnel, or beside it the link, can send arrives */
	bool upper_said;      /* a router says that upper_round is too big */
	bool there;	      /* rx: upper_round does arrive there, it is the way back that loses it */
	uint32_t sent, answered, lost, too_big, ignored;
	uint32_t size_min, size_max; /* outer, of the probes sent */
	struct ip_address host;	     /* that answered in the tunnel */
	enum probe_method method;    /* there */
	uint32_t said_mtu;
	struct ip_address said_by; /* family 0: nobody said that anything is too big */
	int err;		   /* 0 or -errno of the last attempt to send */
};

struct measure {
	struct measure_config config;
	enum measure_stage stage;
	size_t attempt; /* within the stage: which host, which method */
	struct probe_socket *socket;
	struct prober prober;
	struct probe_target target; /* of this attempt */
	enum probe_method method;
	struct measured result;
};

/* What a measurement needs to know of a peer, but for the hosts behind it. */
void measure_peer(struct measure_config *m, const struct link *tunnel, const struct peer *peer);

/* One more host, unless it is there; and those that the peer's AllowedIPs name one by one, often the peer itself. */
void measure_add_host(struct measure_config *m, const struct ip_address *ip);
void measure_add_single_hosts(struct measure_config *m, const struct inventory *inv, const struct peer *peer);

void measure_start(struct measure *m, const struct measure_config *config);
void measure_close(struct measure *m);

/* Goes on; true while there is more to do, at the latest in *wait_ms. */
bool measure_step(struct measure *m, uint32_t now_ms, uint32_t *wait_ms);

/* What the search through the tunnel has proven by now. */
struct measured measure_so_far(const struct measure *m);

#endif
