/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every format needs: a bounded output buffer, and the text of times, keys, addresses and decimals.
 * Called by the sinks and by json.c. No clock, no locale, no static buffer: the same input gives the same bytes.
 */
#ifndef MTUSCOPE_FORMAT_H
#define MTUSCOPE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define FORMAT_TIME_LEN	    25 /* "2026-01-31T10:41:07.250Z" and NUL */
#define FORMAT_CLOCK_LEN    9  /* "10:41:07" and NUL */
#define FORMAT_KEY_LEN	    45 /* base64 of 32 bytes and NUL */
#define FORMAT_IP_LEN	    46 /* INET6_ADDRSTRLEN */
#define FORMAT_ENDPOINT_LEN (FORMAT_IP_LEN + 8)
#define FORMAT_DECIMAL_LEN  32

/* How many of an array's `max` elements to read when its count says n. */
static inline size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

/*
 * Bytes appended to the caller's buffer. Once something did not fit, `full` is set and stays, nothing more is
 * appended, and out_finish() says so: callers need not check each step.
 */
struct out {
	char *buf;
	size_t cap;
	size_t len;
	bool full;
};

void out_init(struct out *o, char *buf, size_t cap);
void out_bytes(struct out *o, const char *bytes, size_t n);
void out_char(struct out *o, char c);
void out_string(struct out *o, const char *s); /* as it is: for text of our own */
__attribute__((format(printf, 2, 3))) void out_printf(struct out *o, const char *fmt, ...); /* no %f: locale */

/*
 * Foreign text, at most `size` bytes or up to a NUL, made harmless for a terminal and a line: control and
 * formatting characters and what is no UTF-8 become '?'.
 */
void out_safe(struct out *o, const char *s, size_t size);

/* The same, with a backslash before each character of `special`, which are ASCII. */
void out_escaped(struct out *o, const char *s, size_t size, const char *special);

/* The length in bytes, or -ENOSPC. Appends nothing: a record ends its own line. */
int out_finish(const struct out *o);

/*
 * The character at s, of which `size` bytes may be read: its length (1 to 4) with its code point in *code_point, or 0
 * if no well-formed UTF-8 begins there (Unicode 15, table 3-7: no overlong forms, no surrogates).
 */
size_t utf8_decode(const char *s, size_t size, uint32_t *code_point);

/* Control, line-breaking, invisible or direction-changing: nothing that a name should do to a reader's screen. */
bool utf8_is_control(uint32_t code_point);

/* Unix time in milliseconds as RFC 3339 in UTC, or its time of day. Clamped to the years 1970 to 9999. */
void format_time(char buf[FORMAT_TIME_LEN], int64_t realtime_ms);
void format_clock(char buf[FORMAT_CLOCK_LEN], int64_t realtime_ms);

/* A WireGuard public key as wg(8) prints it. */
void format_key(char buf[FORMAT_KEY_LEN], const uint8_t key[WG_KEY_LEN]);

/* RFC 5952 text of an address, and address:port or [address]:port; false and "" if there is no address. */
bool format_ip(char buf[FORMAT_IP_LEN], const struct ip_address *ip);
bool format_endpoint(char buf[FORMAT_ENDPOINT_LEN], const struct ip_endpoint *endpoint);

/* "0.97": rounded to at most `decimals` (1 to 6) digits, with a point; false and "" if not finite or above 1e12. */
bool format_decimal(char buf[FORMAT_DECIMAL_LEN], double value, unsigned int decimals);

/* IANA's word for an IPPROTO_ number, as in ECS network.transport: "tcp", "udp", "icmp", "ipv6-icmp"; or "unknown". */
const char *format_transport(uint8_t protocol);
bool format_has_ports(uint8_t protocol);

#endif
