/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path that a test invents for whole measurements: what it carries through a tunnel and beside it, who answers there, and
 * what gets lost. It has the functions of user/probe/probe_socket.c, which the linker therefore leaves out. For
 * test_measure.c, which alone may include it.
 */
#ifndef MTUSCOPE_TEST_MEASURED_PATH_H
#define MTUSCOPE_TEST_MEASURED_PATH_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "measure.h"
#include "outer.h"

#define PATH_RTT_MS	 30
#define PATH_STEPS_MAX	 2000
#define PATH_READS_MAX	 1000
#define PATH_TUNNEL	 "wg0"
#define PATH_LINK	 "wan0"
#define PATH_MARK	 51820
#define PATH_ECHO_ID	 4711
#define PATH_ATTEMPTS	 32
#define PATH_ANSWERS	 6    /* of closed ports at once, as Linux limits them (icmp_ratelimit), and then … */
#define PATH_ANSWERS_MS	 1000 /* … one in so long */
#define PATH_ANSWER_IPV4 576  /* bytes of a closed port's answer, at most (RFC 1812, 4.3.2.3) */
#define PATH_ANSWER_IPV6 1280 /* RFC 4443, 2.4 */

/* Methods, as sets of them. */
#define ECHO  (1U << PROBE_ECHO)
#define PORTS (1U << PROBE_UDP)

/* Through the tunnel, or beside it. Sizes are outer ones. */
struct path_side {
	uint32_t there, back; /* carried; back 0: as much as there */
	unsigned int mute;    /* methods that are not answered */
	uint32_t pieces;      /* larger echo replies come in pieces; 0: none does */
	uint32_t takes;	      /* the kernel refuses larger ones; 0: none */
	uint32_t says; /* larger ones are too big for that, a router says (it knows inner sizes); 0: nobody says so */
};

struct path {
	struct path_side inside, beside; /* beside.there 0: as inside */
	uint32_t tunnel_mtu;
	uint8_t tunnel_family;
	struct ip_address dead;	      /* that host answers nothing; family 0: there is none */
	unsigned int no_socket;	      /* methods of which this end may open no socket */
	bool flood;		      /* something that is not ours is always there to be read */
	uint32_t lost_at, lost_n;     /* so many probes, from that one on, are lost */
	uint32_t lost_every;	      /* … and one of each so many; 0: none */
	uint32_t sent, sent_last;     /* by now, and in the last attempt */
	uint32_t smallest, largest;   /* of them */
	uint32_t first;		      /* size of the first */
	uint32_t reads;		      /* in the present step */
	uint32_t sockets;	      /* open */
	char attempts[PATH_ATTEMPTS]; /* E, P: echo, closed ports through the tunnel; e, p: beside it */
	size_t attempts_n;
};

/* What is on its way back. */
struct path_answer {
	uint32_t at_ms; /* 0: nothing */
	enum probe_news news;
};

struct probe_socket {
	enum probe_method method;
	struct ip_address to;
	bool inside;
	uint32_t answers_n, answers_ms;		/* of closed ports: how many are left, and when the last was added */
	struct path_answer back[PROBER_BUDGET]; /* by sequence number */
};

static const struct ip_address PATH_ROUTER = { .family = AF_INET, .bytes = { 192, 0, 2, 254 } };
static const struct ip_address PATH_FROM = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
static const struct ip_address PATH_FROM_INSIDE = { .family = AF_INET, .bytes = { 10, 9, 9, 9 } };

static struct path path;
static uint32_t path_now_ms;

static inline const struct path_side *path_side(bool inside)
{
	return inside || !path.beside.there ? &path.inside : &path.beside;
}

static inline uint32_t path_back(const struct path_side *side)
{
	return side->back ? side->back : side->there;
}

/* What comes back as it is. */
static inline uint32_t path_back_whole(const struct path_side *side)
{
	return side->pieces && side->pieces < path_back(side) ? side->pieces : path_back(side);
}

static inline uint32_t path_outer(bool inside, uint32_t size)
{
	return inside ? outer_size(size, path.tunnel_mtu, path.tunnel_family) : size;
}

/* A closed port's answer quotes what it is about, as far as it has room. */
static inline uint32_t path_answer_size(const struct probe_socket *ps, uint32_t size)
{
	bool v6 = ps->to.family == AF_INET6;
	uint32_t most = v6 ? PATH_ANSWER_IPV6 : PATH_ANSWER_IPV4, quoted = size + (v6 ? 48 : 28);

	if (ps->method == PROBE_ECHO)
		return size;
	return quoted < most ? quoted : most;
}

static inline bool path_is_mute(const struct probe_socket *ps)
{
	return (path_side(ps->inside)->mute & (1U << ps->method)) || !memcmp(&ps->to, &path.dead, sizeof(ps->to));
}

/* Whether the host has an answer left. */
static inline bool path_may_answer(struct probe_socket *ps)
{
	if (ps->method == PROBE_ECHO)
		return true;
	for (; path_now_ms - ps->answers_ms >= PATH_ANSWERS_MS; ps->answers_ms += PATH_ANSWERS_MS)
		ps->answers_n += ps->answers_n < PATH_ANSWERS;
	return ps->answers_n && ps->answers_n--;
}

static inline bool path_loses(uint32_t n)
{
	return n - path.lost_at < path.lost_n || (path.lost_every && n % path.lost_every == path.lost_every - 1);
}

/* What comes of a probe that is on its way. */
static inline enum probe_news path_news(struct probe_socket *ps, uint32_t size)
{
	const struct path_side *side = path_side(ps->inside);
	uint32_t outer = path_outer(ps->inside, size);

	if (outer > side->there)
		return side->says ? PROBE_TOO_BIG : PROBE_NOTHING;
	if (path_is_mute(ps) || !path_may_answer(ps) ||
	    path_outer(ps->inside, path_answer_size(ps, size)) > path_back(side))
		return PROBE_NOTHING;
	return ps->method == PROBE_ECHO && outer > path_back_whole(side) ? PROBE_ANSWER_FRAGMENTED : PROBE_ANSWERED;
}

/* --- as in probe_socket.h --- */

int probe_socket_open(struct probe_socket **ps, enum probe_method method, const struct probe_target *target)
{
	bool inside = !strcmp(target->interface, PATH_TUNNEL);

	*ps = NULL;
	assert_string_equal(target->interface, inside ? PATH_TUNNEL : PATH_LINK);
	assert_int_equal(target->mark, inside ? 0 : PATH_MARK);
	assert_int_equal(target->echo_id, PATH_ECHO_ID);
	assert_memory_equal(&target->from, inside ? &PATH_FROM_INSIDE : &PATH_FROM, sizeof(target->from));
	if (path.no_socket & (1U << method))
		return -EPERM;
	assert_true(path.attempts_n + 1 < PATH_ATTEMPTS);
	path.attempts[path.attempts_n++] = (method == PROBE_ECHO ? "eE" : "pP")[inside];
	*ps = calloc(1, sizeof(**ps));
	assert_non_null(*ps);
	(*ps)->method = method;
	(*ps)->to = target->to;
	(*ps)->inside = inside;
	(*ps)->answers_n = PATH_ANSWERS;
	(*ps)->answers_ms = path_now_ms;
	path.sent_last = 0;
	path.sockets++;
	return 0;
}

void probe_socket_close(struct probe_socket *ps)
{
	path.sockets -= ps != NULL;
	free(ps);
}

int probe_socket_send(struct probe_socket *ps, uint32_t seq, uint32_t size)
{
	uint32_t outer = path_outer(ps->inside, size), takes = path_side(ps->inside)->takes, n = path.sent;
	enum probe_news news;

	assert_true(seq < PROBER_BUDGET);
	assert_true(!ps->inside || size <= path.tunnel_mtu);
	if (takes && outer > takes)
		return -EMSGSIZE;
	path.first = path.first ? path.first : outer;
	path.smallest = !n || outer < path.smallest ? outer : path.smallest;
	path.largest = outer > path.largest ? outer : path.largest;
	path.sent++;
	path.sent_last++;
	news = path_loses(n) ? PROBE_NOTHING : path_news(ps, size);
	ps->back[seq] = (struct path_answer){ news == PROBE_NOTHING ? 0 : path_now_ms + PATH_RTT_MS, news };
	return 0;
}

struct probe_answer probe_socket_receive(struct probe_socket *ps)
{
	assert_true(path.reads++ < PATH_READS_MAX);
	for (uint32_t seq = 0; seq < PROBER_BUDGET; seq++) {
		struct path_answer *back = &ps->back[seq];

		if (!back->at_ms || back->at_ms > path_now_ms)
			continue;
		back->at_ms = 0;
		return (struct probe_answer){ back->news, seq, path_side(ps->inside)->says, PATH_ROUTER };
	}
	return (struct probe_answer){ .news = path.flood ? PROBE_FOREIGN : PROBE_NOTHING };
}

uint32_t probe_route_mtu(const struct probe_target *target)
{
	assert_string_equal(target->interface, PATH_TUNNEL);
	return path.tunnel_mtu;
}

/* --- a whole measurement --- */

/* When the next answer comes, at the latest in wait_ms. */
static inline uint32_t path_next_ms(const struct probe_socket *ps, uint32_t wait_ms)
{
	uint32_t next = path_now_ms + wait_ms;

	for (uint32_t seq = 0; seq < PROBER_BUDGET; seq++)
		if (ps->back[seq].at_ms && ps->back[seq].at_ms < next)
			next = ps->back[seq].at_ms;
	return next;
}

/* Fails the test if it does not end, sends more than it may, or counts other than what was sent. */
static inline struct measured path_measure(const struct measure_config *config)
{
	uint32_t wait_ms = 0, sofar = 0;
	struct measured r;
	struct measure m;

	path_now_ms = 5000;
	measure_start(&m, config);
	for (int i = 0; measure_step(&m, path_now_ms, &wait_ms); i++) {
		assert_true(i < PATH_STEPS_MAX);
		assert_int_equal(path.sockets, 1);
		assert_int_not_equal(wait_ms, 0);
		/* What is told to arrive, under way, is not taken back: an outage aside, and these are short. */
		r = measure_so_far(&m);
		assert_true(r.lower >= sofar);
		sofar = r.lower;
		path.reads = 0;
		path_now_ms = path_next_ms(m.socket, wait_ms);
	}
	r = m.result;
	measure_close(&m);
	assert_int_equal(path.sockets, 0);
	assert_true(r.lower >= sofar);
	assert_true(!path.sent || path.sent + config->spent <= PROBER_BUDGET);
	assert_int_equal(r.sent, path.sent);
	assert_int_equal(r.size_min, path.smallest);
	assert_int_equal(r.size_max, path.largest);
	assert_true(r.answered + r.lost <= r.sent);
	return r;
}

#endif
