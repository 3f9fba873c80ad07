// SPDX-License-Identifier: GPL-2.0-or-later
/* Why a hook could not be attached, for people who know networks and not BPF. Called by hooks.c after a failure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel_internal.h"

#define KERNEL_ENOTSUPP 524 /* the kernel's own, unknown to errno.h */

uint64_t module_id(const char *module)
{
	char path[128];
	struct stat st;

	if (!module)
		return 0;
	/* sysfs makes a new inode when the module is loaded again. */
	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return stat(path, &st) ? 0 : st.st_ino;
}

bool is_missing(int err)
{
	return err == -ESRCH || err == -ENOENT;
}

static bool has_type_information(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	return !access(path, F_OK);
}

static bool is_locked_down(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strstr(text, "[confidentiality]");
}

/* In this order: what is asked for first explains more. */
void why_not(const struct hook *hook, const char *way, int err, char *text, size_t len)
{
	bool probe = !strcmp(way, "kprobe");
	bool no_probes = access("/sys/bus/event_source/devices/kprobe", F_OK);

	if (is_missing(err) && !probe && hook->module && hook->module_id && !has_type_information(hook->module))
		snprintf(text, len, "the %s module has no type information (BTF) on this kernel", hook->module);
	else if (no_probes && err == -EPERM)
		snprintf(text, len, "this kernel was built without function tracing");
	else if (no_probes && probe)
		snprintf(text, len, "this kernel was built without kprobes");
	else if (is_missing(err))
		snprintf(text, len, "no such function in this kernel");
	else if (is_locked_down())
		snprintf(text, len, "the kernel is locked down (confidentiality), its memory may not be read");
	else if (!strcmp(way, "tracepoint") && (err == -EACCES || err == -EINVAL))
		snprintf(text, len, "the tracepoint says less on this kernel");
	else if (err == -KERNEL_ENOTSUPP)
		snprintf(text, len, "this kernel cannot trace it this way");
	else
		snprintf(text, len, "%s", strerror(-err));
}
