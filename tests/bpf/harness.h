/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads the tc programs, runs them on single packets (BPF_PROG_TEST_RUN) and reads their maps. Everything happens
 * in a network namespace of its own with three links: "tunnel", "underlay" and "lan". The kernel treats test
 * packets as Ethernet frames, so the tunnel's l3_offset is 14 here; test_device.c runs it without a link header.
 * Needs /dev/net/tun, and root: a test that somebody else starts says that it is skipped.
 */
#ifndef TESTS_BPF_HARNESS_H
#define TESTS_BPF_HARNESS_H

/* cmocka.h wants these four before it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "packets.h"
#include "wire.h"

#define NOW	     100000 /* the programs' clock at the beginning of each test */
#define TUNNEL_MTU   1420
#define UNDERLAY_MTU 1500
#define WG_PORT	     51820 /* the only one where a WireGuard socket listens */
#define ETHERNET_LEN 14

enum program { TUN_RX, TUN_TX, UND_RX, UND_TX, LAN_TX, PROGRAMS };

struct tc_bpf;

struct harness {
	struct tc_bpf *tc;
	struct wire_config *config; /* mapped */
	struct wire_flow *flows;    /* mapped */
	int prog_fd[PROGRAMS];
	uint32_t ifindex[PROGRAMS];
	int tap_fd[PROGRAMS];
	int cpus;
};

/* For cmocka: once a file, and before each test (empty maps, NOW, links and MTUs as above). */
int harness_open(void **state);
int harness_open_preempt_rt(void **state); /* with the programs as on such a kernel */
int harness_close(void **state);
int harness_reset(void **state);

/* A device of /dev/net/tun, up; flags are IFF_TUN or IFF_TAP and more. Returns its descriptor, and its index. */
int device_make(const char *name, short flags, uint32_t *ifindex);

/* Runs a program on the frame. Whatever the frame: the verdict is "next", and packet and metadata are unchanged. */
void run(struct harness *h, enum program program, const struct frame *f);
/* The same, n times. */
void run_times(struct harness *h, enum program program, const struct frame *f, uint32_t n);
/* The same for any bytes: false if the kernel refuses to make a packet of them (too short for an IP header). */
bool run_any(struct harness *h, enum program program, const struct frame *f);

/* The counters of the program's link and direction, summed over CPUs. */
void counters_read(struct harness *h, enum program program, struct wire_counters *c);
uint64_t loss(struct harness *h, enum wire_loss loss);

size_t flows_n(const struct harness *h);
/* The flow with these ports, NULL if there is none. Fails if there are two. */
struct wire_flow *flow_find(struct harness *h, uint16_t local_port, uint16_t remote_port);
/* The only flow there is; fails if there is none or more than one. */
struct wire_flow *flow_only(struct harness *h);

size_t sessions_n(struct harness *h);
bool session_find(struct harness *h, enum wire_direction direction, uint32_t index, struct wire_session_key *key,
		  struct wire_session *s);

size_t tallies_n(struct harness *h);
/* The first tally of that kind and aux (-1: any). */
bool tally_find(struct harness *h, enum wire_tally_kind kind, int aux, struct wire_tally_key *key,
		struct wire_tally *t);

#define bpf_test(name) cmocka_unit_test_setup(name, harness_reset)

#endif
