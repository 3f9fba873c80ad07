// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What this namespace's own TCP counts of its search for the path MTU (sysctl tcp_mtu_probing), from /proc/net/netstat:
 * larger segments that it tried, and whether they arrived. Called by collect.c on every tick. No hook: the kernel counts.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel_internal.h"

#define TEXT_MAX 16384 /* three times what Linux 7 writes */

/* The number under that name: a group is a line of names and a line of numbers, both of which begin with its own. */
uint64_t netstat_value(const char *text, const char *group, const char *name)
{
	const char *names = strstr(text, group), *numbers = names ? strstr(names + 1, group) : NULL;
	size_t len = strlen(name);

	while (numbers && names < numbers) {
		names += strcspn(names, " \n");
		numbers += strcspn(numbers, " \n");
		if (*names++ != ' ' || *numbers++ != ' ')
			break;
		if (!strncmp(names, name, len) && (names[len] == ' ' || names[len] == '\n'))
			return strtoull(numbers, NULL, 10);
	}
	return 0;
}

static void counts_read(const struct kernel *kernel, uint64_t counts[TCP_PROBES])
{
	static const char *const names[TCP_PROBES] = {
		[TCP_PROBE_ARRIVED] = "TCPMTUPSuccess", [TCP_PROBE_LOST] = "TCPMTUPFail"
	};
	char text[TEXT_MAX];
	ssize_t n = pread(kernel->netstat_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < TCP_PROBES; i++)
		counts[i] = netstat_value(text, "TcpExt:", names[i]);
}

/* Without the file nothing is counted: there is no TCP. */
void netstat_open(struct kernel *kernel)
{
	kernel->netstat_fd = open("/proc/self/net/netstat", O_RDONLY | O_CLOEXEC);
	counts_read(kernel, kernel->tcp_probes);
}

void netstat_close(struct kernel *kernel)
{
	if (kernel->netstat_fd >= 0)
		close(kernel->netstat_fd);
}

void netstat_collect(const struct kernel *kernel, struct snapshot *snap)
{
	counts_read(kernel, snap->tcp_probes);
	for (size_t i = 0; i < TCP_PROBES; i++)
		snap->tcp_probes[i] -= kernel->tcp_probes[i];
}
