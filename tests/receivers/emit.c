// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Findings through the reporter and the outlets of `serve` to a syslog server, as fast as they go, and to a file as the
 * reference. What each finding says follows from its serial number.
 *
 *	emit TARGET FILE	TARGET as for --syslog
 *
 * Commands on stdin, each answered with "produced P sent S lost L", records to TARGET:
 *	feed N	N findings, never more than the queue holds
 *	flood N	N findings at once
 *	drain	until nothing waits any more and what was lost has been told
 * In between it lives on as the daemon does. Called by syslog.sh.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "reporter.h"

#define TICK_MS	    10
#define WAITING_MAX 100 /* records: far less than the queue holds */
#define EPOCH_MS    1767225600000

static struct reporter *server, *file;
static uint64_t told; /* status records for the server alone */
static uint64_t serial;

static void make(struct finding *f)
{
	static const char *const names[] = { "wg0", "w\"]=|\\b", "wg-\xc3\xa9" };
	uint32_t n = (uint32_t)++serial;

	*f = (struct finding){
		.class = n % FINDING_CLASSES,
		.state = n % 3,
		.severity = finding_class_severity(n % FINDING_CLASSES),
		.confidence = n % 1000 / 1000.0,
		.tunnel_mtu = 1280 + n % 7000,
		.has_peer = true,
		.endpoint = { { AF_INET, { 192, 0, 2, (uint8_t)n } }, (uint16_t)(1 + n % 65535) },
		.direction = n % 2 ? WIRE_TX : WIRE_RX,
		.path_mtu_lower = 576 + n % 8000,
		.path_mtu_upper = 577 + n,
		.path_mtu_exact = n % 5 == 0,
		.recommended_mtu = 516 + n % 8000,
		.basis = BASIS_BRACKET,
		.evidence = { { EVIDENCE_TCP_RETRANSMIT, n, 60 + n % 100, 1000 + n } },
		.evidence_n = 1,
		.flows = { { IPPROTO_TCP,
			     { { AF_INET, { 10, 0, (uint8_t)(n >> 8), (uint8_t)n } }, (uint16_t)(1 + n % 65535) },
			     { { AF_INET6, { 0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(n >> 8), (uint8_t)n } }, 25 },
			     n * 7 } },
		.flows_n = 1,
		.first_seen_ms = EPOCH_MS + n,
		.last_seen_ms = EPOCH_MS + n * 1000,
	};
	memcpy(f->public_key, &n, sizeof(n));
	memset(f->public_key + sizeof(n), (int)n, WG_KEY_LEN - sizeof(n));
	snprintf(f->id, sizeof(f->id), "%032x", n);
	snprintf(f->interface, sizeof(f->interface), "%s", names[n % 3]);
	snprintf(f->message, sizeof(f->message), "Finding %u of \"%s\".", n, f->interface);
}

/* No snapshots: the counters that they bring every ten seconds would come between the numbers that are compared. */
static void tick(void)
{
	static const struct status status = { .state = STATUS_DEGRADED };
	uint64_t now_ms = (uint64_t)clock_ms(CLOCK_MONOTONIC);

	reporter_pump(server, now_ms);
	reporter_pump(file, now_ms);
	if (reporter_has_missed(server)) {
		told++;
		reporter_tell_missed(server, &status, clock_ms(CLOCK_REALTIME));
	}
}

static uint64_t produced(void)
{
	return reporter_counts(file).sent + told;
}

static uint64_t waiting(void)
{
	struct outlet_counts c = reporter_counts(server);

	return produced() - c.sent - c.lost;
}

static void send_findings(unsigned long n, uint64_t waiting_max)
{
	while (n--) {
		struct finding f;

		make(&f);
		reporter_finding(file, &f, f.last_seen_ms);
		reporter_finding(server, &f, f.last_seen_ms);
		while (waiting() > waiting_max) {
			poll(NULL, 0, 1);
			tick();
		}
	}
}

static void drain(void)
{
	while (waiting() || reporter_has_missed(server)) {
		poll(NULL, 0, 1);
		tick();
	}
}

static void answer(void)
{
	struct outlet_counts c = reporter_counts(server);

	printf("produced %llu sent %llu lost %llu\n", (unsigned long long)produced(), (unsigned long long)c.sent,
	       (unsigned long long)c.lost);
	fflush(stdout);
}

static void obey(const char *command)
{
	unsigned long n;

	if (sscanf(command, "feed %lu", &n) == 1)
		send_findings(n, WAITING_MAX);
	else if (sscanf(command, "flood %lu", &n) == 1)
		send_findings(n, UINT64_MAX);
	else
		drain();
	answer();
}

int main(int argc, char **argv)
{
	struct options to_file = { .outputs_n = 1 }, to_server = { .outputs_n = 1 };
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char command[64];

	if (argc != 3 || !outlet_syslog_kind(argv[1], &to_server.outputs[0].kind)) {
		fprintf(stderr, "usage: emit TARGET FILE\n");
		return 2;
	}
	to_server.outputs[0].target = argv[1];
	to_file.outputs[0] = (struct output_option){ OUTLET_FILE, argv[2] };
	if (reporter_serve(&server, &to_server, "emit") || reporter_serve(&file, &to_file, "emit"))
		return 1;
	/* One command at a time: none waits in stdio's buffer while poll() is asked. */
	for (;;) {
		tick();
		if (poll(&in, 1, TICK_MS) != 1)
			continue;
		if (!fgets(command, sizeof(command), stdin))
			break;
		obey(command);
	}
	reporter_close(server);
	reporter_close(file);
	return 0;
}
