/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip_expire (net/ipv4/ip_fragment.c), ip6_frag_expire (net/ipv6/reassembly.c), nf_ct_frag6_expire (conntrack's, in
 * the module nf_defrag_ipv6): a reassembly queue's time is over. The timer also fires for queues that are complete or
 * being taken down, so what follows are the kernel's own conditions. The including file defines FUNCTION and FAMILY.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "frag_queue.bpf.h"

/* The programs' names; BPF_PROG() takes no macro with arguments. */
#define FENTRY OWN_NAME(fentry)
#define KPROBE OWN_NAME(kprobe)

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_expire(struct timer_list *timer)
{
	struct inet_frag_queue *q = (void *)timer - bpf_core_field_offset(struct inet_frag_queue, timer);
	struct wire_tally_key key = { .kind = WIRE_TALLY_REASSEMBLY_TIMEOUT, .family = FAMILY };
	const struct wire_config *cfg = config_get();

	if (!cfg || BPF_CORE_READ(q, fqdir, net, ns.inum) != cfg->netns_inum)
		return 0;
	if (BPF_CORE_READ(q, flags) & INET_FRAG_COMPLETE || BPF_CORE_READ(q, fqdir, dead))
		return 0;
	frag_queue_owner(q, &key);
	frag_queue_link(q, cfg, &key);
	tally_add(&key, frag_queue_size(q, FAMILY), cfg->now_ms);
	return 0;
}

SEC("fentry/" FUNCTION)
int BPF_PROG(FENTRY, struct timer_list *timer)
{
	return on_expire(timer);
}

SEC("kprobe/" FUNCTION)
int BPF_KPROBE(KPROBE, struct timer_list *timer)
{
	return on_expire(timer);
}
