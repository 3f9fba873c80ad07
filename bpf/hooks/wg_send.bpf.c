// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wg_socket_send_skb_to_peer (drivers/net/wireguard/socket.c): the outer packet goes to the peer's endpoint, or
 * cannot: no endpoint known, no route, refused by the host's own firewall. The sender of the inner packet is never
 * told.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "compat.bpf.h"
#include "stash.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_error(struct wg_peer *peer, int result)
{
	const struct wire_config *cfg = config_get();
	struct wire_tally_key key = { .kind = WIRE_TALLY_SEND_ERROR, .aux = -result };
	struct net_device *dev = wg_peer_dev(peer);

	if (!cfg || BPF_CORE_READ(dev, nd_net.net, ns.inum) != cfg->netns_inum)
		return 0;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	wg_peer_endpoint(peer, &key);
	tally_add(&key, 0, cfg->now_ms);
	return 0;
}

SEC("fexit/wg_socket_send_skb_to_peer")
int BPF_PROG(fexit_send, struct wg_peer *peer, struct sk_buff *skb, __u8 ds, int result)
{
	return result < 0 ? on_error(peer, result) : 0;
}

SEC("kprobe/wg_socket_send_skb_to_peer")
int BPF_KPROBE(kprobe_send, struct wg_peer *peer)
{
	struct stash s = { .other = (__u64)peer };

	stash_put(NULL, &s);
	return 0;
}

SEC("kretprobe/wg_socket_send_skb_to_peer")
int BPF_KRETPROBE(kretprobe_send, int result)
{
	struct stash s;

	if (stash_take(NULL, &s) || result >= 0)
		return 0;
	return on_error((struct wg_peer *)s.other, result);
}
