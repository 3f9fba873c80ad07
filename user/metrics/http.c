// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See http.h. HTTP/1.0 on libevent's buffers: a request's header of at most REQUEST_MAX bytes within DEADLINE_S seconds, at
 * most CLIENTS_MAX at a time, the connection closed after the answer.
 */
#include "http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"

#define LISTENERS_MAX	8
#define CLIENTS_MAX	16
#define REQUEST_MAX	4096
#define DEADLINE_S	10
#define ACTIVATED_FIRST 3 /* SD_LISTEN_FDS_START */
#define CONTENT_TYPE	"text/plain; version=0.0.4; charset=utf-8"

struct client {
	struct http *http;
	struct bufferevent *connection;
	struct event *deadline;
	bool answered;
};

struct http {
	struct event_base *base;
	http_body_fn body;
	void *arg;
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t listeners_n;
	struct client clients[CLIENTS_MAX]; /* free where there is no connection */
};

static void client_end(struct client *c)
{
	if (c->deadline)
		event_free(c->deadline);
	if (c->connection)
		bufferevent_free(c->connection);
	*c = (struct client){ 0 };
}

static void respond(struct client *c, const char *status, const char *body, size_t len, bool with_body)
{
	struct evbuffer *out = bufferevent_get_output(c->connection);

	c->answered = true;
	bufferevent_disable(c->connection, EV_READ);
	evbuffer_add_printf(out,
			    "HTTP/1.0 %s\r\nContent-Type: " CONTENT_TYPE "\r\nContent-Length: %zu\r\n"
			    "Connection: close\r\n\r\n",
			    status, len);
	if (with_body)
		evbuffer_add(out, body, len);
}

static void respond_text(struct client *c, const char *status, const char *text)
{
	respond(c, status, text, strlen(text), true);
}

static void answer(struct client *c, char *request)
{
	bool head = !strncmp(request, "HEAD ", 5);
	char *path = strchr(request, ' '), *end = path ? strpbrk(path + 1, " ?") : NULL;
	const char *body;
	size_t len;

	if (!end) {
		respond_text(c, "400 Bad Request", "no HTTP request\n");
		return;
	}
	*end = '\0';
	if (!head && strncmp(request, "GET ", 4)) {
		respond_text(c, "405 Method Not Allowed", "only GET and HEAD\n");
	} else if (strcmp(path + 1, "/metrics")) {
		respond_text(c, "404 Not Found", "mtuscope: see /metrics\n");
	} else {
		body = c->http->body(&len, c->http->arg);
		if (body)
			respond(c, "200 OK", body, len, !head);
		else
			respond_text(c, "503 Service Unavailable", "no metrics now\n");
	}
}

static void on_read(struct bufferevent *connection, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(connection);
	struct client *c = arg;
	size_t len = evbuffer_get_length(in);
	char request[REQUEST_MAX + 1];

	if (c->answered)
		return;
	if (len > REQUEST_MAX) {
		respond_text(c, "431 Request Header Fields Too Large", "too long\n");
		return;
	}
	evbuffer_copyout(in, request, len);
	request[len] = '\0';
	if (!strstr(request, "\r\n\r\n") && !strstr(request, "\n\n"))
		return;
	request[strcspn(request, "\r\n")] = '\0';
	answer(c, request);
}

static void on_written(struct bufferevent *connection, void *arg)
{
	(void)connection;
	if (((struct client *)arg)->answered)
		client_end(arg);
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
	(void)connection;
	(void)what;
	client_end(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_end(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct timeval deadline = { .tv_sec = DEADLINE_S };
	struct http *h = arg;
	struct client *c = NULL;

	(void)listener;
	(void)from;
	(void)len;
	for (size_t i = 0; i < CLIENTS_MAX && !c; i++)
		if (!h->clients[i].connection)
			c = &h->clients[i];
	if (c)
		c->connection = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->connection) {
		close(fd);
		return;
	}
	c->http = h;
	c->deadline = evtimer_new(h->base, on_deadline, c);
	if (!c->deadline || evtimer_add(c->deadline, &deadline)) {
		client_end(c);
		return;
	}
	bufferevent_setcb(c->connection, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->connection, EV_READ, 0, REQUEST_MAX + 1);
	bufferevent_enable(c->connection, EV_READ | EV_WRITE);
}

struct http *http_new(struct event_base *base, http_body_fn body, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h)
		*h = (struct http){ .base = base, .body = body, .arg = arg };
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		client_end(&h->clients[i]);
	for (size_t i = 0; i < h->listeners_n; i++)
		evconnlistener_free(h->listeners[i]);
	free(h);
}

/* A socket that an earlier run has left, and nothing else, gives way. */
static void remove_stale(const struct address *a)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->storage;
	struct stat st;

	if (a->storage.ss_family == AF_UNIX && !lstat(un->sun_path, &st) && S_ISSOCK(st.st_mode))
		unlink(un->sun_path);
}

static int keep(struct http *h, struct evconnlistener *listener)
{
	if (!listener)
		return errno ? -errno : -ENOMEM;
	h->listeners[h->listeners_n++] = listener;
	return 0;
}

int http_listen(struct http *h, const char *address)
{
	unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	struct address a;

	if (!address_parse(&a, address, 0))
		return -EINVAL;
	if (h->listeners_n == LISTENERS_MAX)
		return -ENOSPC;
	remove_stale(&a);
	errno = 0;
	return keep(h, evconnlistener_new_bind(h->base, on_accept, h, flags, CLIENTS_MAX, (struct sockaddr *)&a.storage,
					       (int)a.len));
}

int http_listen_activated(struct http *h)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = fds ? atoi(fds) : 0, err;

	if (!pid || atol(pid) != getpid() || n <= 0)
		return 0;
	for (int fd = ACTIVATED_FIRST; fd < ACTIVATED_FIRST + n; fd++) {
		if (h->listeners_n == LISTENERS_MAX)
			return -ENOSPC;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		evutil_make_socket_nonblocking(fd);
		errno = 0;
		err = keep(h, evconnlistener_new(h->base, on_accept, h, LEV_OPT_CLOSE_ON_FREE, 0, fd));
		if (err)
			return err;
	}
	return n;
}
