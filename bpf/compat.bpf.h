/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between kernel versions and CO-RE cannot settle alone.
 *
 * WireGuard's types are the module's. Modules have type information since Linux 5.11 (commit 5f9ae91f7c0d, "kbuild:
 * Build kernel module BTFs"), where DEBUG_INFO_BTF_MODULES is set; without it CO-RE cannot find the fields. The
 * offsets below are the same in Debian's 5.10 to 7.3: everything in front of them in the structs is too.
 */
#ifndef MTUSCOPE_COMPAT_BPF_H
#define MTUSCOPE_COMPAT_BPF_H

#define WG_PEER_ENDPOINT 168 /* struct wg_peer.endpoint */
#define WG_CB_KEYPAIR	 8   /* struct packet_cb.keypair, in skb->cb */

/* peer->device->dev; both are first members. */
static __always_inline struct net_device *wg_peer_dev(struct wg_peer *peer)
{
	struct net_device *dev = NULL;
	void *device = NULL;

	if (bpf_core_type_exists(struct wg_peer))
		return BPF_CORE_READ(peer, device, dev);
	bpf_probe_read_kernel(&device, sizeof(device), peer);
	bpf_probe_read_kernel(&dev, sizeof(dev), device);
	return dev;
}

/* Family, address and port of the peer's endpoint; family 0 if it has none. */
static __always_inline void wg_peer_endpoint(struct wg_peer *peer, struct wire_tally_key *key)
{
	struct sockaddr_in6 at = {}; /* struct endpoint begins with a sockaddr, IPv4's or IPv6's */
	const void *from = (void *)peer + WG_PEER_ENDPOINT;

	if (bpf_core_type_exists(struct wg_peer))
		from = (void *)peer + bpf_core_field_offset(struct wg_peer, endpoint);
	bpf_probe_read_kernel(&at, sizeof(at), from);
	key->family = at.sin6_family;
	key->port = __builtin_bswap16(at.sin6_port);
	if (at.sin6_family == AF_INET)
		__builtin_memcpy(key->remote, &((struct sockaddr_in *)&at)->sin_addr, 4);
	else if (at.sin6_family == AF_INET6)
		__builtin_memcpy(key->remote, &at.sin6_addr, 16);
}

/* The peer whose session decrypted the packet: PACKET_CB(skb)->keypair->entry.peer; the last two are first members. */
static __always_inline struct wg_peer *wg_packet_peer(struct sk_buff *skb)
{
	const void *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb), *keypair = NULL;
	struct wg_peer *peer = NULL;

	if (bpf_core_type_exists(struct packet_cb))
		bpf_probe_read_kernel(&keypair, sizeof(keypair), cb + bpf_core_field_offset(struct packet_cb, keypair));
	else
		bpf_probe_read_kernel(&keypair, sizeof(keypair), cb + WG_CB_KEYPAIR);
	if (bpf_core_type_exists(struct noise_keypair))
		keypair += bpf_core_field_offset(struct noise_keypair, entry.peer);
	bpf_probe_read_kernel(&peer, sizeof(peer), keypair);
	return peer;
}

#endif
