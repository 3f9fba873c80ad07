#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package: lintian has nothing to say, it needs for building what scripts/setup installs, holds what `make
# install` installs, and its unit is hardened.
. "$(dirname "$0")/../lab/lib.sh"

cd "$LAB_REPO" || bail_out "no checkout"
changes=(build/deb/mtuscope_*.changes)
deb=(build/deb/mtuscope_*.deb)
[[ ${#deb[@]} == 1 && -e ${deb[0]} ]] || bail_out "no package; make deb"

# files DIRECTORY: what is in it, however compressed.
files()
{
	(cd "$1" && find . ! -type d | grep -vE '^./usr/share/doc/mtuscope/(changelog|copyright)' | sed 's/\.gz$//' | sort)
}

# hardened UNIT: systemd's own judgement, in tenths.
hardened()
{
	systemd-analyze security --no-pager --offline=true --threshold=29 "$1" >"$(lab_file exposure)"
}

is "$(lintian --fail-on error,warning "${changes[0]}" 2>"$(lab_file lintian.err)")" "" "lintian"

# Those of build-essential need not be told.
needed=$(sed -n '/^build_packages=(/,/^)/p' scripts/setup | tr -s '[:space:]' '\n' |
	grep -vxE 'build_packages=\(|\)|gcc|make|libc6-dev|' | sort)
is "$(sed -n '/^Build-Depends:/,/^[A-Z][a-z-]*-[A-Z]/p' packaging/debian/control | sed -nE 's/^ ([a-z0-9-]+),?$/\1/p' | sort)" \
	"$needed" "it is built with what scripts/setup installs"
is "$(dpkg-deb -f "${deb[0]}" Version)" "$("$LAB_MTUSCOPE" --version | cut -d ' ' -f 2)" "it has the program's version"

dpkg-deb -x "${deb[0]}" "$LAB_DIR/package" || bail_out "the package cannot be unpacked"
make -s install DESTDIR="$LAB_DIR/installed" PREFIX=/usr UNITDIR=/lib/systemd/system \
	ZSHDIR=/usr/share/zsh/vendor-completions >"$(lab_file install.err)" 2>&1 ||
	bail_out "make install fails"
is "$(files "$LAB_DIR/package")" "$(files "$LAB_DIR/installed")" "it holds what make install installs"
is "$(dpkg-deb -I "${deb[0]}" conffiles | sort)" "$(cd "$LAB_DIR/package" && find etc -type f | sed 's|^|/|' | sort)" \
	"what is in /etc is the administrator's"
check "its configuration is taken" "$LAB_DIR/package/usr/sbin/mtuscope" serve --check-config \
	--config "$LAB_DIR/package/etc/mtuscope.conf"
check "the unit's exposure is below 3" hardened "$LAB_DIR/package/lib/systemd/system/mtuscope.service"
done_testing
