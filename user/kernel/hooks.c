// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracing hooks of hooks.def. Each is its own BPF object that reuses the maps of the tc object, so that one
 * which this kernel cannot load takes nothing else with it. The programs of an object are the ways to attach, tried in
 * order until one loads and attaches; the reason why none did goes to the status record. Reading the kernel's types is
 * most of what loading costs, and each object does it anew: so the best ways of all hooks are tried first in one object.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_internal.h"

#define ATTEMPTS 3 /* at a module: the first may come while it is being loaded */

#define HOOK(object, function, module, blinds) const void *object##_elf(size_t *len);
#include "hooks.def"
#undef HOOK
const void *all_hooks_elf(size_t *len);

static const struct hook HOOKS[] = {
#define HOOK(object, name, of_module, unseen)                                                                          \
	{ .function = name, .module = of_module, .blinds = unseen, .elf = object##_elf },
#include "hooks.def"
#undef HOOK
};

/*
 * The ways to attach, by the beginning of a program's name, and what they are called. Those with one group are attached
 * together.
 */
static const struct way {
	const char *name;
	const char *how;
	int group;
} WAYS[] = {
	{ "fentry", "fentry", 0 },    { "fexit", "fentry", 0 },	     { "kprobe", "kprobe", 1 },
	{ "kretprobe", "kprobe", 1 }, { "tp_btf", "tracepoint", 2 }, { "raw_tp", "tracepoint", 3 },
};

static const struct way *program_way(const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);

	for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
		size_t len = strlen(WAYS[i].name);

		if (!strncmp(name, WAYS[i].name, len) && name[len] == '_')
			return &WAYS[i];
	}
	return NULL;
}

static int maps_reuse(struct bpf_object *object, const struct bpf_object *owner)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
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

/* A program's section ends with the hook's function; a tracepoint's group is not in it. */
static bool is_program_of(const struct bpf_program *prog, const struct hook *hook)
{
	const char *target = strchr(bpf_program__section_name(prog), '/');
	const char *group_end = strchr(hook->function, ':');

	return target && !strcmp(target + 1, group_end ? group_end + 1 : hook->function);
}

/* Of the hook's programs only those of the nth way shall be loaded: returns that way, NULL if there are not so many. */
static const struct way *way_choose(struct bpf_object *object, const struct hook *hook, int n)
{
	const struct way *chosen = NULL, *last = NULL;
	struct bpf_program *prog;

	bpf_object__for_each_program (prog, object) {
		const struct way *way = program_way(prog);

		if (!is_program_of(prog, hook))
			continue;
		if (last && way && way->group != last->group)
			n--;
		bpf_program__set_autoload(prog, way && n == 0);
		if (way && n == 0 && !chosen)
			chosen = way;
		last = way;
	}
	return chosen;
}

/* The last one first: it may be of a function's end, and what another has noted of its beginning would wait for it in vain. */
static int programs_attach(struct hook *hook)
{
	struct bpf_program *prog = NULL;
	size_t n = 0;

	while ((prog = bpf_object__prev_program(hook->object, prog))) {
		if (!bpf_program__autoload(prog) || !is_program_of(prog, hook) || n == HOOK_LINKS)
			continue;
		hook->links[n] = bpf_program__attach(prog);
		if (!hook->links[n++])
			return -errno;
	}
	return 0;
}

static void hook_detach(const struct kernel *kernel, struct hook *hook)
{
	for (size_t i = HOOK_LINKS; i-- > 0;) {
		bpf_link__destroy(hook->links[i]);
		hook->links[i] = NULL;
	}
	if (hook->object != kernel->all_hooks)
		bpf_object__close(hook->object);
	hook->object = NULL;
}

static struct bpf_object *object_open(const void *(*bytes)(size_t *len), const struct kernel_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "mtuscope", .btf_custom_path = options->btf_path);
	size_t len;
	const void *elf = bytes(&len);

	return bpf_object__open_mem(elf, len, &opts);
}

/* Loads and attaches the nth way, which goes to hook->how. 0; why this way failed; or 1: there is no nth way. */
static int hook_try(struct kernel *kernel, struct hook *hook, int n)
{
	const struct way *way;
	int err;

	hook->object = object_open(hook->elf, &kernel->options);
	if (!hook->object)
		return -errno;
	way = way_choose(hook->object, hook, n);
	snprintf(hook->how, sizeof(hook->how), "%s", way ? way->how : "");
	if (!way) {
		hook_detach(kernel, hook);
		return 1;
	}
	err = maps_reuse(hook->object, kernel->tc->obj);
	if (!err)
		err = bpf_object__load(hook->object);
	if (!err)
		err = programs_attach(hook);
	if (err)
		hook_detach(kernel, hook);
	return err;
}

static void hook_attach(struct kernel *kernel, struct hook *hook)
{
	char reason[STATUS_REASON_LEN];
	bool missing = true;
	size_t used = 0;
	int err;

	hook->module_id = module_id(hook->module);
	hook->refused = false;
	hook->dormant = false;
	hook->why_not[0] = '\0';
	for (int n = 0; (err = hook_try(kernel, hook, n)) < 0; n++) {
		why_not(hook, hook->how, err, reason, sizeof(reason));
		missing = missing && is_missing(err);
		hook->refused = hook->refused || err == -EPERM || err == -EACCES;
		if (used < sizeof(hook->why_not))
			used += snprintf(hook->why_not + used, sizeof(hook->why_not) - used, "%s%s: %s", n ? "; " : "",
					 hook->how, reason);
	}
	if (!err || !missing)
		return;
	hook->dormant = hook->module && !hook->module_id;
	if (hook->dormant)
		snprintf(hook->why_not, sizeof(hook->why_not), "nothing to see: the module %s is not loaded",
			 hook->module);
	else
		snprintf(hook->why_not, sizeof(hook->why_not), "no such function in this kernel");
}

/* Loads the best ways of all hooks at once, but those of modules that are not there. 0 or why not. */
static int all_hooks_load(struct kernel *kernel)
{
	struct bpf_object *object = object_open(all_hooks_elf, &kernel->options);
	struct bpf_program *prog;
	int err;

	if (!object)
		return -errno;
	bpf_object__for_each_program (prog, object)
		bpf_program__set_autoload(prog, false);
	for (size_t i = 0; i < kernel->hooks_n; i++) {
		const struct hook *hook = &kernel->hooks[i];

		if (!hook->module || module_id(hook->module))
			way_choose(object, hook, 0);
	}
	err = maps_reuse(object, kernel->tc->obj);
	if (!err)
		err = bpf_object__load(object);
	if (err)
		bpf_object__close(object);
	else
		kernel->all_hooks = object;
	libbpf_forget_warnings();
	return err;
}

/* Attaches what has been loaded with all hooks. 0; or not: it was not loaded, or cannot be attached. */
static int hook_attach_loaded(struct kernel *kernel, struct hook *hook)
{
	struct bpf_program *prog;
	const struct way *way = NULL;
	int err;

	bpf_object__for_each_program (prog, kernel->all_hooks)
		if (!way && bpf_program__autoload(prog) && is_program_of(prog, hook))
			way = program_way(prog);
	if (!way)
		return -ENOENT;
	hook->object = kernel->all_hooks;
	hook->module_id = module_id(hook->module);
	snprintf(hook->how, sizeof(hook->how), "%s", way->how);
	err = programs_attach(hook);
	if (err)
		hook_detach(kernel, hook);
	return err;
}

static bool is_attached(const struct kernel *kernel, const char *function)
{
	for (size_t i = 0; i < kernel->hooks_n; i++)
		if (!strcmp(kernel->hooks[i].function, function))
			return kernel->hooks[i].object;
	return false;
}

int hooks_attach(struct kernel *kernel)
{
	bool loaded;

	kernel->hooks = malloc(sizeof(HOOKS));
	if (!kernel->hooks)
		return -ENOMEM;
	memcpy(kernel->hooks, HOOKS, sizeof(HOOKS));
	kernel->hooks_n = sizeof(HOOKS) / sizeof(HOOKS[0]);
	loaded = !all_hooks_load(kernel);
	for (size_t i = 0; i < kernel->hooks_n; i++)
		if (!loaded || hook_attach_loaded(kernel, &kernel->hooks[i]))
			hook_attach(kernel, &kernel->hooks[i]);
	kernel->config->sees_reassembled = is_attached(kernel, "inet_frag_reasm_finish");
	return 0;
}

void hooks_refresh(struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->hooks_n; i++) {
		struct hook *hook = &kernel->hooks[i];
		uint64_t id = module_id(hook->module);
		bool fresh = id && id != hook->module_id;

		if (id != hook->module_id)
			hook->attempts = 0;
		else if (!id || hook->object || hook->attempts == ATTEMPTS)
			continue;
		hook_detach(kernel, hook);
		hook_attach(kernel, hook);
		hook->attempts++;
		kernel->shut_out = kernel->shut_out || (fresh && !hook->object && hook->refused);
	}
}

void hooks_detach(struct kernel *kernel)
{
	for (size_t i = 0; kernel->hooks && i < kernel->hooks_n; i++)
		hook_detach(kernel, &kernel->hooks[i]);
	bpf_object__close(kernel->all_hooks);
	kernel->all_hooks = NULL;
	free(kernel->hooks);
	kernel->hooks = NULL;
	kernel->hooks_n = 0;
}
