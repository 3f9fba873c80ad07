#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Too-big messages that the gateway makes for the server, and how many of them arrive: mtuscope's counters against
# nftables', where the gateway's own rules drop every second one. Then path MTUs that the relay learns from a router.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/counters.sh"

COUNT=100

lab_require_wireguard
lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
# The gateway's own rate limits would make it a matter of time how many leave.
in_ns "$LAB_GW" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
in_ns "$LAB_GW" nft -f - <<-END || bail_out "cannot set the gateway's rules"
	table inet made {
		chain out {
			type filter hook output priority 0;
			icmp type destination-unreachable icmp code frag-needed counter
			icmpv6 type packet-too-big counter
		}
	}
	table inet half {
		chain out {
			type filter hook output priority 10;
			icmp type destination-unreachable icmp code frag-needed numgen inc mod 2 == 0 drop
			icmpv6 type packet-too-big numgen inc mod 2 == 0 drop
		}
	}
END
# It counts them and does not listen: it goes on sending at that size.
in_ns "$LAB_SERVER" nft -f - <<-END || bail_out "cannot count at the server"
	table inet arrived {
		chain in {
			type filter hook prerouting priority -300;
			icmp type destination-unreachable icmp code frag-needed counter drop
			icmpv6 type packet-too-big counter drop
		}
	}
END
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS

in_ns "$LAB_SERVER" ping -n -q -i 0.01 -c "$COUNT" -W 1 -M "do" -s 2000 10.30.0.1 >/dev/null
in_ns "$LAB_SERVER" ping -n -q -i 0.01 -c "$COUNT" -W 1 -M "do" -s 2000 fd30::1 >/dev/null
stop_mtuscope

made=$(lab_nft_count "$LAB_GW" made)
arrived=$(lab_nft_count "$LAB_SERVER" arrived)
is "$(lab_tallied "$records" too-big-made '.family == 4')" "$COUNT" "IPv4: one made for each packet"
is "$(lab_tallied "$records" too-big-made '.family == 6')" "$COUNT" "IPv6: one made for each packet"
is "$(lab_tallied "$records" too-big-made)" "$made" "as many made as nftables saw"
is "$(lab_tallied "$records" too-big-made '.aux == 1420')" "$made" "all with the tunnel's MTU"
is "$(lab_tallied "$records" too-big-made '.remote.ip == "192.168.3.69" and .size.max == 2028')" "$COUNT" \
	"the server is told, about packets of 2028 bytes"
is "$(lab_tallied "$records" too-big-made '.destination == "10.30.0.1"')" "$COUNT" "and where they should have gone"
is "$arrived" "$COUNT" "every second one arrived"
is "$(lab_tallied "$records" too-big-tx)" "$arrived" "as many left as arrived"

# A router on the path with an MTU of 1400: a ping of the relay's learns it.
lab_path_honest 1400
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start on the relay"
records=$MTUSCOPE_RECORDS
for ip in 203.0.113.3 2001:db8:2::3; do
	check_fails "the first ping to $ip does not arrive" lab_pings "$LAB_RELAY" "$ip" 1450
	check "the relay's route to $ip has learned" grep -q "mtu 1400" <(ip -n "$LAB_RELAY" route get "$ip")
done
stop_mtuscope
for ip in 203.0.113.3 2001:db8:2::3; do
	is "$(lab_tallied "$records" pmtu-learned ".remote.ip == \"$ip\" and .aux == 1400")" 1 "so has mtuscope, to $ip"
done
is "$(lab_tallied "$records" pmtu-learned)" 2 "and nothing else"

# The tunnel over IPv6, where routers do not fragment: one message for each datagram that is too big, as the relay's own
# firewall counts them, which does not let the relay learn.
ip -n "$LAB_RELAY" route flush cache
ip -n "$LAB_RELAY" -6 route flush cache
in_ns "$LAB_INET" sysctl -qw net.ipv6.icmp.ratelimit=0
in_ns "$LAB_RELAY" nft -f - <<-END || bail_out "cannot count at the relay"
	table inet arrived {
		chain in {
			type filter hook prerouting priority -300;
			icmpv6 type packet-too-big counter drop
		}
	}
END
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" endpoint "[2001:db8:2::3]:51820"
wait_for 20 "the tunnel over IPv6" lab_pings "$LAB_RELAY" 10.30.0.3 56 || bail_out "no tunnel over IPv6"
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start on the relay"
records=$MTUSCOPE_RECORDS
in_ns "$LAB_RELAY" ping -n -q -i 0.01 -c "$COUNT" -W 1 -s 1372 10.30.0.3 >/dev/null
stop_mtuscope
is "$(lab_nft_count "$LAB_RELAY" arrived)" "$COUNT" "the router says it for each datagram"
is "$(lab_tallied "$records" too-big-rx)" "$COUNT" "mtuscope has received as many"
is "$(lab_tallied "$records" too-big-rx '.aux == 1400 and .layer == "outer" and .reporter == "2001:db8:1::fe"')" "$COUNT" \
	"all with the router's MTU and address"
done_testing
