/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the BPF edge share: the loaded object with the maps, the hooks, the links with tc programs. */
#ifndef MTUSCOPE_KERNEL_INTERNAL_H
#define MTUSCOPE_KERNEL_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel.h"
#include "tc.skel.h"

#define LIBBPF_LOG_LEN 1024

/* A way has two programs at most: a function's entry and its exit. */
#define HOOK_LINKS 2

struct hook {
	const char *function;
	const char *module; /* that the function is in, NULL: the kernel itself */
	const char *blinds;
	const void *(*elf)(size_t *len);
	struct bpf_object *object; /* its own, or that of all hooks; NULL: not attached */
	struct bpf_link *links[HOOK_LINKS];
	uint64_t module_id; /* the module's at the last attempt to attach */
	int attempts;	    /* to attach to this module_id */
	bool refused;	    /* not attached for want of privilege */
	bool dormant;	    /* not attached, and nothing to miss: the module is not loaded */
	char how[16];
	char why_not[STATUS_REASON_LEN]; /* not attached; or attached, but not in the best way */
};

/* One direction of one link with a tc program. */
struct tc_attachment {
	uint32_t ifindex;
	char ifname[IFACE_NAME_LEN];
	enum wire_direction direction;
	enum wire_role role;
	int link_fd;	   /* tcx: closing it detaches; -1 with clsact */
	uint32_t handle;   /* clsact */
	uint32_t priority; /* clsact */
	bool attached;
	char why_not[STATUS_REASON_LEN];
};

struct kernel {
	struct tc_bpf *tc;
	struct wire_config *config;	    /* mapped */
	struct wire_flow *flows;	    /* mapped; read, and written by flow_age() alone */
	msec_t aged_ms;			    /* when they last were */
	msec_t clock_ms;		    /* that the programs have */
	uint64_t clock_late;		    /* WIRE_LOSS_CLOCK_LATE */
	uint64_t retired[WIRE_TALLY_KINDS]; /* counts of the tallies that gave their places */
	struct hook *hooks;
	size_t hooks_n;
	struct bpf_object *all_hooks; /* see hooks.c; NULL: this kernel refuses it */
	struct tc_attachment attachments[WIRE_LINKS * WIRE_DIRECTIONS];
	size_t attachments_n;
	struct kernel_options options;
	struct drop_names *drop_names;
	struct inventory_reader *reader;
	int netstat_fd;			 /* -1: there is no TCP */
	uint64_t tcp_probes[TCP_PROBES]; /* as they were at the start */
	int slot_fd;			 /* abstract socket that says this instance lives */
	int slot;			 /* its number: part of our tc filters' handles */
	int cpus;
	bool shut_out; /* see kernel_is_shut_out() */
};

/* hooks.c: makes the table from hooks.def and attaches what can be attached. 0 or -ENOMEM. */
int hooks_attach(struct kernel *kernel);
/* Attaches again where a module has been loaded, or unloaded and loaded: kprobes fall silent then, and say nothing. */
void hooks_refresh(struct kernel *kernel);
void hooks_detach(struct kernel *kernel);

/* why_not.c: an identity that is new each time the module is loaded; 0: not loaded, or built in without parameters. */
uint64_t module_id(const char *module);
/* True if err means that there is no such function. */
bool is_missing(int err);
/* Why this way (fentry, kprobe, …) of attaching the hook failed with err, in plain words. */
void why_not(const struct hook *hook, const char *way, int err, char *text, size_t len);

/* types.c: those of the file, NULL: of the running kernel. 0; -ENODATA: they are not a kernel's; or -ENOMEM. */
int types_load(struct btf **types, const char *path);

/* drops.c: takes the names of the kernel's drop reasons; where types is NULL they keep their numbers. 0 or -ENOMEM. */
int drop_names_load(struct kernel *kernel, const struct btf *types);
void drop_names_free(struct drop_names *names);
int drops_collect(struct kernel *kernel, struct snapshot *snap);

/* maps.c: room for one more after n elements. 0 or -ENOMEM. */
int collect_grow(void **array, size_t n, size_t size);
/* Walks a hash map by batches; an element added meanwhile may be missed until the next tick. 0 or -errno. */
typedef int (*collect_fn)(struct snapshot *snap, const void *key, const void *value);
int collect_map(int fd, size_t key_len, size_t value_len, struct snapshot *snap, collect_fn fn);
/* Sums a per-CPU element of `words` counters into sum[]. 0 or -errno. */
int collect_per_cpu(const struct kernel *kernel, const struct bpf_map *map, uint32_t key, uint64_t *sum, size_t words);

/*
 * tallies.c: the tallies of the map into *snap, whose time is set. Where the map fills up, what was quiet for long is
 * taken out of it and added to retired[]. 0 or -errno.
 */
int tallies_collect(int fd, uint64_t retired[WIRE_TALLY_KINDS], struct snapshot *snap);

/* netstat.c: local TCP's own counters, since netstat_open(); the parser of their file. */
void netstat_open(struct kernel *kernel);
void netstat_close(struct kernel *kernel);
void netstat_collect(const struct kernel *kernel, struct snapshot *snap);
uint64_t netstat_value(const char *text, const char *group, const char *name);

/* tc.c: 0 or -errno; the reason for a failure is in at->why_not. */
int tc_attach(struct kernel *kernel, struct tc_attachment *at);
void tc_detach(struct kernel *kernel, struct tc_attachment *at);
/* Takes an instance number and removes the clsact filters of instances that no longer live. */
void tc_take_slot(struct kernel *kernel);

/* The last warning that libbpf printed, one line, for explaining a failure. */
const char *libbpf_last_warning(void);
void libbpf_forget_warnings(void);

#endif
