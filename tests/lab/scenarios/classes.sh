#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The classes of findings that are no hole in the path, a row each: too-big messages ignored, suppressed or
# forged, MTUs and MSS that do not fit, fragments that are not put together, peers that cannot be reached.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
traffic=()
also=

# row NAME NS CLASS STATUS SECONDS COMMAND...: the command leads to a finding of the class within the time, and to no other
# class, or at most to $also; mtuscope ends with that exit status.
row()
{
	local name=$1 ns=$2 class=$3 status=$4 seconds=$5

	shift 5
	start_mtuscope "$ns" || bail_out "mtuscope does not start"
	"$@"
	check "$name: $class is found" wait_record "$MTUSCOPE_RECORDS" "$seconds" \
		".mtuscope.finding | select(.class == \"$class\" and .interface == \"wg0\" and .state == \"open\")"
	check "$name: it names a cure" lab_find_record "$MTUSCOPE_RECORDS" ".mtuscope.finding.fix | select(. and length > 0)"
	stop_mtuscope
	calm
	is "$MTUSCOPE_STATUS" "$status" "$name: exit status $status"
	is "$(jq -r "select(.mtuscope.finding) | .mtuscope.finding.class | select(. != \"$also\")" "$MTUSCOPE_RECORDS" | sort -u)" \
		"$class" "$name: and nothing else is said"
}

# Ends the row's traffic, and lets every host forget what it has learned of paths.
calm()
{
	lab_kill "${traffic[@]}"
	traffic=()
	lab_end_flows
}

# traffic NS COMMAND...: in the background, until the row ends.
traffic()
{
	lab_spawn "$1" /dev/null "$(lab_file traffic.err)" "${@:2}"
	traffic+=("$LAB_PID")
}

# A datagram five times a second that does not fit into the tunnel and must not be fragmented.
too_big_datagrams()
{
	traffic "$LAB_SERVER" timeout 15 "$LAB_TRAFFIC" udp-send 10.30.0.1 9 --size 3000 --count 60 --interval 200 --df
}

# The server's way to the relay is by a link of the gateway's that is no Ethernet.
behind_ipip()
{
	lab_ip "$LAB_GW" <<-END
		link add ipip0 type ipip local 192.168.3.99 remote $LAB_SERVER_IP
		address add 192.168.4.99/24 dev ipip0
		link set ipip0 up mtu 8000
	END
	lab_ip "$LAB_SERVER" <<-END
		link add ipip0 type ipip local $LAB_SERVER_IP remote 192.168.3.99
		address add 192.168.4.69/24 dev ipip0
		link set ipip0 up mtu 8000
		route add 10.30.0.0/24 via 192.168.4.99
	END
}

# nft_drop NS HOOK RULE: a filter of that rule; nft_clear NS removes it.
nft_drop()
{
	in_ns "$1" nft -f - <<<"table inet lab { chain filter { type filter hook $2 priority 0; $3 drop; }; }"
}

nft_clear()
{
	in_ns "$1" nft delete table inet lab
}

mtu_too_large()
{
	ip -n "$LAB_GW" link set wg0 mtu 8960
}

# A connection from before mtuscope's first look at the tunnel's MTU, soon after "ready", is not judged. The next one is, if
# the server has not kept what a too-big message told it, by which it would announce less.
connect()
{
	wait_for 5 "a connection that is judged" connect_once
}

connect_once()
{
	ip -n "$LAB_SERVER" route flush cache
	in_ns "$LAB_RELAY" timeout 5 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 1000 >/dev/null
	lab_find_record "$MTUSCOPE_RECORDS" '.mtuscope.finding.class == "mss-too-large"'
}

big_pings()
{
	traffic "$LAB_RELAY" ping -n -i 0.5 -c 10 -M dont -s 3000 "$LAB_SERVER_IP"
}

download()
{
	traffic "$LAB_RELAY" timeout 20 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000
}

# peer NUMBER NAME ENDPOINT [NETWORK]: one more peer of the relay, 10.31.0.NUMBER behind it and that network; its key is
# added to what is looked for.
peer()
{
	local key

	key=$(wg genkey | wg pubkey)
	in_ns "$LAB_RELAY" wg set wg0 peer "$key" ${3:+endpoint "$3"} allowed-ips "10.31.0.$1/32${4:+,$4}"
	peers+=("$key $2")
}

# pings NUMBER [OPTION...]: of what is behind that peer.
pings()
{
	traffic "$LAB_RELAY" ping -n "${@:2}" "10.31.0.$1"
}

# Peers that cannot be reached, all at a time, and some for whom nobody asks.
unreachable()
{
	local peers=() of_peer='.mtuscope.finding | select(.class == "peer-unreachable") | .peer.public_key' p

	lab_incident --prefix "peers-$$-" --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
	lab_ip "$LAB_RELAY" <<-END
		route add 10.31.0.0/24 dev wg0
		route add unreachable 203.0.113.73
		route add unreachable 2001:db8:74::/64
		route add 203.0.113.77 dev wg0
	END
	nft_drop "$LAB_RELAY" output "udp dport 51876"
	start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
	peer 68 "nobody there, and nobody sends on" 203.0.113.68:51820
	peer 69 "nobody there, and nobody sends" 203.0.113.69:51820
	peer 70 "no endpoint, and nobody sends" ""
	pings 68 -c 1
	peer 71 "no endpoint" ""
	peer 72 "an endpoint where nobody is" 203.0.113.72:51820
	peer 73 "no route to the endpoint" 203.0.113.73:51820
	peer 74 "no IPv6 route to the endpoint" "[2001:db8:74::74]:51820"
	peer 75 "an endpoint on the link that no neighbour has" 198.51.100.75:51820
	peer 76 "this host's own firewall" 203.0.113.76:51876
	peer 77 "the way to the endpoint leads into the tunnel" 203.0.113.77:51820 203.0.113.77/32
	for p in {71..77}; do pings "$p" -i 1; done

	for p in "${peers[@]:3}"; do
		check "${p#* }: peer-unreachable is found" wait_record "$MTUSCOPE_RECORDS" 40 "$of_peer == \"${p%% *}\""
	done
	stop_mtuscope
	calm
	is "$MTUSCOPE_STATUS" 1 "peers that cannot be reached: exit status 1"
	for p in "${peers[@]::3}" "$LAB_GW_KEY the peer that is there"; do
		refute_record "$MTUSCOPE_RECORDS" ".mtuscope.finding.peer.public_key == \"${p%% *}\"" "${p#* }: nothing is said"
	done
	is "$(jq -r '.mtuscope.finding.class // empty' "$MTUSCOPE_RECORDS" | sort -u)" peer-unreachable "and nothing else is said"
}

# said RECORDS: the classes of all findings in there, and of each the direction.
said()
{
	jq -r '.mtuscope.finding // empty | select(.state == "open") | .class + " " + .direction' "$1" | sort -u | tr '\n' ' '
}

# says RECORDS CLASS DIRECTION WORDS: such a finding is told within 10 s, in those words.
says()
{
	wait_record "$1" 10 "select(.mtuscope.finding.class == \"$2\" and .mtuscope.finding.direction == \"$3\" and (.message | contains(\"$4\")))"
}

# download_beyond ADDRESS: what the host behind the relay gets from the server.
download_beyond()
{
	in_ns "$LAB_BRANCH" timeout 10 "$LAB_TRAFFIC" tcp-get "$1" 5001 --bytes 200000 >/dev/null
}

# stalls_beyond ADDRESS: the same while it stalls, until flows_beyond_end.
stalls_beyond()
{
	traffic "$LAB_BRANCH" timeout 25 "$LAB_TRAFFIC" tcp-get "$1" 5001 --bytes 200000
}

flows_beyond_end()
{
	calm
	nft_clear "$1"
}

# A link behind the relay carries less than the tunnel. The relay says so, by messages that go through the tunnel.
beyond()
{
	lab_incident --prefix "beyond-$$-" --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
	lab_serve 5001 --send 200000
	lab_netns_add "$LAB_BRANCH"
	lab_ip "$LAB_RELAY" <<-END
		link add small0 mtu 1300 type veth peer name eth0 mtu 1420 netns $LAB_BRANCH
		address add 10.40.0.1/24 dev small0
		address add fd40::1/64 dev small0
		link set small0 up
	END
	lab_ip "$LAB_BRANCH" <<-END
		address add 10.40.0.9/24 dev eth0
		address add fd40::9/64 dev eth0
		link set eth0 up
		route add default via 10.40.0.1
		route add default via fd40::1
	END
	lab_forward "$LAB_RELAY"
	in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" allowed-ips 10.30.0.1/32,fd30::1/128,10.40.0.0/24,fd40::/64
	lab_ip "$LAB_GW" <<-END
		route add 10.40.0.0/24 dev wg0
		route add fd40::/64 dev wg0
	END
	wait_for 10 "the host behind the relay" lab_pings "$LAB_BRANCH" "$LAB_SERVER_IP" 56 || bail_out "no way to it"
	start_both || bail_out "mtuscope does not start"

	# By the other family: of the messages to one host for another one connection is followed for 4 s.
	check "a link beyond the peer is small: a host that listens downloads" download_beyond fd03::69
	refute_record "$MTUSCOPE_RECORDS" .mtuscope.finding "and nothing is said"
	refute_record "$RELAY_RECORDS" .mtuscope.finding "at the other end neither"
	lab_end_flows

	nft_drop "$LAB_SERVER" input "icmp type destination-unreachable"
	stalls_beyond "$LAB_SERVER_IP"
	check "one that does not listen: ptb-ignored" says "$MTUSCOPE_RECORDS" ptb-ignored tx "$LAB_SERVER_IP is told"
	check "and at the other end, from the peer" says "$RELAY_RECORDS" ptb-ignored rx "$LAB_SERVER_IP, behind the peer, is told"
	flows_beyond_end "$LAB_SERVER"

	nft_drop "$LAB_GW" forward "icmpv6 type packet-too-big"
	stalls_beyond fd03::69
	check "messages that the gateway does not let pass: ptb-suppressed" \
		says "$MTUSCOPE_RECORDS" ptb-suppressed tx "Packets of fd03::69"
	flows_beyond_end "$LAB_GW"

	in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" allowed-ips fd30::1/128,10.40.0.9/32,fd40::/64
	stalls_beyond "$LAB_SERVER_IP"
	check "messages that WireGuard does not let in" says "$MTUSCOPE_RECORDS" ptb-suppressed tx "10.30.0.1 is not among"
	calm
	stop_mtuscope "$RELAY_PID"
	stop_mtuscope
	is "$(said "$MTUSCOPE_RECORDS")" "ptb-ignored tx ptb-suppressed tx " "nothing else is said at the gateway"
	is "$(said "$RELAY_RECORDS")" "ptb-ignored rx " "nor at the relay"
}

# A too-big message with MTU 68 about the tunnel's own packets, made by hand in the internet.
forged()
{
	local icmp='\x03\x04\x34\x16\x00\x00\x00\x44' # type, code, checksum, unused, MTU 68
	local quote='\x45\x00\x05\xdc\x00\x00\x00\x00\x40\x11\x00\x00\xc6\x33\x64\x01\xcb\x00\x71\x03\xca\x6c\xca\x6c\x05\xc8\x00\x00'

	# shellcheck disable=SC2059 # the bytes are the format
	for _ in 1 2 3; do printf "$icmp$quote" | in_ns "$LAB_INET" socat -u - IP-SENDTO:198.51.100.1:1; done
}

queue_is_full()
{
	(($(in_ns "$LAB_RELAY" sed -n 's/^FRAG: .*memory //p' /proc/net/sockstat) > 60000))
}

# Beginnings of packets that never end fill the queue, which is small here.
starved_download()
{
	in_ns "$LAB_RELAY" sysctl -qw net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=65536
	ip -n "$LAB_INET" route replace 198.51.100.1 dev to-relay mtu lock 1500
	in_ns "$LAB_INET" tc qdisc add dev to-relay clsact
	in_ns "$LAB_INET" tc filter add dev to-relay egress protocol ip flower src_ip 198.51.100.254 ip_flags nofirstfrag \
		action drop || bail_out "cannot drop the ends of packets"
	traffic "$LAB_INET" ping -n -q -i 0.02 -s 1600 198.51.100.1
	wait_for 20 "the queue to fill" queue_is_full || bail_out "the queue of fragments does not fill"
	download
}

lab_beside unreachable unreachable
lab_beside beyond beyond
lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
lab_serve 5001 --send 200000

row "tunnel MTU above the egress link's" "$LAB_GW" tunnel-mtu-too-large 1 5 mtu_too_large
lab_tunnel_mtu 1420 1420

nft_drop "$LAB_SERVER" input "icmp type destination-unreachable"
row "a host that does not listen" "$LAB_GW" ptb-ignored 2 10 too_big_datagrams
behind_ipip
row "a host behind an IPIP tunnel that does not listen" "$LAB_GW" ptb-ignored 2 10 too_big_datagrams
ip -n "$LAB_SERVER" link del ipip0
ip -n "$LAB_GW" link del ipip0
# Retransmissions of one connection. That its ends announce too much is true as well, and said if it began late enough.
lab_tunnel_mtu 1440 1420
also=mss-too-large
row "a connection that does not listen" "$LAB_GW" ptb-ignored 2 10 download
also=
lab_tunnel_mtu 1420 1420
nft_clear "$LAB_SERVER"

nft_drop "$LAB_GW" output "icmp type destination-unreachable"
row "messages that never leave" "$LAB_GW" ptb-suppressed 2 10 too_big_datagrams
nft_clear "$LAB_GW"

ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg0 advmss 8000
row "nobody clamps the MSS" "$LAB_GW" mss-too-large 1 5 connect
ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg0

row "a forged too-big message" "$LAB_RELAY" ptb-forged 1 5 forged

lab_path_mtu 9001
lab_tunnel_mtu 4000 1420
row "the peer's MTU is larger" "$LAB_GW" tunnel-mtu-mismatch 1 8 big_pings
lab_tunnel_mtu 1420 1420

lab_demolish

lab_incident --prefix "frag-$$-" --gateway-nic 1500
lab_serve 5001 --send 200000
row "T14: no room to put fragments together" "$LAB_RELAY" reassembly-failure 2 15 starved_download
lab_join
done_testing
