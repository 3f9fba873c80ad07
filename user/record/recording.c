// SPDX-License-Identifier: GPL-2.0-or-later
/* Snapshots to bytes and back; see recording.h. */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC		"MTUSCOPE"
#define VERSION_2	2
#define BYTE_ORDER_MARK 0x01020304
#define FRAME_MAX	(256U << 20) /* bytes: more than all maps full and a gateway of a hundred thousand peers */
#define CHUNK		(1U << 20)   /* room is made as bytes come, not as a length says */

/* The arrays of a snapshot in their order in the file: ARRAY(member, its type). */
#define ARRAYS                                                                                                         \
	ARRAY(inventory.links, struct link)                                                                            \
	ARRAY(inventory.peers, struct peer)                                                                            \
	ARRAY(inventory.allowed_ips, struct allowed_ip)                                                                \
	ARRAY(flows, struct flow)                                                                                      \
	ARRAY(sessions, struct session)                                                                                \
	ARRAY(tallies, struct tally)                                                                                   \
	ARRAY(counters, struct link_counters)                                                                          \
	ARRAY(drops, struct drop)

enum {
#define ARRAY(member, type) +1
	ARRAYS_N = ARRAYS
#undef ARRAY
};

/* Members whose places tell a layout from another of the same size, besides all of the maps (flow.def, session.def). */
#define PLACES                                                                                                         \
	PLACE(struct link, mtu)                                                                                        \
	PLACE(struct link, listen_port)                                                                                \
	PLACE(struct link, public_key)                                                                                 \
	PLACE(struct peer, endpoint)                                                                                   \
	PLACE(struct peer, egress_mtu)                                                                                 \
	PLACE(struct peer, learned_mtu)                                                                                \
	PLACE(struct peer, last_handshake_s)                                                                           \
	PLACE(struct peer, keepalive_s)

enum {
#define PLACE(type, member)  +1
#define MEMBER(type, name)   +1
#define TIME(name)	     +1
#define ARRAY(type, name, n) +1
	PLACES_N = PLACES
#include "flow.def"
#include "session.def"
#undef PLACE
#undef MEMBER
#undef TIME
#undef ARRAY
};

struct header {
	char magic[8];
	uint32_t version, byte_order;
	uint32_t sizes[ARRAYS_N];
	uint32_t places[PLACES_N];
	uint32_t losses, tally_kinds;
};

struct frame {
	uint64_t len; /* of what follows this member */
	msec_t now_ms;
	int64_t realtime_ms;
	uint64_t losses[WIRE_LOSSES];
	uint64_t tcp_probes[TCP_PROBES];
	uint64_t retired[WIRE_TALLY_KINDS];
	uint32_t counts[ARRAYS_N];
};

#define FRAME_HEAD (sizeof(struct frame) - offsetof(struct frame, now_ms))

struct recording_reader {
	recording_read_fn read;
	void *arg;
	uint64_t snapshots; /* begun: number of the one that is read, 0: the header */
	bool truncated;
};

static struct header header_make(void)
{
	struct header h;

	memset(&h, 0, sizeof(h));
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	h.version = VERSION_2;
	h.byte_order = BYTE_ORDER_MARK;
	h.losses = WIRE_LOSSES;
	h.tally_kinds = WIRE_TALLY_KINDS;
	{
		uint32_t *size = h.sizes, *place = h.places;

#define ARRAY(member, type) *size++ = sizeof(type);
		ARRAYS
#undef ARRAY
#define PLACE(type, member) *place++ = offsetof(type, member);
		PLACES
#define MEMBER(type, name)   PLACE(PLACES_OF, name)
#define TIME(name)	     PLACE(PLACES_OF, name)
#define ARRAY(type, name, n) PLACE(PLACES_OF, name)
#define PLACES_OF	     struct flow
#include "flow.def"
#undef PLACES_OF
#define PLACES_OF struct session_value
#include "session.def"
#undef PLACES_OF
#undef PLACE
#undef MEMBER
#undef TIME
#undef ARRAY
	}
	return h;
}

void *recording_header(size_t *len)
{
	const struct header h = header_make();
	void *bytes = malloc(sizeof(h));

	*len = sizeof(h);
	return bytes ? memcpy(bytes, &h, sizeof(h)) : NULL;
}

static char *append(char *to, const void *from, size_t len)
{
	if (len)
		memcpy(to, from, len);
	return to + len;
}

void *recording_encode(const struct snapshot *snap, size_t *len)
{
	struct frame frame;
	uint32_t *count = frame.counts;
	size_t sum = FRAME_HEAD;
	char *bytes, *at;

	memset(&frame, 0, sizeof(frame));
#define ARRAY(member, type)                                                                                            \
	*count++ = snap->member##_n;                                                                                   \
	if (snap->member##_n > FRAME_MAX / sizeof(type))                                                               \
		return NULL;                                                                                           \
	sum += snap->member##_n * sizeof(type);
	ARRAYS
#undef ARRAY
	if (sum > FRAME_MAX)
		return NULL;
	frame.len = sum;
	frame.now_ms = snap->now_ms;
	frame.realtime_ms = snap->realtime_ms;
	memcpy(frame.losses, snap->losses, sizeof(frame.losses));
	memcpy(frame.tcp_probes, snap->tcp_probes, sizeof(frame.tcp_probes));
	memcpy(frame.retired, snap->retired, sizeof(frame.retired));
	*len = sizeof(frame) + sum - FRAME_HEAD;
	bytes = malloc(*len);
	if (!bytes)
		return NULL;
	at = append(bytes, &frame, sizeof(frame));
#define ARRAY(member, type) at = append(at, snap->member, snap->member##_n * sizeof(type));
	ARRAYS
#undef ARRAY
	return bytes;
}

static int fail(const struct recording_reader *r, char *why, int err, const char *what)
{
	if (r->snapshots)
		snprintf(why, RECORDING_WHY_LEN, "snapshot %llu: %s", (unsigned long long)r->snapshots, what);
	else
		snprintf(why, RECORDING_WHY_LEN, "%s", what);
	return err;
}

/* 1: all of it; 0: the end came before; or -errno. */
static int take(struct recording_reader *r, void *to, size_t len, char *why)
{
	long n = r->read(r->arg, to, len);

	if (n < 0)
		return fail(r, why, (int)n, n == -EBADMSG ? "the compressed data is damaged" : strerror((int)-n));
	if ((size_t)n < len) {
		r->truncated = n > 0;
		return 0;
	}
	return 1;
}

int recording_reader_new(struct recording_reader **reader, recording_read_fn read, void *arg,
			 char why[RECORDING_WHY_LEN])
{
	const struct header expected = header_make();
	struct recording_reader *r = calloc(1, sizeof(*r));
	struct header h;
	int err;

	*reader = NULL;
	if (!r) {
		snprintf(why, RECORDING_WHY_LEN, "out of memory");
		return -ENOMEM;
	}
	r->read = read;
	r->arg = arg;
	err = take(r, &h, sizeof(h), why);
	if (err == 0 || (err > 0 && memcmp(h.magic, MAGIC, sizeof(h.magic))))
		err = fail(r, why, -EBADMSG, "is not a recording of mtuscope");
	else if (err > 0 && memcmp(&h, &expected, sizeof(h)))
		err = fail(r, why, -EBADMSG,
			   "was recorded by another version of mtuscope or on another kind of machine");
	if (err < 0) {
		free(r);
		return err;
	}
	*reader = r;
	return 0;
}

/* The rest of a frame, grown as it comes. 1, 0: truncated, or -errno. */
static int body_read(struct recording_reader *r, size_t len, char **body, char *why)
{
	size_t have = 0;
	int err = 1;

	*body = NULL;
	while (have < len && err > 0) {
		size_t more = len - have < CHUNK ? len - have : CHUNK;
		char *bigger = realloc(*body, have + more);

		if (!bigger) {
			err = fail(r, why, -ENOMEM, "out of memory");
			break;
		}
		*body = bigger;
		err = take(r, bigger + have, more, why);
		have += more;
	}
	if (err > 0)
		return 1;
	r->truncated |= err == 0;
	free(*body);
	*body = NULL;
	return err;
}

static bool is_truth(const void *value)
{
	return *(const unsigned char *)value <= 1;
}

/* NULL, or what the analysis could not bear. */
static const char *unsound(const struct snapshot *snap)
{
	const struct inventory *inv = &snap->inventory;

	for (size_t i = 0; i < inv->links_n; i++) {
		const struct link *l = &inv->links[i];

		if (!memchr(l->name, 0, sizeof(l->name)) || l->role > WIRE_ROLE_LAN || !is_truth(&l->up) ||
		    !is_truth(&l->ethernet) || !is_truth(&l->kernel_wireguard))
			return "a link makes no sense";
	}
	for (size_t i = 0; i < inv->peers_n; i++)
		if (!is_truth(&inv->peers[i].off_link))
			return "a peer makes no sense";
	for (size_t i = 0; i < snap->drops_n; i++)
		if (!memchr(snap->drops[i].reason, 0, sizeof(snap->drops[i].reason)))
			return "a drop reason makes no sense";
	for (size_t i = 0; i < snap->sessions_n; i++)
		if (snap->sessions[i].key.direction >= WIRE_DIRECTIONS)
			return "a session makes no sense";
	return NULL;
}

/* A copy of n elements at *at, which moves on; NULL: no memory. */
static void *elements(const char **at, size_t n, size_t size)
{
	void *copy = calloc(n ? n : 1, size);

	if (copy && n)
		memcpy(copy, *at, n * size);
	*at += n * size;
	return copy;
}

static int decode(struct recording_reader *r, const struct frame *frame, const char *body, struct snapshot *snap,
		  char *why)
{
	const uint32_t *count = frame->counts;
	const char *at = body, *wrong;
	int err;

	snap->now_ms = frame->now_ms;
	snap->realtime_ms = frame->realtime_ms;
	memcpy(snap->losses, frame->losses, sizeof(snap->losses));
	memcpy(snap->tcp_probes, frame->tcp_probes, sizeof(snap->tcp_probes));
	memcpy(snap->retired, frame->retired, sizeof(snap->retired));
#define ARRAY(member, type)                                                                                            \
	snap->member = elements(&at, *count, sizeof(type));                                                            \
	if (!snap->member)                                                                                             \
		return fail(r, why, -ENOMEM, "out of memory");                                                         \
	snap->member##_n = *count++;
	ARRAYS
#undef ARRAY
	wrong = unsound(snap);
	if (wrong)
		return fail(r, why, -EBADMSG, wrong);
	err = inventory_index(&snap->inventory);
	return err ? fail(r, why, -EBADMSG, "an allowed IP makes no sense") : 0;
}

int recording_next(struct recording_reader *r, struct snapshot *snap, char why[RECORDING_WHY_LEN])
{
	struct frame frame;
	uint64_t sum = FRAME_HEAD;
	char *body;
	int err;

	memset(snap, 0, sizeof(*snap));
	r->snapshots++;
	err = take(r, &frame, sizeof(frame), why);
	if (err <= 0)
		return err;
	{
		const uint32_t *count = frame.counts;

#define ARRAY(member, type) sum += (uint64_t)*count++ * sizeof(type);
		ARRAYS
#undef ARRAY
	}
	if (frame.len > FRAME_MAX || frame.len != sum)
		return fail(r, why, -EBADMSG, "its length does not fit what it says to hold");
	err = body_read(r, frame.len - FRAME_HEAD, &body, why);
	if (err <= 0)
		return err;
	err = decode(r, &frame, body, snap, why);
	free(body);
	if (err)
		snapshot_free(snap);
	return err ? err : 1;
}

bool recording_truncated(const struct recording_reader *r)
{
	return r->truncated;
}

void recording_reader_free(struct recording_reader *r)
{
	free(r);
}
