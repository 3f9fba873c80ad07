// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets made byte by byte; see packets.h. */
#include "packets.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET_LEN 14
#define TYPE_IPV4    0x0800
#define TYPE_IPV6    0x86dd

void put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = value;
}

void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

void host_address(uint8_t to[16], uint8_t family, bool local, uint8_t host)
{
	memset(to, 0, 16);
	if (family == AF_INET6) {
		to[0] = 0xfd;
		to[7] = local ? 0x10 : 0x20;
		to[8] = local ? 0x30 : 0x40;
		to[15] = host ? host : 1;
		return;
	}
	to[0] = 10;
	to[1] = local ? 1 : 2;
	to[3] = host ? host : 1;
}

size_t extension_len(size_t n)
{
	return 8 * (n % 3 + 1);
}

static uint8_t *grow(struct frame *f, size_t len)
{
	uint8_t *at = f->bytes + f->len;

	if (f->len + len > sizeof(f->bytes))
		abort();
	memset(at, 0, len);
	f->len += len;
	return at;
}

static void ethernet(struct frame *f, const struct ip *ip)
{
	uint16_t type = f->family == AF_INET6 ? TYPE_IPV6 : TYPE_IPV4;
	uint8_t *at = grow(f, ETHERNET_LEN);

	/* Locally administered and not equal, so that no device takes it for a broadcast. */
	at[0] = at[6] = 2;
	at[11] = 1;
	for (size_t i = 0; i < sizeof(ip->tags) / sizeof(ip->tags[0]) && ip->tags[i]; i++) {
		put16(f->bytes + f->len - 2, ip->tags[i]);
		put16(grow(f, 4), i + 1);
	}
	put16(f->bytes + f->len - 2, type);
}

static void ipv4(struct frame *f, const struct ip *ip, uint8_t protocol)
{
	uint8_t *at = grow(f, 20 + ip->options), source[16], destination[16];

	at[0] = 0x40 | (5 + ip->options / 4);
	put16(at + 4, ip->id);
	put16(at + 6, (ip->df ? 0x4000 : 0) | (ip->more ? 0x2000 : 0) | ip->offset / 8);
	at[8] = 64;
	at[9] = protocol;
	host_address(source, AF_INET, ip->tx, ip->tx ? ip->local : ip->remote);
	host_address(destination, AF_INET, !ip->tx, ip->tx ? ip->remote : ip->local);
	memcpy(at + 12, source, 4);
	memcpy(at + 16, destination, 4);
	memset(at + 20, 1, ip->options);
}

static void ipv6(struct frame *f, const struct ip *ip, uint8_t protocol)
{
	uint8_t *at = grow(f, 40), *next = at + 6;

	at[0] = 0x60;
	at[7] = 64;
	host_address(at + 8, AF_INET6, ip->tx, ip->tx ? ip->local : ip->remote);
	host_address(at + 24, AF_INET6, !ip->tx, ip->tx ? ip->remote : ip->local);
	for (size_t i = 0; i < ip->extensions_n; i++) {
		*next = ip->extensions[i];
		at = grow(f, extension_len(i));
		at[1] = extension_len(i) / 8 - 1;
		next = at;
	}
	if (ip->more || ip->offset) {
		*next = IPPROTO_FRAGMENT;
		at = grow(f, 8);
		put16(at + 2, ip->offset | ip->more);
		put32(at + 4, ip->id);
		next = at;
	}
	*next = protocol;
}

static void ip_length(struct frame *f)
{
	if (f->family == AF_INET6)
		put16(f->bytes + f->l3 + 4, f->len - f->l3 - 40);
	else
		put16(f->bytes + f->l3 + 2, f->len - f->l3);
}

void frame_begin(struct frame *f, const struct ip *ip, uint8_t protocol)
{
	f->len = 0;
	f->gso_size = 0;
	f->family = ip->family ? ip->family : AF_INET;
	if (!ip->bare)
		ethernet(f, ip);
	f->l3 = f->len;
	if (f->family == AF_INET6)
		ipv6(f, ip, protocol);
	else
		ipv4(f, ip, protocol);
	f->l4 = f->len;
	ip_length(f);
}

void frame_append(struct frame *f, const void *from, size_t len)
{
	uint8_t *at = grow(f, len);

	if (from)
		memcpy(at, from, len);
	ip_length(f);
}

void frame_pad(struct frame *f, size_t len)
{
	grow(f, len);
}

static void ports(uint8_t *to, bool tx, uint16_t local, uint16_t remote)
{
	put16(to, tx ? local : remote);
	put16(to + 2, tx ? remote : local);
}

void frame_tcp(struct frame *f, const struct ip *ip, const struct segment *s)
{
	size_t options = (s->options_n + (s->mss ? 4 : 0) + 3) / 4 * 4;
	uint8_t tcp[60] = { 0 };

	if (options > 40)
		abort();
	ports(tcp, ip->tx, s->local_port ? s->local_port : 40000, s->remote_port ? s->remote_port : 443);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (20 + options) / 4 << 4;
	tcp[13] = s->flags;
	if (!s->window_shut)
		put16(tcp + 14, 0xffff);
	if (s->options_n)
		memcpy(tcp + 20, s->options, s->options_n);
	if (s->mss) {
		tcp[20 + s->options_n] = 2;
		tcp[21 + s->options_n] = 4;
		put16(tcp + 22 + s->options_n, s->mss);
	}
	frame_begin(f, ip, IPPROTO_TCP);
	frame_append(f, tcp, 20 + options);
	frame_append(f, NULL, s->payload);
}

void frame_udp(struct frame *f, const struct ip *ip, uint16_t local_port, uint16_t remote_port, size_t payload)
{
	uint8_t udp[8] = { 0 };

	ports(udp, ip->tx, local_port, remote_port);
	put16(udp + 4, sizeof(udp) + payload);
	frame_begin(f, ip, IPPROTO_UDP);
	frame_append(f, udp, sizeof(udp));
	frame_append(f, NULL, payload);
}

void frame_echo(struct frame *f, const struct ip *ip, bool request, uint16_t id, uint16_t sequence, size_t payload)
{
	uint32_t info = (uint32_t)id << 16 | sequence;

	if (ip->family == AF_INET6)
		frame_icmp(f, ip, request ? 128 : 129, 0, info, NULL, 0);
	else
		frame_icmp(f, ip, request ? 8 : 0, 0, info, NULL, 0);
	frame_append(f, NULL, payload);
}

static void put_le(uint8_t *to, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = value >> (8 * i);
}

void frame_wg(struct frame *f, const struct ip *ip, const struct wg *wg)
{
	uint8_t *message;

	frame_udp(f, ip, wg->local_port ? wg->local_port : 51820, wg->remote_port ? wg->remote_port : 4500,
		  32 + wg->inner);
	message = f->bytes + f->l4 + 8;
	message[0] = wg->type ? wg->type : 4;
	put_le(message + 4, wg->index, 4);
	put_le(message + 8, wg->counter, 8);
}

void frame_icmp(struct frame *f, const struct ip *ip, uint8_t type, uint8_t code, uint32_t info,
		const struct frame *quote, size_t quote_len)
{
	uint8_t icmp[8] = { type, code };

	put32(icmp + 4, info);
	frame_begin(f, ip, ip->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	frame_append(f, icmp, sizeof(icmp));
	if (quote)
		frame_append(f, quote->bytes + quote->l3, quote_len);
}
