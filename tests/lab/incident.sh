# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident's network, each host a network namespace.  Sourced by lib.sh;
# lab_incident builds it, lab_path_* and lab_tunnel_mtu change it while it runs.
#
#       ${X}relay            ${X}inet              ${X}gw               ${X}server
#   +-------------+      +---------------+      +--------------+      +------------+
#   | wg0 8921    |      |   internet    |      | wg0 8920     |      |            |
#   |  10.30.0.1  |      | carries       |      |  10.30.0.3   |      |            |
#   |       eth0 -+------+- to-relay     |      |              |      |            |
#   |       9001  |      |   <= path MTU |      |              |      |            |
#   | 198.51.100.1|      |        to-gw -+------+- wan0    lan0+------+ eth0       |
#   +-------------+      | drops the rest|      |  9000   9000 |      | 9000       |
#                        | and says      |      | 203.0.113.3  |      |192.168.3.69|
#                        | nothing       |      | 192.168.3.99 |      +------------+
#                        +---------------+      +--------------+
#         inner IPv6: fd30::1                     fd30::3, fd03::99     fd03::69
#         outer IPv6: 2001:db8:1::1               2001:db8:2::3
#
# The internet drops in nftables, before routing, by exact length: a veth whose
# peer has a smaller MTU would let 4 bytes more pass.  Its links are without
# segmentation offload, so that a length there is the length of one packet.

lab_netns_add()
{
	[[ -x $LAB_TOOLS/in-ns ]] || bail_out "$LAB_TOOLS/in-ns is not built; make build/tests/in-ns"
	ip netns add "$1" || bail_out "cannot create the namespace $1"
	lab_netns+=("$1")
	in_ns "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$1" link set lo up
}

lab_netns_del()
{
	local pid

	for pid in $(ip netns pids "$1" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
	ip netns del "$1" 2>/dev/null
}

# lab_ip NS: runs the lines of stdin as ip(8) commands; one process, since each
# costs an emulated machine 50 ms.
lab_ip()
{
	ip -n "$1" -batch - || bail_out "ip(8) failed in $1"
}

# lab_no_offload NS IF: what passes there is as long as on a wire.
lab_no_offload()
{
	in_ns "$1" ethtool -K "$2" tso off gso off gro off tx-udp-segmentation off \
		>/dev/null 2>&1 || in_ns "$1" ethtool -K "$2" tso off gso off gro off >/dev/null
}

# lab_offload NS IF: as it is on a real machine: super-packets.
lab_offload()
{
	in_ns "$1" ethtool -K "$2" tso on gso on gro on >/dev/null || bail_out "no offloads in $1 on $2"
}

lab_forward()
{
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# lab_require_wireguard: skips the scenario where the kernel cannot do it.
lab_require_wireguard()
{
	((EUID == 0)) || skip_all "needs root"
	modprobe wireguard 2>/dev/null
	ip link add "wg$$" type wireguard 2>/dev/null || skip_all "this kernel has no WireGuard"
	ip link del "wg$$"
}

# --- the incident ----------------------------------------------------------

# lab_incident [OPTION VALUE]...: builds what is drawn at the top.  Sets LAB_RELAY,
# LAB_INET, LAB_GW, LAB_SERVER, LAB_BRANCH (namespaces), LAB_RELAY_KEY, LAB_GW_KEY (public),
# LAB_RELAY_ENDPOINT, LAB_GW_ENDPOINT (ADDRESS:PORT), LAB_SERVER_IP.
lab_incident()
{
	local mtu_a=8921 mtu_b=8920 path_mtu=1500 relay_nic=9001 gateway_nic=9000
	local prefix=lab$BASHPID- keepalive=0 underlay=4 daemon=

	while (($#)); do
		case $1 in
		--tunnel-mtu-a) mtu_a=$2; shift ;;
		--tunnel-mtu-b) mtu_b=$2; shift ;;
		--path-mtu) path_mtu=$2; shift ;;
		--relay-nic) relay_nic=$2; shift ;;
		--gateway-nic) gateway_nic=$2; shift ;;
		--prefix) prefix=$2; shift ;;
		--keepalive) keepalive=$2; shift ;;
		--v6-underlay) underlay=6 ;;
		--gateway-daemon) daemon=$2; shift ;;
		*) bail_out "lab_incident: no option $1" ;;
		esac
		shift
	done
	LAB_RELAY=${prefix}relay LAB_INET=${prefix}inet LAB_GW=${prefix}gw LAB_SERVER=${prefix}server LAB_BRANCH=${prefix}branch
	LAB_SERVER_IP=192.168.3.69

	lab_underlay "$relay_nic" "$gateway_nic"
	lab_lan
	lab_tunnel "$underlay" "$mtu_a" "$mtu_b" "$keepalive" "$daemon"
	lab_path_mtu "$path_mtu"
	wait_for 20 "the tunnel to answer" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56 ||
		bail_out "the lab's tunnel does not work"
}

# lab_underlay RELAY_NIC_MTU GATEWAY_NIC_MTU
lab_underlay()
{
	local ns

	for ns in "$LAB_RELAY" "$LAB_INET" "$LAB_GW" "$LAB_SERVER"; do lab_netns_add "$ns"; done
	# The internet's own ends carry all; only its rules below drop.
	lab_ip "$LAB_INET" <<-END
		link add to-relay mtu 16000 type veth peer name eth0 mtu $1 netns $LAB_RELAY
		link add to-gw mtu 16000 type veth peer name wan0 mtu $2 netns $LAB_GW
		address add 198.51.100.254/24 dev to-relay
		address add 2001:db8:1::fe/64 dev to-relay
		address add 203.0.113.254/24 dev to-gw
		address add 2001:db8:2::fe/64 dev to-gw
		link set to-relay up
		link set to-gw up
	END
	lab_ip "$LAB_RELAY" <<-END
		address add 198.51.100.1/24 dev eth0
		address add 2001:db8:1::1/64 dev eth0
		link set eth0 up
		route add default via 198.51.100.254
		route add default via 2001:db8:1::fe
	END
	lab_ip "$LAB_GW" <<-END
		address add 203.0.113.3/24 dev wan0
		address add 2001:db8:2::3/64 dev wan0
		link set wan0 up
		route add default via 203.0.113.254
		route add default via 2001:db8:2::fe
	END
	lab_no_offload "$LAB_RELAY" eth0
	lab_no_offload "$LAB_INET" to-relay
	lab_no_offload "$LAB_GW" wan0
	lab_no_offload "$LAB_INET" to-gw
	lab_forward "$LAB_INET"
}

# lab_second_uplink MTU: the gateway's other way to the internet, not in use yet; its path carries MTU both ways, the
# first one's 1500.
lab_second_uplink()
{
	lab_ip "$LAB_INET" <<-END
		link add to-gw2 mtu 16000 type veth peer name wan1 mtu 9000 netns $LAB_GW
		address add 100.64.7.254/24 dev to-gw2
		link set to-gw2 up
	END
	lab_ip "$LAB_GW" <<-END
		address add 100.64.7.3/24 dev wan1
		link set wan1 up
		route add default via 100.64.7.254 dev wan1 metric 900
	END
	lab_no_offload "$LAB_INET" to-gw2
	lab_no_offload "$LAB_GW" wan1
	lab_path_rules "iifname to-gw meta length > 1500" "iifname to-relay ip daddr 203.0.113.3 meta length > 1500" \
		"iifname to-gw2 meta length > $1" "iifname to-relay ip daddr 100.64.7.3 meta length > $1"
}

# lab_failover: the second uplink is preferred, as a failover daemon does it; the first one stays up.
lab_failover()
{
	lab_ip "$LAB_GW" <<-END
		route del default via 203.0.113.254
		route add default via 203.0.113.254 metric 950
	END
}

# lab_failback: the first one is preferred again.
lab_failback()
{
	lab_ip "$LAB_GW" <<-END
		route del default via 203.0.113.254
		route add default via 203.0.113.254
	END
}

# lab_trunk: the gateway's uplink becomes a VLAN on a bond.
lab_trunk()
{
	lab_ip "$LAB_INET" <<-END
		link set to-gw down
		link set to-gw name port-gw
		address flush dev port-gw
		link set port-gw up
		link add link port-gw name to-gw type vlan id 7
		address add 203.0.113.254/24 dev to-gw
		link set to-gw up
	END
	lab_ip "$LAB_GW" <<-END
		link set wan0 down
		link set wan0 name port0
		address flush dev port0
		link add bond0 mtu 9000 type bond mode active-backup
		link set port0 master bond0
		link set bond0 up
		link add link bond0 name wan0 type vlan id 7
		address add 203.0.113.3/24 dev wan0
		link set wan0 up
		route add default via 203.0.113.254
	END
}

# lab_nat: the internet hides the relay behind its own address.
lab_nat()
{
	in_ns "$LAB_INET" nft add table ip nat '{ chain post { type nat hook postrouting priority srcnat; oifname to-gw masquerade; }; }'
}

lab_lan()
{
	lab_ip "$LAB_GW" <<-END
		link add lan0 mtu 9000 type veth peer name eth0 mtu 9000 netns $LAB_SERVER
		address add 192.168.3.99/24 dev lan0
		address add fd03::99/64 dev lan0
		link set lan0 up
	END
	lab_ip "$LAB_SERVER" <<-END
		address add 192.168.3.69/24 dev eth0
		address add fd03::69/64 dev eth0
		link set eth0 up
		route add default via 192.168.3.99
		route add default via fd03::99
	END
	lab_forward "$LAB_GW"
}

# lab_tunnel FAMILY MTU_RELAY MTU_GATEWAY KEEPALIVE [GATEWAY_DAEMON]
lab_tunnel()
{
	local key_relay key_gw

	key_relay=$(wg genkey)
	key_gw=$(wg genkey)
	LAB_RELAY_KEY=$(wg pubkey <<<"$key_relay")
	LAB_GW_KEY=$(wg pubkey <<<"$key_gw")
	LAB_RELAY_ENDPOINT=198.51.100.1:51820 LAB_GW_ENDPOINT=203.0.113.3:51820
	if [[ $1 == 6 ]]; then
		LAB_RELAY_ENDPOINT='[2001:db8:1::1]:51820' LAB_GW_ENDPOINT='[2001:db8:2::3]:51820'
	fi
	lab_wg "$LAB_RELAY" wg0 "$key_relay" "$2" "$LAB_GW_KEY" "$LAB_GW_ENDPOINT" "$4" \
		10.30.0.3/32,192.168.3.0/24,fd30::3/128,fd03::/64
	lab_wg "$LAB_GW" wg0 "$key_gw" "$3" "$LAB_RELAY_KEY" "$LAB_RELAY_ENDPOINT" "$4" \
		10.30.0.1/32,fd30::1/128 "${5-}"
	lab_ip "$LAB_RELAY" <<-END
		address add 10.30.0.1/24 dev wg0
		address add fd30::1/64 dev wg0
		route add 192.168.3.0/24 dev wg0
		route add fd03::/64 dev wg0
	END
	lab_ip "$LAB_GW" <<-END
		address add 10.30.0.3/24 dev wg0
		address add fd30::3/64 dev wg0
	END
}

# lab_wg NS INTERFACE PRIVATE_KEY MTU PEER_KEY ENDPOINT KEEPALIVE ALLOWED_IPS [DAEMON]: in the
# kernel, or by a daemon such as wireguard-go, whose socket wg(8) finds by itself.
lab_wg()
{
	if [[ -n ${9-} ]]; then
		in_ns "$1" "$9" "$2" >/dev/null 2>&1 || bail_out "$9 does not start"
		# It sets an MTU of its own until it listens.
		wait_for 10 "$9 to listen" in_ns "$1" wg show "$2" >/dev/null || bail_out "$9 does not listen"
		ip -n "$1" link set "$2" mtu "$4"
	else
		ip -n "$1" link add "$2" mtu "$4" type wireguard || bail_out "no WireGuard interface"
	fi
	in_ns "$1" wg set "$2" listen-port "$((51820 + ${2#wg}))" private-key <(echo "$3") \
		peer "$5" endpoint "$6" persistent-keepalive "$7" allowed-ips "$8" ||
		bail_out "cannot configure WireGuard in $1"
	ip -n "$1" link set "$2" up
}

# lab_branch: a second peer of the gateway, $LAB_BRANCH at 192.0.2.7 and 10.30.0.7, on a healthy link of its own
# to the internet.  Sets LAB_BRANCH_KEY.
lab_branch()
{
	local key

	key=$(wg genkey)
	LAB_BRANCH_KEY=$(wg pubkey <<<"$key")
	lab_netns_add "$LAB_BRANCH"
	lab_ip "$LAB_INET" <<-END
		link add to-branch type veth peer name eth0 netns $LAB_BRANCH
		address add 192.0.2.254/24 dev to-branch
		link set to-branch up
	END
	lab_ip "$LAB_BRANCH" <<-END
		address add 192.0.2.7/24 dev eth0
		link set eth0 up
		route add default via 192.0.2.254
	END
	lab_wg "$LAB_BRANCH" wg0 "$key" 1420 "$LAB_GW_KEY" "$LAB_GW_ENDPOINT" 0 10.30.0.3/32
	ip -n "$LAB_BRANCH" address add 10.30.0.7/24 dev wg0
	in_ns "$LAB_GW" wg set wg0 peer "$LAB_BRANCH_KEY" endpoint 192.0.2.7:51820 allowed-ips 10.30.0.7/32
	wait_for 20 "the branch's tunnel" lab_pings "$LAB_BRANCH" 10.30.0.3 56 || bail_out "the branch's tunnel does not work"
}

# lab_tunnel_mtu MTU_RELAY MTU_GATEWAY
lab_tunnel_mtu()
{
	ip -n "$LAB_RELAY" link set wg0 mtu "$1"
	ip -n "$LAB_GW" link set wg0 mtu "$2"
}

# lab_path_rules RULE...: replaces what the internet drops.  Each rule gets a counter.
lab_path_rules()
{
	local rule

	in_ns "$LAB_INET" tc qdisc del dev to-relay clsact 2>/dev/null
	in_ns "$LAB_INET" tc qdisc del dev to-gw clsact 2>/dev/null
	{
		echo 'table inet path'
		echo 'delete table inet path'
		printf '%s\n' 'table inet path {' 'chain drops {' 'type filter hook prerouting priority -300;'
		for rule; do echo "$rule counter drop"; done
		printf '%s\n' '}' '}'
	} | in_ns "$LAB_INET" nft -f - || bail_out "cannot set the path's rules"
}

# lab_path_mtu MTU [MTU_TO_RELAY]: the largest outer packet that arrives, in bytes of IP;
# a larger one vanishes without a word.  Two values: towards the gateway, towards the relay.
lab_path_mtu()
{
	lab_path_rules "iifname to-relay meta length > $1" "iifname to-gw meta length > ${2:-$1}"
}

# lab_path_no_fragments: the path drops every fragment, its own routers' as well, and nothing else.
lab_path_no_fragments()
{
	local dev family

	lab_path_rules
	# A router fragments after nftables' last hook, so this is left to tc.
	for dev in to-relay to-gw; do
		in_ns "$LAB_INET" tc qdisc add dev "$dev" clsact
		for family in ip ipv6; do
			in_ns "$LAB_INET" tc filter add dev "$dev" egress protocol "$family" \
				flower ip_flags frag action drop || bail_out "cannot drop fragments"
		done
	done
}

# lab_path_honest MTU: the internet is a proper router with this MTU: it fragments
# IPv4 without DF, and answers the rest with a too-big message.
lab_path_honest()
{
	lab_path_rules
	# IPv6: with the metric of the address's own route, which would win otherwise.
	lab_ip "$LAB_INET" <<-END
		route replace 198.51.100.0/24 dev to-relay mtu lock $1
		route replace 203.0.113.0/24 dev to-gw mtu lock $1
		route replace 2001:db8:1::/64 dev to-relay proto kernel metric 256 mtu lock $1
		route replace 2001:db8:2::/64 dev to-gw proto kernel metric 256 mtu lock $1
	END
}

# lab_path_drops: prints how many packets the path has swallowed since its rules were set.
lab_path_drops()
{
	local dev

	{
		in_ns "$LAB_INET" nft -j list table inet path | jq '.nftables[].rule?.expr[]?.counter?.packets // empty'
		for dev in to-relay to-gw; do
			in_ns "$LAB_INET" tc -s -j filter show dev "$dev" egress |
				jq '.[].options?.actions[]?.stats.drops // empty'
		done
	} | awk '{ sum += $1 } END { print sum + 0 }'
}

# lab_serve PORT OPTION...: a TCP server of tests/lab/traffic.c on the server host.
lab_serve()
{
	local port=$1

	shift
	lab_spawn "$LAB_SERVER" /dev/null "$(lab_file "serve-$port.err")" "$LAB_TRAFFIC" tcp-serve "$port" "$@"
	wait_for 10 "the server on $port" lab_listens "$LAB_SERVER" "$port"
}

# lab_end_flows: ends every connection of the relay and the server, so that none repeats itself into what comes next, and
# lets the hosts forget the path MTUs that they have learned.
lab_end_flows()
{
	local ns

	for ns in "$LAB_RELAY" "$LAB_GW" "$LAB_SERVER"; do
		# The gateway only forwards: it has no connections of its own.
		[[ $ns == "$LAB_GW" ]] || in_ns "$ns" ss -K state connected >/dev/null 2>&1
		ip -n "$ns" route flush cache
		ip -n "$ns" -6 route flush cache
	done
}

# lab_demolish: takes the incident's hosts away, to make room for the next ones.
lab_demolish()
{
	local ns

	for ns in "$LAB_RELAY" "$LAB_INET" "$LAB_GW" "$LAB_SERVER"; do lab_netns_del "$ns"; done
}

# lab_pings NS ADDRESS SIZE: one don't-fragment ping with SIZE bytes of payload is answered.
lab_pings()
{
	in_ns "$1" ping -n -q -c 1 -W "${LAB_PING_WAIT:-2}" -M "do" -s "$3" "$2" >/dev/null 2>&1
}

# lab_counter NS NAME...: prints the sum of these counters, named as by nstat(8), e.g. IpFragCreates.
lab_counter()
{
	local ns=$1

	shift
	# snmp and netstat have lines in pairs, names and values; snmp6 has a name and a value.
	in_ns "$ns" cat /proc/net/snmp /proc/net/netstat /proc/net/snmp6 | awk -v names="$*" '
		BEGIN { split(names, list); for (i in list) wanted[list[i]] }
		!/^[A-Za-z]+: / { if ($1 in wanted) sum += $2; next }
		$1 != group { group = $1; split($0, name); next }
		{ for (i = 2; i <= NF; i++) if (substr(group, 1, length(group) - 1) name[i] in wanted) sum += $i
		  group = "" }
		END { print sum + 0 }'
}

# lab_replay_incident NAME DIRECTION PEER_KEY: the incident from stall to cure, as mtuscope
# sees it, which runs already and is stopped at the end.  tls_server serves at port 465.
lab_replay_incident()
{
	local name=$1 other=tx records=$MTUSCOPE_RECORDS finding mtu

	[[ $2 == tx ]] && other=rx
	finding=".mtuscope.finding | select(.class == \"path-blackhole\" and .interface == \"wg0\" and .direction == \"$2\")"
	# Five seconds for the finding, and as long as a busy emulated machine takes to start the client.
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 8)" stalled "$name: TLS stalls"
	assert_record "$records" "$finding | .state == \"open\"" "$name: the finding is open before the client gives up"
	assert_record "$records" "$finding | .peer.public_key == \"$3\"" "$name: it names the peer"
	assert_record "$records" "$finding | .path_mtu | .lower <= 1500 and 1500 < .upper" "$name: the bracket holds 1500"
	assert_record "$records" "$finding | .recommended_mtu <= 1440 and .recommended_mtu >= 1280" "$name: the recommended MTU works"
	refute_record "$records" ".mtuscope.finding | select(.direction == \"$other\")" "$name: nothing is said of the other direction"

	mtu=$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.recommended_mtu' "$records" | tail -n 1)
	lab_tunnel_mtu "$mtu" "$mtu"
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "$name: TLS completes with the recommended MTU $mtu"
	check "$name: the finding is resolved" wait_record "$records" 10 "$finding | .state == \"resolved\""
	stop_mtuscope
	is "$MTUSCOPE_STATUS" 2 "$name: the exit status is 2"
	is "$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.id' "$records" | sort -u | wc -l)" 1 "$name: one cause is one finding"
	assert_json "$records" "$name: every record is JSON"
	assert_record "$records" '.mtuscope.status.state == "exit"' "$name: the last record is the exit status"
	lab_end_flows
}
