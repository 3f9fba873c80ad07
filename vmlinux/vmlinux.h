/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel types and constants for BPF programs; the one header to include for them.
 * Types come from vmlinux/<arch>/vmlinux.h, which scripts/vmlinux generates from BTF
 * (vmlinux/types.list says which). BTF knows no macros, so those that we use are here,
 * by hand, with the kernel header that has them. Only what is ABI or on the wire. */
#ifndef __VMLINUX_H__ /* this very name makes bpf_tracing.h use the kernel's pt_regs */
#define __VMLINUX_H__

#if defined(__TARGET_ARCH_x86)
#include "x86_64/vmlinux.h"
#elif defined(__TARGET_ARCH_arm64)
#include "aarch64/vmlinux.h"
#else
#error "compile with -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

/* uapi/linux/if_ether.h, if_arp.h, if_packet.h */
#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8
#define VLAN_HLEN 4 /* linux/if_vlan.h */
#define ARPHRD_ETHER 1
#define ARPHRD_NONE 0xFFFE /* what a WireGuard device is: no link header */
#define PACKET_HOST 0
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4

/* uapi/linux/pkt_cls.h, uapi/linux/bpf.h (enum tcx_action_base, Linux 6.6) */
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define TCX_NEXT (-1)

/* linux/socket.h */
#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10

/* net/ip.h: iphdr.frag_off in host byte order; offset in units of 8 bytes */
#define IP_CE 0x8000
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1FFF

/* net/ipv6.h: frag_hdr.frag_off in host byte order; offset in bytes */
#define IP6_MF 0x0001
#define IP6_OFFSET 0xFFF8

/* net/ipv6.h */
#define NEXTHDR_HOP 0
#define NEXTHDR_IPV4 4
#define NEXTHDR_TCP 6
#define NEXTHDR_UDP 17
#define NEXTHDR_IPV6 41
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_GRE 47
#define NEXTHDR_ESP 50
#define NEXTHDR_AUTH 51
#define NEXTHDR_ICMP 58
#define NEXTHDR_NONE 59
#define NEXTHDR_DEST 60
#define NEXTHDR_SCTP 132
#define NEXTHDR_MOBILITY 135
#define IPPROTO_ICMPV6 58 /* uapi/linux/in6.h; the others are an enum */

/* uapi/linux/icmp.h: types, then codes of the two that matter */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_NET_UNREACH 0
#define ICMP_HOST_UNREACH 1
#define ICMP_PROT_UNREACH 2
#define ICMP_PORT_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMP_PKT_FILTERED 13
#define ICMP_EXC_TTL 0
#define ICMP_EXC_FRAGTIME 1

/* uapi/linux/icmpv6.h */
#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_PKT_TOOBIG 2
#define ICMPV6_TIME_EXCEED 3
#define ICMPV6_PARAMPROB 4
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129
#define ICMPV6_ADM_PROHIBITED 1
#define ICMPV6_PORT_UNREACH 4
#define ICMPV6_EXC_HOPLIMIT 0
#define ICMPV6_EXC_FRAGTIME 1

/* net/tcp.h */
#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2
#define TCPOLEN_MSS 4

/* uapi/linux/in.h: inet_sock.pmtudisc */
#define IP_PMTUDISC_DONT 0
#define IP_PMTUDISC_WANT 1
#define IP_PMTUDISC_DO 2
#define IP_PMTUDISC_PROBE 3
#define IP_PMTUDISC_INTERFACE 4
#define IP_PMTUDISC_OMIT 5

/* net/ip.h, linux/ipv6.h: inet_skb_parm.flags, inet6_skb_parm.flags */
#define IPSKB_FORWARDED 0x01
#define IPSKB_FRAG_COMPLETE 0x08
#define IPSKB_FRAG_PMTU 0x40
#define IP6SKB_FORWARDED 2
#define IP6SKB_FRAGMENTED 16

/* linux/skbuff.h: sk_buff._skb_refdst is a pointer to dst_entry with this bit beside it */
#define SKB_DST_NOREF 1UL
#define SKB_DST_PTRMASK (~SKB_DST_NOREF)

#endif
