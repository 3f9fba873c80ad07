// SPDX-License-Identifier: GPL-2.0-or-later
/* The bytes of an echo probe; see message.h. */
#include "message.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>

static uint16_t get_be16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static void put_be16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static uint16_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void echo_build(const struct echo_identity *e, uint16_t seq, uint8_t *message, size_t len)
{
	memset(message, 0, len);
	message[0] = e->family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	put_be16(message + 4, e->id);
	put_be16(message + 6, seq);
	memcpy(message + ECHO_HEADER, e->nonce, ECHO_NONCE_LEN);
	/* IPv6: the kernel fills it in, since it covers the addresses. */
	if (e->family != AF_INET6)
		put_be16(message + 2, checksum(message, len));
}

int echo_reply_seq(const struct echo_identity *e, const uint8_t *message, size_t len)
{
	uint8_t type = e->family == AF_INET6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;

	if (len < ECHO_HEADER + ECHO_NONCE_LEN || message[0] != type || message[1] != 0 ||
	    get_be16(message + 4) != e->id || memcmp(message + ECHO_HEADER, e->nonce, ECHO_NONCE_LEN))
		return -1;
	return get_be16(message + 6);
}

int echo_quoted_seq(const struct echo_identity *e, const uint8_t *message, size_t len)
{
	uint8_t type = e->family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;

	if (len < ECHO_HEADER || message[0] != type || message[1] != 0 || get_be16(message + 4) != e->id)
		return -1;
	/* A router may quote no more than the header. */
	if (len >= ECHO_HEADER + ECHO_NONCE_LEN && memcmp(message + ECHO_HEADER, e->nonce, ECHO_NONCE_LEN))
		return -1;
	return get_be16(message + 6);
}

size_t ipv4_header_len(const uint8_t *packet, size_t len)
{
	size_t header = len >= 20 && packet[0] >> 4 == 4 ? (size_t)(packet[0] & 15) * 4 : 0;

	return header >= 20 && header <= len ? header : 0;
}
