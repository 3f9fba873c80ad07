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

struct range {
	uint32_t from, to;
};

/* One end of a connection. */
struct end {
	uint32_t first;		/* sequence number of its SYN */
	uint32_t una, nxt, end; /* acknowledged, sent, written by the application: everything before it */
	uint32_t top;		/* highest number ever sent */
	uint32_t rcv;		/* received in order: everything before it */
	uint32_t recover;	/* fast retransmission goes on until this is acknowledged */
	uint32_t window;	/* segments */
	uint32_t rto_ms, rto_due_ms;
	uint32_t duplicates;
	struct range early[NETWORK_RANGES]; /* received out of order */
	size_t early_n;
};

struct connection {
	struct wire_flow *flow;
	uint32_t serial;
	uint8_t host;
	bool remote_asks;		    /* the remote side is the client */
	bool open;			    /* handshake done */
	struct end end[2];		    /* local, remote */
	uint32_t next_ms;		    /* when the client goes on */
	uint32_t progress_ms;		    /* when it last got anywhere */
	uint32_t request_end, response_end; /* the numbers that complete them; 0: none due */
	uint32_t rounds;
	uint32_t passed_ms; /* the firewall last let a packet of it through */
};

struct in_flight {
	uint32_t due_ms, serial;
	size_t connection;
	struct segment segment;
	uint64_t counter;
	uint16_t outer;
	bool tx;
};

struct network {
	struct scene scene;
	uint64_t seed;
	uint32_t now_ms;
	/* the path: set by the test, at any time */
	uint32_t delay_ms, jitter_ms; /* one way */
	double loss[WIRE_DIRECTIONS];
	uint32_t mtu[WIRE_DIRECTIONS];				   /* outer bytes; 0: no limit */
	bool down;						   /* nothing passes */
	bool (*drops)(struct network *n, bool tx, uint32_t outer); /* NULL: nothing more */
	bool dead[NETWORK_HOSTS];				   /* the remote host is off */
	bool hung[NETWORK_HOSTS];				   /* it acknowledges and never answers */
	bool filtered[NETWORK_HOSTS];				   /* a firewall drops what opens a connection to it */
	bool full[NETWORK_HOSTS];				   /* its window is shut: one byte at a time is tried */
	uint32_t firewall_idle_ms;	    /* a firewall forgets connections idle for so long; 0: none */
	uint32_t request_max, response_max; /* bytes */
	uint32_t pause_ms;		    /* between a client's requests, about */
	bool pings;			    /* host 0 is pinged each second */
	/* the rest is its own */
	uint8_t family;	 /* of the endpoint */
	uint8_t headers; /* inner: 52 bytes with time stamps, 40 without */
	uint32_t mss;
	uint32_t swallowed_ms[WIRE_DIRECTIONS]; /* when a packet first was too large for the path; 0: none was */
	struct session *session;
	uint64_t counter;
	struct wire_flow *ping;
	struct connection connections[NETWORK_CONNECTIONS];
	size_t connections_n;
	struct in_flight packets[NETWORK_PACKETS];
	size_t packets_n;
	uint32_t serial;
	size_t completed; /* requests answered */
};

/* One peer with NETWORK_HOSTS hosts, `connections` connections to them, both ends' tunnels at that MTU, a good path. */
void network_start(struct network *n, uint64_t seed, uint32_t mtu, size_t connections);

/* The same in full: the endpoint's family, and the headers of a segment. */
void network_start_as(struct network *n, uint64_t seed, uint32_t mtu, size_t connections, uint8_t family,
		      uint8_t headers);
void network_end(struct network *n);

/* Both ends' tunnel MTU from now on; the peer is at another port from now on. */
void network_set_mtu(struct network *n, uint32_t mtu);
void network_roam(struct network *n);

/* Lets that much time pass, a snapshot each 250 ms. */
void network_run(struct network *n, uint32_t ms);

#endif
