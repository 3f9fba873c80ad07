# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the scenarios counters-*.sh share: mtuscope's counters, to be compared with an independent source. Sourced after
# lib.sh. They are read from the last counters record, so after stop_mtuscope.

# lab_tallied RECORDS KIND [JQ_FILTER]: prints the sum of these tallies.
lab_tallied()
{
	jq -n --arg kind "$2" "[inputs | .mtuscope.counters // empty] | last |
		[.tallies[] | select(.kind == \$kind) | select(${3:-true}) | .count] | add // 0" "$1"
}

# lab_dropped RECORDS REASON: prints how many packets the kernel dropped for this reason.
lab_dropped()
{
	jq -n --arg reason "$2" '[inputs | .mtuscope.counters // empty] | last |
		[.drops[] | select(.reason == $reason) | .count] | add // 0' "$1"
}

# lab_nft_count NS TABLE: prints the sum of the counters in this table.
lab_nft_count()
{
	in_ns "$1" nft -j list table inet "$2" |
		jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add // 0'
}

# counts_to NS NAME NUMBER: true when the kernel's counter, named as by nstat(8), has got there.
counts_to()
{
	(($(lab_counter "$1" "$2") >= $3))
}
