// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope hooks: attaches everything once, says how it went, and detaches. */
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "commands.h"
#include "observer.h"
#include "reporter.h"

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
	enum exit_status result = EXIT_UNKNOWN;
	struct reporter *reporter = NULL; /* lines for a person */
	struct observer *observer = NULL;
	struct status status = { 0 };

	if (((opt->sink || opt->output) && reporter_open(&reporter, opt, "hooks")) ||
	    observer_open(&observer, opt, "hooks"))
		goto out;
	observer_status(observer, &status);
	result = status.state == STATUS_READY ? EXIT_NOTHING : EXIT_WARNING;
	if (!reporter)
		print_hooks(&status);
	else
		reporter_status(reporter, &status, (int64_t)clock_ms(CLOCK_REALTIME));
	if (reporter && !reporter_works(reporter))
		result = EXIT_UNKNOWN;
out:
	observer_close(observer);
	reporter_close(reporter);
	return result;
}
