// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracing hooks of hooks.def. Each is its own BPF object that reuses the maps of the tc object, so that one
 * which this kernel cannot load takes nothing else with it. The programs of an object are tried in order until one loads
 * and attaches; the reason why none did goes to the status record.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_internal.h"

#define HOOK(object, function, blinds) const void *object##_elf(size_t *len);
#include "hooks.def"
#undef HOOK

static const struct hook HOOKS[] = {
#define HOOK(object, function, blinds) { function, blinds, object##_elf, NULL, NULL, "", "" },
#include "hooks.def"
#undef HOOK
};

/* The ways to attach by the beginning of a program's name; more ways are more lines. */
static const char *const WAYS[] = { "fentry", "fexit", "kprobe", "kretprobe", "tp_btf", "raw_tp" };

static const char *program_way(const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);

	for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
		size_t len = strlen(WAYS[i]);

		if (!strncmp(name, WAYS[i], len) && name[len] == '_')
			return WAYS[i];
	}
	return "unknown";
}

static int maps_reuse(struct bpf_object *object, const struct bpf_object *owner)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		const struct bpf_map *shared = bpf_object__find_map_by_name(owner, bpf_map__name(map));
		int err;

		if (!shared)
			continue;
		err = bpf_map__reuse_fd(map, bpf_map__fd(shared));
		if (err)
			return err;
	}
	return 0;
}

/* The nth program of the object by order in the file, NULL past the end. */
static struct bpf_program *program_nth(struct bpf_object *object, int n)
{
	struct bpf_program *prog = NULL;

	do {
		prog = bpf_object__next_program(object, prog);
	} while (prog && n-- > 0);
	return prog;
}

static struct bpf_object *hook_open(const struct hook *hook, const struct kernel_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "mtuscope", .btf_custom_path = options->btf_path);
	size_t len;
	const void *elf = hook->elf(&len);

	return bpf_object__open_mem(elf, len, &opts);
}

/* Loads and attaches the nth way. 0; -ENOENT: there is no nth way; or why this way failed. */
static int hook_try(struct kernel *kernel, struct hook *hook, int n, const struct kernel_options *options)
{
	struct bpf_object *object = hook_open(hook, options);
	struct bpf_program *prog, *chosen;
	struct bpf_link *link;
	int err;

	if (!object)
		return -errno;
	chosen = program_nth(object, n);
	if (!chosen) {
		bpf_object__close(object);
		return -ENOENT;
	}
	bpf_object__for_each_program(prog, object)
		bpf_program__set_autoload(prog, prog == chosen);
	snprintf(hook->how, sizeof(hook->how), "%s", program_way(chosen));
	err = maps_reuse(object, kernel->tc->obj);
	if (!err)
		err = bpf_object__load(object);
	if (!err) {
		link = bpf_program__attach(chosen);
		err = link ? 0 : -errno;
		hook->link = link;
	}
	if (err) {
		bpf_object__close(object);
		return err == -ENOENT ? -ESRCH : err;
	}
	hook->object = object;
	return 0;
}

static void hook_attach(struct kernel *kernel, struct hook *hook, const struct kernel_options *options)
{
	size_t used = 0;
	int err;

	for (int n = 0;; n++) {
		libbpf_forget_warnings();
		err = hook_try(kernel, hook, n, options);
		if (!err) {
			hook->why_not[0] = '\0';
			return;
		}
		if (err == -ENOENT)
			break;
		if (used < sizeof(hook->why_not))
			used += snprintf(hook->why_not + used, sizeof(hook->why_not) - used, "%s%s: %s",
					 used ? "; " : "", hook->how,
					 err == -ESRCH ? "no such function in this kernel" : strerror(-err));
	}
	hook->how[0] = '\0';
}

int hooks_attach(struct kernel *kernel, const struct kernel_options *options)
{
	kernel->hooks = malloc(sizeof(HOOKS));
	if (!kernel->hooks)
		return -ENOMEM;
	memcpy(kernel->hooks, HOOKS, sizeof(HOOKS));
	kernel->hooks_n = sizeof(HOOKS) / sizeof(HOOKS[0]);
	for (size_t i = 0; i < kernel->hooks_n; i++)
		hook_attach(kernel, &kernel->hooks[i], options);
	return 0;
}

void hooks_detach(struct kernel *kernel)
{
	for (size_t i = 0; kernel->hooks && i < kernel->hooks_n; i++) {
		bpf_link__destroy(kernel->hooks[i].link);
		bpf_object__close(kernel->hooks[i].object);
	}
	free(kernel->hooks);
	kernel->hooks = NULL;
}
