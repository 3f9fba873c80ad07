#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	tests/lab/scenarios/variations.sh [SEEDS [FIRST]]
#
# Variations on what the other scenarios do by hand: underlay, tunnel MTU, path MTU or fragments, delay, TCP's options, offloads,
# traffic and trouble are drawn from a seed, which each test names. What must be found at both ends, or must not, follows from what
# was drawn. `make test` has a few of them, `make lab-soak` as many as it is asked for. LAB_DIR keeps how long each hole took
# to be told (opened: after it was made, and after the first flow stalled, ms), and the recordings of what went wrong.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
seeds=${1:-2} first=${2:-1}

# draw VARIABLE VALUE...: one of the values.
draw()
{
	local -n drawn=$1
	local all=("${@:2}")

	# shellcheck disable=SC2034 # the caller's
	drawn=${all[RANDOM % ${#all[@]}]}
}

# The path, which carries everything but what a hole or a trouble takes.

# netem ARGUMENT...: both ways, besides the delay that was drawn. A qdisc that is only changed goes on corrupting what passes.
netem()
{
	local dev

	for dev in to-relay to-gw; do
		in_ns "$LAB_INET" tc qdisc delete dev "$dev" root 2>/dev/null
		in_ns "$LAB_INET" tc qdisc add dev "$dev" root handle 1: netem delay "${delay}ms" rate 8mbit limit 100 "$@" ||
			bail_out "no netem $*"
	done
}

# server_drops [RULE]: the server, and nothing else from now on.
server_drops()
{
	in_ns "$LAB_SERVER" nft delete table inet filter 2>/dev/null
	[[ -z ${1-} ]] ||
		in_ns "$LAB_SERVER" nft -f - <<<"table inet filter { chain input { type filter hook input priority 0; $1 drop; }; }"
}

# servers SIGNAL: to all that runs on the server.
servers()
{
	# shellcheck disable=SC2046 # one word each
	kill "-$1" $(ip netns pids "$LAB_SERVER")
}

# relay_port PORT: where the relay's WireGuard is from now on, as behind a NAT that rebinds.
relay_port()
{
	in_ns "$LAB_RELAY" wg set wg0 listen-port "$1"
}

well()
{
	servers CONT
	server_drops
	relay_port 51820
	lab_path_honest 9000
	lab_path_mtu 16000
	netem
}

# The traffic.

# client ARG...: asks again and again, each time on a new connection.
client()
{
	while :; do
		in_ns "$LAB_RELAY" timeout "$patience" "$LAB_TRAFFIC" tcp-get "$address" "$@" >/dev/null 2>&1
		lab_pause "$pause"
	done
}

# traffic COMMAND...: in the background until traffic_ends.
traffic()
{
	"$@" &
	lab_pids+=("$!")
	traffic_pids+=("$!")
}

traffic_begins()
{
	local i

	traffic_pids=()
	[[ $pings == none ]] || traffic in_ns "$LAB_RELAY" ping -n -q -i "$pings" "$address" >/dev/null 2>&1
	[[ $chat == no ]] || traffic client 5003 --send 200 --bytes 200
	for ((i = 0; i < clients; i++)); do
		case $direction in
		download) traffic client 5001 --bytes "$bytes" ;;
		upload) traffic client 5002 --send "$bytes" --bytes 1 ;;
		esac
	done
}

traffic_ends()
{
	lab_kill "${traffic_pids[@]}"
	lab_end_flows
}

# flows_for SECONDS
flows_for()
{
	traffic_begins
	lab_pause "$1"
}

# Stories with a hole, which leave its size in `truth`.
hole()
{
	truth=$path
	case $parts-$ways-$direction in
	none-one-download) lab_path_mtu 16000 "$path" ;;
	none-one-upload) lab_path_mtu "$path" 16000 ;;
	none-*) lab_path_mtu "$path" ;;
	*-one-download) parts_vanish to-relay ;;
	*-one-upload) parts_vanish to-gw ;;
	*) parts_vanish to-relay to-gw ;;
	esac
}

# parts_vanish DEV...: of what is in fragments.
parts_vanish()
{
	local dev family

	lab_path_rules
	for dev; do
		in_ns "$LAB_INET" tc qdisc add dev "$dev" clsact
		for family in ip ipv6; do
			in_ns "$LAB_INET" tc filter add dev "$dev" egress protocol "$family" flower ip_flags "$parts" action drop ||
				bail_out "cannot drop fragments"
		done
	done
}

there_from_the_start()
{
	hole
	traffic_begins
}

begins()
{
	flows_for "$while_s"
	begun=$(now_ms)
	hole
}

moves_into_hole()
{
	flows_for "$while_s"
	relay_port 51821
	begun=$(now_ms)
	hole
}

# Stories without.
plain() { :; }
loss() { netem loss "$loss"; }
bursts() { netem loss gemodel 2% "$burst_ends"; }
corruption() { netem corrupt 3%; }
duplication() { netem duplicate 20%; }
reordering() { netem delay "$((delay + 10))ms" reorder 80% 50%; }
jitter() { netem delay "$((delay + 30))ms" 25ms; }
honest() { lab_path_honest "$path"; }
moves() { relay_port 51821; }
path_dies() { lab_path_rules "meta length > 0"; }
one_way_dies() { lab_path_rules "iifname $dead meta length > 0"; }
host_dies() { server_drops "meta length > 0"; }
server_hangs() { servers STOP; }

policer()
{
	local dev

	# Unless told otherwise it takes all that is larger than 2 KB, and is a black hole.
	for dev in to-relay to-gw; do
		in_ns "$LAB_INET" tc qdisc add dev "$dev" clsact
		in_ns "$LAB_INET" tc filter add dev "$dev" egress matchall action police rate "$police" burst 64k mtu 64k conform-exceed drop ||
			bail_out "no policer"
	done
}

outage()
{
	path_dies
	lab_pause "$outage_s"
	lab_path_mtu 16000
}

host_reboots()
{
	host_dies
	lab_pause "$outage_s"
	server_drops
}

# Where one flow dies at all sizes while others pass, only probes can tell.
port_dies() { server_drops "tcp dport { 5001, 5002 }"; }

# shown_by_probes END DIRECTION TRUTH: whether that end's probes can show the hole to the byte. Not from the peer if both ways lose
# them; and an answer in IPv6 quotes 1280 bytes: where it has to come back through the hole it is too large itself.
shown_by_probes()
{
	[[ $probe == "$1" && $2-$ways != rx-both ]] || return
	[[ $2-$ways == tx-one || $address != *:* ]] || (($3 >= 1280 + overhead))
}

# class_of DIRECTION: of the hole, in a form for regular expressions. The receiver of no fragment cannot know that there were any.
class_of()
{
	case $parts-$1 in
	none-*) echo path-blackhole ;;
	*-tx) echo fragment-blackhole ;;
	*) echo "(path|fragment)-blackhole" ;;
	esac
}

# measured: what probes must come to. Where the link makes fragments, nothing is sent between it and the next padding.
measured()
{
	local exact=" and .path_mtu.exact"

	[[ $parts == none ]] || exact=""
	echo ".recommended_mtu == $truth - $overhead and .recommended_basis == \"probe\"$exact"
}

# probes_vanish END: of the other end, where both ways lose fragments. That end may tell so of the direction that nothing else is large in.
probes_vanish()
{
	[[ $parts != none && $ways == both && $probe != none && $probe != "$1" ]]
}

# judge END RECORDS KEY TX_TRUTH RX_TRUTH: what is wrong with an end's findings comes into `wrong`; "-": there must be none.
judge()
{
	local end=$1 records=$2 key=$3 direction truth finding opened stalled
	local -A truths=([tx]=$4 [rx]=$5)

	for direction in tx rx; do
		truth=${truths[$direction]}
		finding=".mtuscope.finding | select(. and .severity == \"critical\" and .direction == \"$direction\")"
		if [[ $truth == - ]]; then
			! probes_vanish "$end" && lab_find_record "$records" "$finding" &&
				wrong+="$end, $direction: FALSE ALARM: $LAB_RECORD"$'\n'
			continue
		fi
		if ! wait_record "$records" 30 "$finding"; then
			[[ $alone == yes ]] || wrong+="$end, $direction: MISSED"$'\n'
			continue
		fi
		opened=$(date -d "$(jq -r '."@timestamp"' <<<"$LAB_RECORD")" +%s%3N)
		stalled=$(jq '[.mtuscope.finding.flows[].stalled_ms] | max' <<<"$LAB_RECORD")
		echo "$seed $story $probe $end $direction $((opened - begun)) $stalled" >>"$LAB_DIR/opened"
		! shown_by_probes "$end" "$direction" "$truth" ||
			wait_record "$records" 30 "$finding | $(measured)" ||
			wrong+="$end, $direction: NOT EXACT"$'\n'
		lab_find_record "$records" "$finding | select((.class | test(\"^$(class_of "$direction")\$\") | not) or .peer.public_key != \"$key\" or
			(.path_mtu.upper // $truth + 1) <= $truth or .path_mtu.lower > $truth or
			.recommended_mtu > ([$truth - $overhead, 1280] | max))" && wrong+="$end, $direction: WRONG: $LAB_RECORD"$'\n'
	done
}

# judge_both TRUTH: of the direction that large packets go.
judge_both()
{
	if [[ $direction == download ]]; then
		judge gateway "$MTUSCOPE_RECORDS" "$LAB_RELAY_KEY" "$1" -
		judge relay "$RELAY_RECORDS" "$LAB_GW_KEY" - "$1"
	else
		judge gateway "$MTUSCOPE_RECORDS" "$LAB_RELAY_KEY" - "$1"
		judge relay "$RELAY_RECORDS" "$LAB_GW_KEY" "$1" -
	fi
}

# resolved COMMAND...: after that the findings of both ends end.
resolved()
{
	local records

	"$@"
	for records in "$MTUSCOPE_RECORDS" "$RELAY_RECORDS"; do
		wait_record "$records" 45 '.mtuscope.finding | select(. and .severity == "critical" and .state == "resolved")' ||
			wrong+="${records##*/}: NOT RESOLVED"$'\n'
	done
}

# The recommendation of either end may be the smaller one.
recommended()
{
	jq -s 'map(.mtuscope.finding.recommended_mtu // empty) | min' "$MTUSCOPE_RECORDS" "$RELAY_RECORDS"
}

# The links carry 1500, and the tunnel more than fits: there are fragments, of which the path drops all, the first or the others. Loss
# takes one of several: a tenth of them is more than a fifth of the packets.
draw_fragments()
{
	mtu=$((1500 - overhead + 8))
	draw mtu "$mtu" "$((mtu + 16))" 1500 4000 8920
	draw parts frag frag/firstfrag frag/nofirstfrag
	path=1500
}

# draw_all SEED
draw_all()
{
	# Seeds that are alike shall not give stories that are.
	RANDOM=$((16#$(md5sum <<<"$1" | head -c 7)))
	draw mtu 1280 1380 1412 1420 1420 1432 1440 1500 4000 8920 8920
	path=$((mtu + overhead - 1 - RANDOM % 140))
	if ((path > 1500)); then draw path 1300 1380 1400 1420 1440 1460 1480 1492 1500; fi
	draw delay 0 0 2 10 30
	draw loss 1% 3% 5% 8% 12%
	draw burst_ends 20% 30% 50%
	draw police 300kbit 1mbit 3mbit
	draw outage_s 1 2 4 7
	draw while_s 2 3 5 8
	draw dead to-relay to-gw
	draw address "$LAB_SERVER_IP" "$LAB_SERVER_IP" fd03::69
	draw pings none 0.2 1 1
	draw chat yes no
	draw clients 1 1 2 4
	draw bytes 20000 100000 100000 1000000 100000000
	draw pause 0.2 1
	draw patience 4 40 40
	draw direction download upload
	draw ways one both
	draw sack 0 1 1 1
	draw timestamps 0 1 1
	draw offload on off
	draw probe none none relay gateway
	draw story there_from_the_start there_from_the_start begins begins begins heals heals cured cured moves_into_hole \
		plain loss bursts corruption duplication reordering jitter policer path_dies one_way_dies outage host_dies host_reboots \
		port_dies server_hangs honest moves
	draw nic 9000 9000 9000 1500
	parts=none
	[[ $nic == 9000 ]] || draw_fragments
	# One end may probe, as one operator does; where one flow dies at all sizes it is the end that sends to it.
	[[ $story != port_dies ]] || probe=$([[ $direction == upload ]] && echo relay || echo gateway)
	probes=([relay]=--no-probe [gateway]=--no-probe)
	[[ $probe == none ]] || probes[$probe]=--probe
	# A client alone may be a dead path or a server that thinks; so may several, where all wait for what began before the hole.
	alone=no
	[[ $pings$chat$clients != noneno1 ]] || alone=yes
	[[ $pings$chat != noneno || $story != @(begins|heals|moves_into_hole) ]] || alone=yes
}

hosts_set_up()
{
	local ns

	for ns in "$LAB_RELAY" "$LAB_SERVER"; do
		in_ns "$ns" sysctl -qw "net.ipv4.tcp_sack=$sack" "net.ipv4.tcp_timestamps=$timestamps"
	done
	lab_no_offload "$LAB_GW" lan0
	lab_no_offload "$LAB_SERVER" eth0
	[[ $offload == off ]] || { lab_offload "$LAB_GW" lan0 && lab_offload "$LAB_SERVER" eth0; }
	ip -n "$LAB_RELAY" link set eth0 mtu "$nic"
	ip -n "$LAB_GW" link set wan0 mtu "$nic"
	lab_tunnel_mtu "$mtu" "$mtu"
	lab_serve 5002 --bytes "$bytes" --send 1
	upload_server=$LAB_PID
	well
}

tell()
{
	case $story in
	there_from_the_start | cured) there_from_the_start ;;
	begins | heals) begins ;;
	moves_into_hole) moves_into_hole ;;
	*)
		flows_for "$while_s"
		"$story"
		lab_pause 20
		return
		;;
	esac
	judge_both "$truth"
	[[ -z $wrong && $alone == no ]] || return
	case $story in
	heals) resolved lab_path_mtu 16000 ;;
	cured)
		new_mtu=$(recommended)
		# The floor may be too large, and IPv6 inside takes no less.
		((new_mtu + overhead > path || new_mtu < 1280)) || resolved lab_tunnel_mtu "$new_mtu" "$new_mtu"
		;;
	esac
}

# vary SEED: one test.
vary()
{
	local seed=$1 mtu path delay loss burst_ends police outage_s while_s dead address pings chat clients bytes pause patience
	local direction ways nic parts
	local -A probes
	local sack timestamps offload probe story alone truth=- wrong="" begun upload_server new_mtu traffic_pids=()

	draw_all "$seed"
	hosts_set_up
	start_both "${probes[relay]} --record $LAB_DIR/$seed-relay.rec" \
		"${probes[gateway]} --record $LAB_DIR/$seed-gateway.rec" || bail_out "mtuscope does not start"
	begun=$(now_ms)
	tell
	[[ $truth != - ]] || judge_both -
	traffic_ends
	lab_kill "$upload_server"
	stop_mtuscope "$RELAY_PID"
	stop_mtuscope
	[[ -n $wrong ]] || rm -f "$LAB_DIR/$seed"-*.rec
	is "$wrong" "" "seed $seed: $story, $direction of $bytes by $clients, pings $pings, chat $chat, pause $pause, patience $patience, \
after $while_s, tunnel $mtu, path $path $ways, fragments lost: $parts, delay $delay, loss $loss, burst $burst_ends, police $police, outage $outage_s, dead $dead, \
$address, sack $sack, timestamps $timestamps, offload $offload, probes: $probe"
}

# variations FIRST OVERHEAD OPTION...: every other seed, on an underlay with that overhead.
variations()
{
	local seed overhead=$2

	lab_incident "${@:3}"
	lab_serve 5001 --send 3000000000
	lab_serve 5003 --bytes 200 --send 200
	for ((seed = $1; seed < first + seeds; seed += 2)); do vary "$seed"; done
}

lab_beside ipv6 variations "$((first + 1))" 80 --v6-underlay
variations "$first" 60
lab_join
done_testing
