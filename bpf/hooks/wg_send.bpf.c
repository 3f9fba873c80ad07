// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wg_socket_send_skb_to_peer (drivers/net/wireguard/socket.c): the outer packet goes to the peer's endpoint, or
 * cannot: no endpoint known, no route. The sender of the inner packet is never told. What is lost behind that, by the
 * host's own firewall, for want of a neighbour's address or by a route back into the tunnel, is no error here; but WireGuard
 * makes handshakes, and they are in vain.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "compat.bpf.h"
#include "stash.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* The type of service of handshakes and of nothing else (messages.h): what carries data has at most two bits of ECN there. */
#define HANDSHAKE_DSCP 0x88

static __always_inline int on_send(struct wg_peer *peer, __u8 ds, int result)
{
	struct wire_tally_key key = { .kind = WIRE_TALLY_HANDSHAKE_MADE };
	const struct wire_config *cfg;
	struct net_device *dev;

	if (result >= 0 && ds != HANDSHAKE_DSCP)
		return 0;
	if (result < 0) {
		key.kind = WIRE_TALLY_SEND_ERROR;
		key.aux = -result;
	}
	cfg = config_get();
	dev = wg_peer_dev(peer);
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
	return on_send(peer, ds, result);
}

SEC("kprobe/wg_socket_send_skb_to_peer")
int BPF_KPROBE(kprobe_send, struct wg_peer *peer, struct sk_buff *skb, __u8 ds)
{
	struct stash s = { .other = (__u64)peer, .size = ds };

	stash_put(NULL, &s);
	return 0;
}

SEC("kretprobe/wg_socket_send_skb_to_peer")
int BPF_KRETPROBE(kretprobe_send, int result)
{
	struct stash s;

	return stash_take(NULL, &s) ? 0 : on_send((struct wg_peer *)s.other, s.size, result);
}
