#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What fix plans, does, keeps and takes back, on the incident's gateway; killed before each system call that writes, it leaves
# the old state or the new one. The tunnel is up all the time.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
CONF=/etc/wireguard/wg0.conf
# Files and records are this scenario's own.
mkdir -p /etc/wireguard /etc/systemd/network /etc/NetworkManager/system-connections /etc/network /var/lib
rm -rf /var/lib/mtuscope "$CONF"*
lab_incident --path-mtu 1500

# fixes ARG...: runs it on the gateway; FIX_STATUS, FIX_OUT, FIX_ERR.
fixes()
{
	FIX_STATUS=0
	FIX_OUT=$(lab_file fix.out)
	FIX_ERR=$(lab_file fix.err)
	in_ns "$LAB_GW" "$LAB_MTUSCOPE" fix "$@" >"$FIX_OUT" 2>"$FIX_ERR" || FIX_STATUS=$?
}

live()
{
	ip -n "$LAB_GW" -j link show wg0 | jq '.[0].mtu'
}

set_live()
{
	ip -n "$LAB_GW" link set wg0 mtu "$1"
}

handshakes()
{
	in_ns "$LAB_GW" wg show wg0 latest-handshakes
}

# odd_file MTU_LINE: a file as people make them.
odd_file()
{
	local i

	printf '# MTU = 9000\r\n[interface]\r\nPrivateKey = x= # [Peer]\r\n%s\r\nPostUp = echo MTU = 7' "$1"
	for i in {1..100}; do printf '\n[Peer]\nAllowedIPs = 10.%d.0.0/16 \nMTU = %d # not this one' "$i" "$i"; done
}

backups()
{
	find /etc/wireguard -name 'wg0.conf.*' | sort
}

# --- a plan --------------------------------------------------------------------------
odd_file '  Mtu =  8920   # jumbo' >"$CONF"
chmod 640 "$CONF"
chown 0:12 "$CONF"
cp "$CONF" "$(lab_file old.conf)"
odd_file '  Mtu =  1440   # jumbo' >"$(lab_file new.conf)"
before=$(handshakes)
fixes wg0
is "$FIX_STATUS" 0 "a plan: exit status 0"
check "a plan: the command" grep -qxF 'ip link set dev wg0 mtu 1440' "$FIX_OUT"
check "a plan: the other end's, for a person" grep -qF "#   ip link set dev wg0 mtu 1440   # peer $LAB_RELAY_KEY" "$FIX_OUT"
check "a plan: no line but commands and comments" sh -n "$FIX_OUT"
fixes wg0 --persist
is "$(live)" 8920 "without --apply nothing is changed"
check "nor is the file" cmp -s "$CONF" "$(lab_file old.conf)"

# --- apply, persist, undo ---------------------------------------------------------------
fixes wg0 --apply
is "$FIX_STATUS $(live)" "0 1440" "--apply sets the MTU"
check "--apply leaves the file alone" cmp -s "$CONF" "$(lab_file old.conf)"
check "the tunnel works" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56
is "$(handshakes)" "$before" "without a new handshake"
fixes wg0 --apply --persist
is "$FIX_STATUS" 0 "--persist: exit status 0"
check "--persist changes the MTU and not one other byte" cmp "$CONF" "$(lab_file new.conf)"
is "$(stat -c '%a %u:%g' "$CONF")" "640 0:12" "permissions and owner are kept"
is "$(backups | wc -l)" 1 "there is one backup"
check "its name has the date" grep -qE '\.[0-9]{8}T[0-9]{6}Z$' <(backups)
check "it is the old file" cmp "$(backups)" "$(lab_file old.conf)"
fixes wg0 --apply --persist
check "once more: nothing to fix" grep -q 'nothing to fix' "$FIX_OUT"
is "$(backups | wc -l)" 1 "nor a second backup"
fixes wg0 --undo
is "$(live)" 1440 "--undo without --apply changes nothing"
fixes wg0 --undo --apply
is "$FIX_STATUS $(live)" "0 8920" "--undo goes back"
check "the file as well" cmp "$CONF" "$(lab_file old.conf)"
is "$(stat -c '%a %u:%g' "$CONF") $(backups | wc -l)" "640 0:12 0" "permissions, owner, no backup left"
fixes wg0 --undo --apply
is "$FIX_STATUS" 3 "there is nothing more to undo"
check "which it says in one line" test "$(grep -c 'nothing to undo' "$FIX_ERR") $(wc -l <"$FIX_ERR")" = "1 1"

# --- what others did is theirs --------------------------------------------------------------
fixes wg0 --apply --persist
printf '\n# mine\n' >>"$CONF"
fixes wg0 --undo --apply
is "$FIX_STATUS $(live)" "3 1440" "a file that was edited since is not taken back"
check "the edit is still there" grep -qx '# mine' "$CONF"
cat "$(lab_file new.conf)" >"$CONF"
set_live 1400
fixes wg0 --undo --apply
is "$FIX_STATUS $(live)" "3 1400" "nor an MTU that was set since"
set_live 1440
fixes wg0 --undo --apply
is "$FIX_STATUS $(live)" "0 8920" "and then it is"

# --- a symbolic link, a file that is none -------------------------------------------------------
mv "$CONF" "$(lab_file elsewhere.conf)"
ln -s "$(lab_file elsewhere.conf)" "$CONF"
fixes wg0 --apply --persist
check "a symbolic link stays one" test -L "$CONF"
check "and its target is changed" cmp "$(lab_file elsewhere.conf)" "$(lab_file new.conf)"
fixes wg0 --undo --apply
check "and back" cmp "$(lab_file elsewhere.conf)" "$(lab_file old.conf)"
rm "$CONF"
echo '[Peer]' >"$CONF"
fixes wg0 --apply --persist
is "$FIX_STATUS $(live)" "3 8920" "a file without [Interface]: refused before anything is done"
check "which is said" grep -q 'no \[Interface\]' "$FIX_ERR"

# --- told, and refused --------------------------------------------------------------------------
fixes wg0 --mtu 1380 --apply
is "$FIX_STATUS $(live)" "0 1380" "--mtu is taken as it is"
fixes wg0 --apply
is "$(live)" 1380 "what is lower than need be is left alone"
fixes wg0 --mtu 4000
check "more than is known to fit is warned of" grep -q 'more than the 1440' "$FIX_ERR"
fixes wg0 --undo --apply
is "$(live)" 8920 "back"
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" remove
fixes wg0 --apply
is "$FIX_STATUS $(live)" "3 8920" "without an endpoint nothing is proven: refused"
check "which is said, with what to do" grep -q 'give one with --mtu N' "$FIX_ERR"
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" endpoint "$LAB_RELAY_ENDPOINT" allowed-ips 10.30.0.1/32,fd30::1/128
ip -n "$LAB_GW" route replace default via 203.0.113.254 mtu 1300
fixes wg0 --apply
is "$FIX_STATUS $(live)" "3 8920" "below what IPv6 needs: refused"
ip -n "$LAB_GW" route replace default via 203.0.113.254

# refuses DESCRIPTION PATTERN ARG...
refuses()
{
	local what=$1 pattern=$2

	shift 2
	fixes "$@"
	is "$FIX_STATUS $(wc -l <"$FIX_ERR") $(wc -c <"$FIX_OUT")" "3 1 0" "$what: status 3, one line on stderr"
	check "$what: it says why" grep -qE "$pattern" "$FIX_ERR"
}

for mtu in 0 575 65536 -5 12x "" 99999999999; do
	refuses "--mtu '$mtu'" "not a tunnel MTU" wg0 --mtu "$mtu"
done
refuses "no such interface" "no such interface.*wg9" wg9
refuses "no tunnel" "not a WireGuard interface: lan0" lan0
refuses "undo of a number" "takes neither" wg0 --undo --mtu 1400

# --- one peer's routes ------------------------------------------------------------------------------
rm -f "$CONF"
set_live 8920
lab_ip "$LAB_GW" <<-END
	route add 10.77.0.0/16 dev wg0 src 192.168.3.99 metric 77 proto static mtu 5000 advmss 1000
	route add 10.78.0.0/16 dev lan0
END
key=$(wg genkey | wg pubkey)
in_ns "$LAB_GW" wg set wg0 peer "$key" endpoint 198.51.100.9:1 \
	allowed-ips 10.77.0.0/16,10.78.0.0/16,10.79.1.0/24,fd77::/64
# routes: what ip(8) says of them, without the order.
routes()
{
	ip -n "$LAB_GW" route show dev wg0 | sed 's/ *$//' | sort
	ip -n "$LAB_GW" -6 route show dev wg0 | sed 's/ *$//' | sort
}
before=$(routes)
fixes wg0 --peer "$key"
is "$FIX_STATUS $(routes)" "0 $before" "a plan for one peer changes nothing"
check "it names each network, but for one that goes elsewhere" test "$(grep -cE '^ip route replace .* dev wg0 mtu 1440$' "$FIX_OUT")" = 3
fixes wg0 --peer "$key" --apply
is "$FIX_STATUS $(live)" "0 8920" "--peer --apply leaves the interface alone"
is "$(routes | grep '^10.77')" "10.77.0.0/16 proto static scope link src 192.168.3.99 metric 77 mtu 1440 advmss 1000" \
	"the route has the MTU, and all else that it had"
check "a route that was missing is there" grep -qE '^10.79.1.0/24 .*mtu 1440' <(routes)
check "that of IPv6 as well" grep -qE '^fd77::/64 .*mtu 1440' <(routes)
check "a route of another link stays" grep -q '^10.78.0.0/16' <(ip -n "$LAB_GW" route show dev lan0)
fixes wg0 --peer "$key" --mtu 1400 --apply
check "again, with another MTU" grep -qE '^10.77.* mtu 1400 ' <(routes)
ip -n "$LAB_GW" route change 10.79.1.0/24 dev wg0 mtu 1234
fixes wg0 --undo --apply
is "$FIX_STATUS" 3 "a route that somebody else has changed since is not taken back"
ip -n "$LAB_GW" route change 10.79.1.0/24 dev wg0 mtu 1400
fixes wg0 --undo --apply
is "$FIX_STATUS $(routes)" "0 $before" "--undo brings the routes back as they were"
refuses "a peer that is none" "no peer has this public key" wg0 --peer x
refuses "a peer's file" "wg-quick knows no MTU of a peer" wg0 --peer "$key" --persist
modprobe vrf || bail_out "no VRF"
ip -n "$LAB_GW" link add blue type vrf table 10
ip -n "$LAB_GW" link set wg0 master blue
refuses "a peer's routes in a VRF" "in a table of its own" wg0 --peer "$key" --apply
ip -n "$LAB_GW" link del blue
in_ns "$LAB_GW" wg set wg0 peer "$key" allowed-ips 0.0.0.0/0
refuses "a peer that takes everything" "everything is routed to that peer" wg0 --peer "$key" --apply
in_ns "$LAB_GW" wg set wg0 peer "$key" remove

# --- who else configures it -----------------------------------------------------------------------
rm -f "$CONF"
echo '[NetDev]' >/etc/systemd/network/wg0.netdev
echo 'Name=wg0' >>/etc/systemd/network/wg0.netdev
cp /etc/systemd/network/wg0.netdev "$(lab_file netdev)"
fixes wg0 --apply --persist
check "systemd-networkd: a snippet" grep -qxF '#   MTUBytes=1440' "$FIX_OUT"
check "systemd-networkd: no edit" cmp /etc/systemd/network/wg0.netdev "$(lab_file netdev)"
fixes wg0 --undo --apply
rm /etc/systemd/network/wg0.netdev
printf '[connection]\ninterface-name=wg0\n' >/etc/NetworkManager/system-connections/x.nmconnection
fixes wg0
check "NetworkManager: a snippet" grep -q 'nmcli connection modify .* wireguard.mtu 1440' "$FIX_OUT"
rm /etc/NetworkManager/system-connections/x.nmconnection
printf 'auto wg0\niface wg0 inet static\n' >/etc/network/interfaces
fixes wg0
check "ifupdown: a snippet" grep -q 'post-up ip link set dev wg0 mtu 1440' "$FIX_OUT"
rm /etc/network/interfaces

# --- killed in the middle ------------------------------------------------------------------------------
# At the N-th of each system call that changes anything, for each N there is.
whole()
{
	cmp -s "$CONF" "$(lab_file old.conf)" || cmp -s "$CONF" "$(lab_file new.conf)"
}

# killed_at CALL N ARG...: false if it was killed.
killed_at()
{
	local call=$1 n=$2

	shift 2
	in_ns "$LAB_GW" strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
		"$LAB_MTUSCOPE" fix wg0 "$@" >/dev/null 2>&1
}

fresh()
{
	rm -rf /var/lib/mtuscope "$CONF"*
	cp -p "$(lab_file old.conf)" "$CONF"
	set_live 8920
}

if command -v strace >/dev/null; then
	killed=0 bad=
	for call in write fchown fchmod fsync link rename unlink ioctl mkdir flock; do
		for ((n = 1; n < 50; n++)); do
			fresh
			killed_at "$call" "$n" --apply --persist && break
			killed=$((killed + 1))
			whole || bad+=" $call:$n:file"
			[[ $(live) == 8920 || $(live) == 1440 ]] || bad+=" $call:$n:mtu"
			# What is left can be taken back, or finished and then taken back.
			((n % 2)) || fixes wg0 --apply --persist
			fixes wg0 --undo --apply
			cmp -s "$CONF" "$(lab_file old.conf)" || bad+=" $call:$n:undo-file"
			[[ $(live) == 8920 ]] || bad+=" $call:$n:undo-mtu"
		done
	done
	is "$bad" "" "killed at any of its $killed steps, --apply --persist leaves the old or the new state"
	check "and there were steps" test "$killed" -gt 15
	killed=0 bad=
	for call in fsync rename unlink ioctl flock; do
		for ((n = 1; n < 50; n++)); do
			fresh
			fixes wg0 --apply --persist
			killed_at "$call" "$n" --undo --apply && break
			killed=$((killed + 1))
			whole || bad+=" $call:$n:file"
			fixes wg0 --undo --apply
			cmp -s "$CONF" "$(lab_file old.conf)" || bad+=" $call:$n:again-file"
			[[ $(live) == 8920 ]] || bad+=" $call:$n:again-mtu"
		done
	done
	is "$bad" "" "killed at any of its $killed steps, --undo can be done again"
	check "and there were steps" test "$killed" -gt 4

	# Routes go one by one, each in one message: a route is the old or the new one, and what is recorded takes all back.
	in_ns "$LAB_GW" wg set wg0 peer "$key" endpoint 198.51.100.9:1 allowed-ips 10.77.0.0/16,10.79.1.0/24,fd77::/64
	fresh
	before=$(routes)
	fixes wg0 --peer "$key" --apply
	after=$(routes)
	fixes wg0 --undo --apply
	sent=$(in_ns "$LAB_GW" strace -qq -e trace=sendto "$LAB_MTUSCOPE" fix wg0 --peer "$key" --apply 2>&1 >/dev/null | grep -c '^sendto')
	fixes wg0 --undo --apply
	killed=0 bad=
	for ((n = sent - 4; n <= sent; n++)); do
		killed_at sendto "$n" --peer "$key" --apply || killed=$((killed + 1))
		[[ -z $(comm -23 <(routes | sort) <(sort <<<"$before"$'\n'"$after")) ]] || bad+=" $n:mixed"
		fixes wg0 --undo --apply
		[[ $(routes) == "$before" ]] || bad+=" $n:undo"
	done
	is "$bad" "" "killed before any of the last $killed messages, --peer --apply can be taken back"
	check "and there were such" test "$killed" = 5
	in_ns "$LAB_GW" wg set wg0 peer "$key" remove
else
	skip "killed in the middle" "no strace"
fi
done_testing
