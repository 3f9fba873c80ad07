// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope hooks: attaches everything once, says how it went, and detaches. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "observer.h"
#include "sink.h"

static void print_hook(const struct hook_status *h)
{
	printf("%-28s %-8s %s\n", h->name, h->attached ? h->how : "-", h->attached ? h->note : h->why_not);
	if (!h->attached && h->blinds)
		printf("%-28s %-8s unseen: %s\n", "", "", h->blinds);
}

static void print_hooks(const struct status *status)
{
	printf("%-28s %-8s %s\n", "HOOK", "HOW", "REMARK");
	for (size_t i = 0; i < status->hooks_n; i++)
		print_hook(&status->hooks[i]);
}

enum exit_status cmd_hooks(const struct options *opt)
{
	struct sink_options sink_options = { .verbose = opt->verbose, .version = VERSION };
	char record[SINK_RECORD_MAX];
	struct observer *observer;
	struct status status = { 0 };
	enum status_state state;
	int len;

	if (observer_open(&observer, opt, "hooks"))
		return EXIT_UNKNOWN;
	observer_status(observer, &status);
	state = status.state;
	if (!opt->sink) {
		print_hooks(&status);
	} else {
		len = opt->sink->status(record, sizeof(record), &status, (int64_t)time(NULL) * 1000, &sink_options);
		if (len > 0)
			fwrite(record, 1, len, stdout);
	}
	observer_close(observer);
	return state == STATUS_READY ? EXIT_NOTHING : EXIT_WARNING;
}
