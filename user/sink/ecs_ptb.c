/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record mtuscope.ptb: too-big messages that came, left or were made. See ecs.c. */
#include <string.h>
#include <sys/socket.h>

#include "ecs_internal.h"
#include "sentence.h"
#include "sinks.h"

static void address(struct json_writer *w, const char *key, const struct ip_address *ip)
{
	char text[FORMAT_IP_LEN];

	json_put_string(w, key, format_ip(text, ip) ? text : NULL);
}

/* ECS fields of the message itself: an ICMP packet from or to somebody. */
static void ecs_fields(struct json_writer *w, const struct ptb *p)
{
	const struct ip_address *ip = p->direction == PTB_RX ? &p->reporter : &p->host.ip;
	char text[FORMAT_IP_LEN];

	if (format_ip(text, ip)) {
		json_begin_object(w, p->direction == PTB_RX ? "source" : "destination");
		json_put_string(w, "ip", text);
		json_end_object(w);
	}
	if (p->family != AF_INET && p->family != AF_INET6)
		return;
	json_begin_object(w, "network");
	json_put_string(w, "type", p->family == AF_INET6 ? "ipv6" : "ipv4");
	json_put_string(w, "transport", p->family == AF_INET6 ? "ipv6-icmp" : "icmp");
	json_end_object(w);
}

void ecs_ptb_object(struct json_writer *w, const struct ptb *p)
{
	bool one = p->stories == 1;

	json_begin_object(w, "ptb");
	json_put_string(w, "layer", one ? p->inner ? "inner" : "outer" : NULL);
	json_put_string(w, "direction", ptb_direction_name(p->direction));
	address(w, "reporter", &p->reporter);
	ecs_endpoint(w, "host", &p->host, p->host.port);
	address(w, "destination", &p->destination);
	json_put_uint_or_null(w, "mtu", p->mtu);
	json_put_uint(w, "count", p->count);
	json_put_string_n(w, "interface", p->interface[0] ? p->interface : NULL, sizeof(p->interface));
	json_put_uint(w, "stories", p->stories);
	json_put_time(w, "first_seen", p->first_seen_ms);
	json_put_time(w, "last_seen", p->last_seen_ms);
	json_end_object(w);
}

int sink_ecs_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt)
{
	struct json_writer w;
	struct sentence said;

	(void)opt;
	said = sentence_ptb(p);
	json_init(&w, buf, cap);
	ecs_begin(&w, realtime_ms, "info", said.text, said.len, "event", "mtuscope.ptb");
	json_end_object(&w);
	ecs_fields(&w, p);
	ecs_own_begin(&w);
	ecs_ptb_object(&w, p);
	return ecs_end(&w);
}
