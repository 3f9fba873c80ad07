// SPDX-License-Identifier: GPL-2.0-or-later
/* Running the tc programs on single packets; see harness.h. */
#define _GNU_SOURCE
#include "harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tc.skel.h"

#define LINKS 3

static const struct {
	const char *name;
	enum wire_role role;
	uint16_t mtu;
} links[LINKS] = {
	{ "tunnel", WIRE_ROLE_TUNNEL, TUNNEL_MTU },
	{ "underlay", WIRE_ROLE_UNDERLAY, UNDERLAY_MTU },
	{ "lan", WIRE_ROLE_LAN, UNDERLAY_MTU },
};

/* Every test of this directory holds this file, and none of them can do a thing for anybody else. */
__attribute__((constructor)) static void only_root(void)
{
	if (!geteuid())
		return;
	puts("1..0 # SKIP only root may load BPF programs");
	exit(0);
}

static size_t link_of(enum program program)
{
	return program / WIRE_DIRECTIONS;
}

static enum wire_direction direction_of(enum program program)
{
	return program == LAN_TX ? WIRE_TX : program % WIRE_DIRECTIONS;
}

/* IPv6 would send packets of its own as soon as the device is up. */
static void device_hush(const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		perror(path);
	close(fd);
}

int device_make(const char *name, short flags, uint32_t *ifindex)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), control = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = { .ifr_flags = flags | IFF_NO_PI };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || control < 0 || ioctl(fd, TUNSETIFF, &request))
		fail_msg("no device %s: %s", name, strerror(errno));
	device_hush(name);
	request.ifr_flags = IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request) || ioctl(control, SIOCGIFINDEX, &request))
		fail_msg("device %s: %s", name, strerror(errno));
	*ifindex = request.ifr_ifindex;
	close(control);
	return fd;
}

static void *map_memory(const struct bpf_map *map, size_t len)
{
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_as(void **state, bool preempt_rt)
{
	struct harness *h = calloc(1, sizeof(*h));

	if (!h || unshare(CLONE_NEWNET)) {
		print_error("no network namespace: %s\n", strerror(errno));
		return -1;
	}
	*state = h;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	h->cpus = libbpf_num_possible_cpus();
	h->tc = tc_bpf__open();
	if (!h->tc)
		return -1;
	h->tc->rodata->preempt_rt = preempt_rt;
	if (tc_bpf__load(h->tc))
		return -1;
	h->config = map_memory(h->tc->maps.config, sizeof(*h->config));
	h->flows = map_memory(h->tc->maps.flows, sizeof(*h->flows) * WIRE_FLOWS);
	if (!h->config || !h->flows)
		return -1;
	h->prog_fd[TUN_RX] = bpf_program__fd(h->tc->progs.mtuscope_tun_rx);
	h->prog_fd[TUN_TX] = bpf_program__fd(h->tc->progs.mtuscope_tun_tx);
	h->prog_fd[UND_RX] = bpf_program__fd(h->tc->progs.mtuscope_und_rx);
	h->prog_fd[UND_TX] = bpf_program__fd(h->tc->progs.mtuscope_und_tx);
	h->prog_fd[LAN_TX] = bpf_program__fd(h->tc->progs.mtuscope_lan_tx);
	for (size_t i = 0; i < LINKS; i++)
		h->tap_fd[i] = device_make(links[i].name, IFF_TAP, &h->config->links[i].ifindex);
	for (int p = 0; p < PROGRAMS; p++)
		h->ifindex[p] = h->config->links[link_of(p)].ifindex;
	return 0;
}

int harness_open(void **state)
{
	return open_as(state, false);
}

int harness_open_preempt_rt(void **state)
{
	return open_as(state, true);
}

int harness_close(void **state)
{
	struct harness *h = *state;

	for (size_t i = 0; i < LINKS; i++)
		close(h->tap_fd[i]);
	munmap(h->config, sizeof(*h->config));
	munmap(h->flows, sizeof(*h->flows) * WIRE_FLOWS);
	tc_bpf__destroy(h->tc);
	free(h);
	return 0;
}

static void hash_empty(const struct bpf_map *map)
{
	char key[64];

	assert_true(bpf_map__key_size(map) <= sizeof(key));
	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
}

static void per_cpu_zero(struct harness *h, const struct bpf_map *map)
{
	void *zeros = calloc(h->cpus, (bpf_map__value_size(map) + 7) / 8 * 8);

	assert_non_null(zeros);
	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &i, zeros, 0), 0);
	free(zeros);
}

int harness_reset(void **state)
{
	struct harness *h = *state;

	hash_empty(h->tc->maps.sessions);
	hash_empty(h->tc->maps.tallies);
	hash_empty(h->tc->maps.fragments);
	per_cpu_zero(h, h->tc->maps.counters);
	per_cpu_zero(h, h->tc->maps.losses);
	memset(h->flows, 0, sizeof(*h->flows) * WIRE_FLOWS);
	memset(h->config, 0, sizeof(*h->config));
	h->config->now_ms = NOW;
	h->config->hash_seed[0] = 0x0123456789abcdef;
	h->config->hash_seed[1] = 0xfedcba9876543210;
	h->config->sees_reassembled = 1;
	h->config->wg_port[WG_PORT] = 1;
	memset(h->config->link_slot, 0xff, sizeof(h->config->link_slot));
	for (size_t i = 0; i < LINKS; i++) {
		h->config->links[i] = (struct wire_link){ .ifindex = h->ifindex[i * WIRE_DIRECTIONS],
							  .mtu = links[i].mtu,
							  .role = links[i].role,
							  .l3_offset = ETHERNET_LEN };
		h->config->link_slot[h->config->links[i].ifindex] = i;
	}
	return 0;
}

static int run_once(struct harness *h, enum program program, const struct frame *f, uint32_t n)
{
	static uint8_t out[FRAME_MAX + 512];
	struct __sk_buff before = { .ifindex = h->ifindex[program], .gso_size = f->gso_size, .mark = 7, .priority = 3 };
	struct __sk_buff after = { .len = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &before, .ctx_size_in = sizeof(before), .ctx_out = &after,
		    .ctx_size_out = sizeof(after), .repeat = n);

	before.cb[0] = before.cb[4] = 0x5a5a5a5a;
	if (f->gso_size)
		before.gso_segs = (f->len + f->gso_size - 1) / f->gso_size;
	if (bpf_prog_test_run_opts(h->prog_fd[program], &opts))
		return -errno;
	assert_int_equal((int)opts.retval, -1);
	assert_int_equal(opts.data_size_out, f->len);
	assert_memory_equal(out, f->bytes, f->len);
	assert_int_equal(after.mark, before.mark);
	assert_int_equal(after.priority, before.priority);
	assert_int_equal(after.tstamp, before.tstamp);
	assert_int_equal(after.gso_size, before.gso_size);
	assert_memory_equal(after.cb, before.cb, sizeof(after.cb));
	return 0;
}

void run_times(struct harness *h, enum program program, const struct frame *f, uint32_t n)
{
	int err = run_once(h, program, f, n);

	if (err)
		fail_msg("the kernel refused a frame of %zu bytes: %s", f->len, strerror(-err));
}

void run(struct harness *h, enum program program, const struct frame *f)
{
	run_times(h, program, f, 1);
}

bool run_any(struct harness *h, enum program program, const struct frame *f)
{
	int err = run_once(h, program, f, 1);

	if (err && err != -EINVAL)
		fail_msg("the kernel refused a frame of %zu bytes: %s", f->len, strerror(-err));
	return !err;
}

static void per_cpu_sum(struct harness *h, const struct bpf_map *map, uint32_t key, uint64_t *sum)
{
	size_t words = (bpf_map__value_size(map) + 7) / 8;
	uint64_t *values = calloc(h->cpus, words * sizeof(*values));

	assert_non_null(values);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, values), 0);
	memset(sum, 0, words * sizeof(*sum));
	for (size_t i = 0; i < words * h->cpus; i++)
		sum[i % words] += values[i];
	free(values);
}

void counters_read(struct harness *h, enum program program, struct wire_counters *c)
{
	per_cpu_sum(h, h->tc->maps.counters, link_of(program) * WIRE_DIRECTIONS + direction_of(program), (uint64_t *)c);
}

uint64_t loss(struct harness *h, enum wire_loss kind)
{
	uint64_t n;

	per_cpu_sum(h, h->tc->maps.losses, kind, &n);
	return n;
}

size_t flows_n(const struct harness *h)
{
	size_t n = 0;

	for (size_t i = 0; i < WIRE_FLOWS; i++)
		n += h->flows[i].tag != 0;
	return n;
}

struct wire_flow *flow_find(struct harness *h, uint16_t local_port, uint16_t remote_port)
{
	struct wire_flow *found = NULL;

	for (size_t i = 0; i < WIRE_FLOWS; i++) {
		struct wire_flow *f = &h->flows[i];

		if (!f->tag || f->local_port != local_port || f->remote_port != remote_port)
			continue;
		assert_null(found);
		found = f;
	}
	return found;
}

struct wire_flow *flow_only(struct harness *h)
{
	assert_int_equal(flows_n(h), 1);
	for (size_t i = 0; i < WIRE_FLOWS; i++)
		if (h->flows[i].tag)
			return &h->flows[i];
	return NULL;
}

/* The key after *key in the map, the first if `first`; false at the end. */
static bool key_next(const struct bpf_map *map, void *key, bool first)
{
	return !bpf_map_get_next_key(bpf_map__fd(map), first ? NULL : key, key);
}

static size_t map_n(const struct bpf_map *map)
{
	char key[64];
	size_t n = 0;

	for (bool first = true; key_next(map, key, first); first = false)
		n++;
	return n;
}

size_t sessions_n(struct harness *h)
{
	return map_n(h->tc->maps.sessions);
}

size_t tallies_n(struct harness *h)
{
	return map_n(h->tc->maps.tallies);
}

bool session_find(struct harness *h, enum wire_direction direction, uint32_t index, struct wire_session_key *key,
		  struct wire_session *s)
{
	for (bool first = true; key_next(h->tc->maps.sessions, key, first); first = false)
		if (key->direction == direction && key->index == index)
			return !bpf_map_lookup_elem(bpf_map__fd(h->tc->maps.sessions), key, s);
	return false;
}

bool tally_find(struct harness *h, enum wire_tally_kind kind, int aux, struct wire_tally_key *key, struct wire_tally *t)
{
	for (bool first = true; key_next(h->tc->maps.tallies, key, first); first = false)
		if (key->kind == kind && (aux < 0 || key->aux == aux))
			return !bpf_map_lookup_elem(bpf_map__fd(h->tc->maps.tallies), key, t);
	return false;
}
