/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helpers that all formats share: plain values enter, text in the caller's buffer leaves. Called by the sinks
 * and by json.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "format.h"

_Static_assert(FORMAT_IP_LEN == INET6_ADDRSTRLEN, "FORMAT_IP_LEN");
_Static_assert(FORMAT_KEY_LEN == (WG_KEY_LEN + 2) / 3 * 4 + 1, "FORMAT_KEY_LEN");

#define MS_PER_DAY 86400000
#define TIME_MAX   253402300799999 /* 9999-12-31T23:59:59.999Z */

void out_init(struct out *o, char *buf, size_t cap)
{
	*o = (struct out){ .buf = buf, .cap = cap < INT_MAX ? cap : INT_MAX };
}

void out_bytes(struct out *o, const char *bytes, size_t n)
{
	if (o->full || n > o->cap - o->len) {
		o->full = true;
		return;
	}
	if (n)
		memcpy(o->buf + o->len, bytes, n);
	o->len += n;
}

void out_char(struct out *o, char c)
{
	out_bytes(o, &c, 1);
}

void out_string(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

/* Wants room for vsnprintf()'s NUL as well; the newline that ends each record takes its place. */
void out_printf(struct out *o, const char *fmt, ...)
{
	size_t room = o->cap - o->len;
	va_list args;
	int n;

	if (o->full)
		return;
	va_start(args, fmt);
	n = vsnprintf(room ? o->buf + o->len : NULL, room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		o->full = true;
	else
		o->len += (size_t)n;
}

void out_safe(struct out *o, const char *s, size_t size)
{
	out_escaped(o, s, size, "");
}

void out_escaped(struct out *o, const char *s, size_t size, const char *special)
{
	for (size_t i = 0; i < size && s[i];) {
		uint32_t code_point;
		size_t n = utf8_decode(s + i, size - i, &code_point);

		if (n == 1 && strchr(special, s[i]))
			out_char(o, '\\');
		if (!n || utf8_is_control(code_point))
			out_char(o, '?');
		else
			out_bytes(o, s + i, n);
		i += n ? n : 1;
	}
}

int out_finish(const struct out *o)
{
	return o->full ? -ENOSPC : (int)o->len;
}

size_t utf8_decode(const char *s, size_t size, uint32_t *code_point)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	const uint8_t *u = (const uint8_t *)s;

	for (size_t n = 1; n <= sizeof(forms) / sizeof(forms[0]) && n <= size; n++) {
		uint32_t c = u[0] & (uint8_t)~forms[n - 1].mask;

		if ((u[0] & forms[n - 1].mask) != forms[n - 1].lead)
			continue;
		for (size_t i = 1; i < n; i++) {
			if ((u[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (u[i] & 0x3f);
		}
		if (c < forms[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*code_point = c;
		return n;
	}
	return 0;
}

bool utf8_is_control(uint32_t code_point)
{
	static const uint32_t ranges[][2] = {
		{ 0x0000, 0x001f },   /* C0 */
		{ 0x007f, 0x009f },   /* DEL, C1: 0x9b is an escape sequence's beginning, 0x85 a new line */
		{ 0x00ad, 0x00ad },   /* soft hyphen */
		{ 0x061c, 0x061c },   /* Arabic letter mark */
		{ 0x200b, 0x200f },   /* zero width, marks of direction */
		{ 0x2028, 0x202e },   /* line and paragraph separators, embeddings and overrides */
		{ 0x2060, 0x206f },   /* invisible operators, isolates */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xfff9, 0xfffb },   /* interlinear annotation */
		{ 0xe0000, 0xe007f }, /* tags */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code_point >= ranges[i][0] && code_point <= ranges[i][1])
			return true;
	return false;
}

static uint64_t time_clamp(int64_t realtime_ms)
{
	if (realtime_ms < 0)
		return 0;
	return realtime_ms > TIME_MAX ? TIME_MAX : (uint64_t)realtime_ms;
}

/* Days since 1970-01-01 to a Gregorian date. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static void date_of_day(unsigned int days, unsigned int *year, unsigned int *month, unsigned int *day)
{
	unsigned int since_0000_03_01 = days + 719468;
	unsigned int era = since_0000_03_01 / 146097; /* of 400 years, each beginning in March */
	unsigned int day_of_era = since_0000_03_01 % 146097;
	unsigned int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned int month_from_march = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	*month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	*year = era * 400 + year_of_era + (*month <= 2);
}

void format_clock(char buf[FORMAT_CLOCK_LEN], int64_t realtime_ms)
{
	unsigned int s = (unsigned int)(time_clamp(realtime_ms) % MS_PER_DAY / 1000);

	snprintf(buf, FORMAT_CLOCK_LEN, "%02u:%02u:%02u", s / 3600 % 24, s / 60 % 60, s % 60);
}

void format_time(char buf[FORMAT_TIME_LEN], int64_t realtime_ms)
{
	uint64_t ms = time_clamp(realtime_ms);
	unsigned int year, month, day;
	char clock[FORMAT_CLOCK_LEN];

	date_of_day((unsigned int)(ms / MS_PER_DAY), &year, &month, &day);
	format_clock(clock, realtime_ms);
	snprintf(buf, FORMAT_TIME_LEN, "%04u-%02u-%02uT%s.%03uZ", year % 10000, month % 100, day % 100, clock,
		 (unsigned int)(ms % 1000));
}

void format_key(char buf[FORMAT_KEY_LEN], const uint8_t key[WG_KEY_LEN])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *p = buf;

	for (size_t i = 0; i < WG_KEY_LEN; i += 3) {
		size_t n = WG_KEY_LEN - i < 3 ? WG_KEY_LEN - i : 3;
		uint32_t bits = (uint32_t)key[i] << 16;

		bits |= n > 1 ? (uint32_t)key[i + 1] << 8 : 0;
		bits |= n > 2 ? key[i + 2] : 0;
		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*p++ = n > 2 ? digits[bits & 63] : '=';
	}
	*p = '\0';
}

bool format_ip(char buf[FORMAT_IP_LEN], const struct ip_address *ip)
{
	buf[0] = '\0';
	if (ip->family != AF_INET && ip->family != AF_INET6)
		return false;
	return inet_ntop(ip->family, ip->bytes, buf, FORMAT_IP_LEN);
}

bool format_endpoint(char buf[FORMAT_ENDPOINT_LEN], const struct ip_endpoint *endpoint)
{
	char ip[FORMAT_IP_LEN];

	buf[0] = '\0';
	if (!format_ip(ip, &endpoint->ip))
		return false;
	snprintf(buf, FORMAT_ENDPOINT_LEN, endpoint->ip.family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, endpoint->port);
	return true;
}

bool format_decimal(char buf[FORMAT_DECIMAL_LEN], double value, unsigned int decimals)
{
	uint64_t scale = 1, scaled;
	int n;

	buf[0] = '\0';
	if (!(value <= 1e12 && value >= -1e12))
		return false;
	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	scaled = (uint64_t)((value < 0 ? -value : value) * (double)scale + 0.5);
	n = snprintf(buf, FORMAT_DECIMAL_LEN, "%s%" PRIu64 ".%0*" PRIu64, value < 0 && scaled ? "-" : "",
		     scaled / scale, (int)decimals, scaled % scale);
	while (n > 2 && buf[n - 1] == '0' && buf[n - 2] != '.')
		buf[--n] = '\0';
	return true;
}

const char *format_transport(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "ipv6-icmp";
	default:
		return "unknown";
	}
}

bool format_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}
