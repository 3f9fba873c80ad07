# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests with real receivers source: on this machine, on the loopback, with configuration and state in LAB_DIR, without
# privilege. They speak TAP as the lab's scenarios do, and end what they start.

. "$(dirname "${BASH_SOURCE[0]}")/../lab/lib.sh"

# The receivers know nothing of this machine's own ways.
export TZ=UTC LC_ALL=C

# free_port: one that nobody listens at; with luck that stays so until it is used.
free_port()
{
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# unpack PACKAGE: what scripts/setup fetched and did not install; prints where.
unpack()
{
	local deb=${XDG_CACHE_HOME:-$HOME/.cache}/mtuscope/$1/$1.deb

	[[ -e $deb ]] || return
	dpkg -x "$deb" "$LAB_DIR/$1"
	echo "$LAB_DIR/$1"
}
