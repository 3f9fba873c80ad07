/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP through the tunnel of a scene, packet by packet, over a path that a test makes good or bad. The gateway's tc
 * programs see each packet (programs.h): going out before the path may lose it, coming in after. Enough of TCP for
 * that: windows, time-outs that double, fast retransmission; requests and responses of random sizes; everything from
 * one seed.
 */
#ifndef MTUSCOPE_TEST_NETWORK_H
#define MTUSCOPE_TEST_NETWORK_H

#include "programs.h"
#include "snapshots.h"

#define NETWORK_STEP_MS	    10
#define NETWORK_CONNECTIONS 32
#define NETWORK_HOSTS	    4
#define NETWORK_PACKETS	    4096
#define NETWORK_RANGES	    16
#define GREETING	    100 /* bytes */

/* One end of a connection. */
struct end {
	uint32_t first;		/* sequence number of its SYN */
	uint32_t una, nxt, end; /* acknowledged, sent, written by the application: everything before it */
	uint32_t top;		/* highest number ever sent */
	uint32_t rcv;		/* received in order: everything before it */
	uint32_t recover;	/* fast retransmission goes on until this is acknowledged */
	uint32_t window;	/* segments */
	uint32_t rto_ms;
	msec_t rto_due_ms;
	msec_t repeats_ms;   /* since when it repeats itself by time-outs; 0: it does not */
	bool small;	     /* it has gone over to segments of mss_small */
	uint32_t last;	     /* begin of the last segment that was sent for the first time */
	msec_t probe_due_ms; /* when it is sent once more if nothing is heard (RFC 8985, 7); 0: not */
	uint32_t duplicates;
	bool repeated_early;
	msec_t duplicate_ms; /* when the first of them came */
	msec_t ack_due_ms; /* when it acknowledges what it has received, unless it has data to send before; 0: it has */
	struct range early[NETWORK_RANGES]; /* received out of order */
	size_t early_n;
	struct range twice;		/* last received though it had been; to be told with the next acknowledgement */
	struct range sack[SACK_BLOCKS]; /* what the other end has, as it last said */
	uint32_t told_mss;		/* what it was told to send at most; 0: nothing */
	msec_t told_ms;			/* … and when it first was; 0: it was not, or has heeded it */
};

struct connection {
	struct wire_flow *flow, *far_flow;
	uint32_t serial;
	uint32_t mss; /* that both ends announced: bytes of payload, with the headers that the scene has */
	uint8_t host;
	bool remote_asks;  /* the remote side is the client */
	bool open;	   /* handshake done */
	struct end end[2]; /* local, remote */
	msec_t opened_ms;
	msec_t next_ms;			    /* when the client goes on */
	msec_t progress_ms;		    /* when it last got anywhere */
	uint32_t request_end, response_end; /* the numbers that complete them; 0: none due */
	msec_t answer_ms;		    /* when the server answers the request that it has; 0: it has none */
	uint32_t rounds;
	msec_t passed_ms; /* the firewall last let a packet of it through */
};

struct in_flight {
	msec_t due_ms;
	uint32_t serial;
	size_t connection;
	struct scene_session *session; /* of the peer's, that it was sent in */
	struct segment segment;
	uint64_t counter;
	uint16_t inner, outer;
	bool tx;
	uint32_t mtu; /* a too-big message about the segment names it; 0: it is none */
};

struct network {
	struct scene scene;
	uint64_t seed;
	msec_t now_ms;
	/* the path: set by the test, at any time */
	uint32_t delay_ms, jitter_ms; /* one way */
	double loss[WIRE_DIRECTIONS];
	double burst_begins, burst_ends; /* probability with each packet (Gilbert): in a burst all are lost */
	uint32_t mtu[WIRE_DIRECTIONS];	 /* outer bytes; 0: no limit */
	uint32_t route_mtu;		 /* of the routes into both tunnels; 0: none of their own */
	bool down;			 /* nothing passes */
	bool (*drops)(struct network *n, bool tx, uint32_t outer); /* NULL: nothing more */
	bool dead[NETWORK_HOSTS];				   /* the remote host is off */
	bool hung[NETWORK_HOSTS];				   /* it acknowledges and never answers */
	bool filtered[NETWORK_HOSTS];				   /* a firewall drops what opens a connection to it */
	bool full[NETWORK_HOSTS];				   /* its window is shut: one byte at a time is tried */
	bool full_here;			  /* the same of all clients and servers on this side */
	uint32_t host_mtu[NETWORK_HOSTS]; /* inner: a firewall drops what is larger; 0: none */
	/* A router behind the peer says of what is larger (inner) that it is too big; 0: there is none. */
	uint32_t router_mtu;
	double router_silent;	   /* the part of which it says nothing */
	bool router_kept;	   /* what it says does not pass this gateway */
	bool deaf;		   /* the local hosts do not heed it */
	uint32_t heed_ms;	   /* … or so long after they were first told */
	bool forged;		   /* somebody makes such messages up, about segments long acknowledged */
	double syn_loss;	   /* a firewall lets but a part of the SYNs to the hosts pass */
	uint32_t rate, queue_ms;   /* bytes a millisecond of the narrowest link, 0: no limit; what its queue holds */
	uint32_t firewall_idle_ms; /* a firewall forgets connections idle for so long; 0: none */
	msec_t firewall_began_ms;  /* it knows no connection from before that */
	uint32_t reorder_ms;	   /* reordering that senders have learned to bear (RFC 8985) */
	bool sack;		   /* both ends can, and say what arrived twice */
	uint32_t late_every_ms, late_ms; /* for so long each time the path holds everything back; 0: never */
	bool delayed_acks;		 /* acknowledgements wait for data to ride on, or a second segment */
	uint32_t rounds_max;		 /* requests on one connection */
	uint32_t patience_ms;		 /* after so long without progress a client resets and begins anew */
	uint32_t think_ms;		 /* a server's time for an answer */
	uint32_t message_min;		 /* bytes, of requests and responses */
	uint32_t
		mss_small; /* what a sender goes over to once large ones are lost for too long (RFC 4821); 0: it does not */
	uint32_t window_max;		    /* segments that a sender has under way at most */
	uint32_t request_max, response_max; /* bytes */
	uint32_t pause_ms;		    /* between a client's requests, about */
	bool pings, far_pings;		    /* host 0 is pinged each second; it pings each second */
	uint32_t far_probes; /* host 0 looks for the size that passes: so many echo requests more, large and small */
	bool remote_asks;    /* all clients are on the remote side */
	bool greets;	     /* a client first says something small, and is answered with as little */
	uint32_t datagrams[WIRE_DIRECTIONS]; /* inner bytes: one that nobody answers each 200 ms; 0: none */
	uint32_t watch_outer;		     /* when such a large packet has passed is to be told */
	/* the rest is its own */
	msec_t began_ms;
	uint8_t family;			      /* of the endpoint */
	uint8_t headers;		      /* inner: 52 bytes with time stamps, 40 without; inside IPv6 20 more */
	uint32_t mss, far_mss;		      /* that this end's tunnel allows, and the peer's */
	bool burst[WIRE_DIRECTIONS];	      /* one is on */
	uint32_t queued[WIRE_DIRECTIONS];     /* bytes before the narrowest link */
	msec_t swallowed_ms[WIRE_DIRECTIONS]; /* when a packet first was too large for the path; 0: none was */
	msec_t watched_ms[WIRE_DIRECTIONS];   /* when a packet of watch_outer bytes or more first passed; 0: none has */
	struct scene_session *session, *tx_session;
	uint64_t counter[WIRE_DIRECTIONS];
	msec_t asked_ms;     /* since when the gateway has sent in vain; 0: it was answered */
	msec_t handshake_ms; /* when it tries a handshake next */
	/* the peer's gateway, if a test looks at both ends: what it sees, by a clock of its own */
	bool both;
	struct scene far;
	struct scene_session *far_session[WIRE_DIRECTIONS];
	uint64_t far_ahead_ms;
	struct wire_flow *ping, *probe;
	uint32_t probes_sent; /* by host 0 */
	struct tally
		messages[2 * NETWORK_HOSTS]; /* by remote host: those that came out of the tunnel, those that left */
	struct connection connections[NETWORK_CONNECTIONS];
	size_t connections_n;
	struct in_flight packets[NETWORK_PACKETS];
	size_t packets_n;
	uint32_t serial;
	size_t completed; /* requests answered */
};

/* One peer with NETWORK_HOSTS hosts, `connections` connections to them, both ends' tunnels at that MTU, a good path. */
void network_start(struct network *n, uint64_t seed, uint32_t mtu, size_t connections);

/* The same in full: the endpoint's family, the headers of a segment, the time, and whether the peer's gateway looks, too. */
void network_start_as(struct network *n, uint64_t seed, uint32_t mtu, size_t connections, uint8_t family,
		      uint8_t headers, msec_t start_ms, bool both);
void network_end(struct network *n);

/* One end's tunnel MTU from now on, or both ends'. */
void network_set_mtu_of(struct network *n, bool local, uint32_t mtu);
void network_set_mtu(struct network *n, uint32_t mtu);

/* Not where both ends look: the peer is at another port, or has a new session. */
void network_roam(struct network *n);
void network_rekey(struct network *n);

/* One more connection, to host 0. A datagram that nobody answers; of 0 bytes it is a keep-alive. */
void network_connect(struct network *n);
void network_datagram(struct network *n, bool tx, uint32_t inner);

/* Lets that much time pass, a snapshot each 250 ms. */
void network_run(struct network *n, uint32_t ms);

#endif
