/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small HTTP server for /metrics: few clients, short requests, little time, one answer each. */
#ifndef MTUSCOPE_HTTP_H
#define MTUSCOPE_HTTP_H

#include <stddef.h>

struct event_base;
struct http;

/* The body of an answer, which stays valid until the next call, or NULL. */
typedef const char *(*http_body_fn)(size_t *len, void *arg);

struct http *http_new(struct event_base *base, http_body_fn body, void *arg); /* NULL: no memory */
void http_free(struct http *h);						      /* NULL is allowed */

/* Listens at an address as address_parse() reads it. 0 or -errno, -EINVAL: no such address. */
int http_listen(struct http *h, const char *address);

/* Takes the sockets that systemd has opened for this process: their number or -errno. */
int http_listen_activated(struct http *h);

#endif
