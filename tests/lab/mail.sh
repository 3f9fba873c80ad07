# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two Postfix servers for a scenario: mail_servers unpacks Postfix into the virtual machine's scratch root and starts
# one on the server, with STARTTLS and the lab's 4096-bit chain, and one on the relay, which delivers to it.

MAIL_BOX=/var/mail-lab # of the server: one Maildir for everybody

mail_unpack()
{
	local deb=${XDG_CACHE_HOME:-$HOME/.cache}/mtuscope/postfix/postfix.deb

	[[ -d /run/mtuscope-vm ]] || skip_all "unpacks Postfix into the root: for a virtual machine only"
	[[ -e $deb ]] || bail_out "no Postfix; run scripts/setup vm"
	# It has directories where the root has links into /usr.
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C / --keep-directory-symlink || bail_out "cannot unpack Postfix"
	groupadd -f postdrop
	id postfix >/dev/null 2>&1 || useradd -r -M -d /var/spool/postfix -s /usr/sbin/nologin postfix ||
		bail_out "no user for Postfix"
	useradd -r -M mailbox 2>/dev/null
	install -d -o mailbox "$MAIL_BOX"
	echo 'root: /dev/null' >/etc/aliases
}

# mail_instance NAME SETTING...: /etc/postfix-NAME. Its log is in the scenario's directory.
mail_instance()
{
	local name=$1 dir=/etc/postfix-$1

	shift
	mkdir -p "$dir" "/var/spool/postfix-$name" "/var/lib/postfix-$name"
	chown postfix "/var/lib/postfix-$name"
	# Nothing is chrooted: that would want copies of libraries.
	sed -E 's/^([a-z-]+ +[a-z]+ +[yn-] +[yn-] +)y /\1n /' /usr/share/postfix/master.cf.dist >"$dir/master.cf"
	grep -q '^postlog' "$dir/master.cf" ||
		echo 'postlog unix-dgram n - n - 1 postlogd' >>"$dir/master.cf"
	{
		printf '%s\n' "queue_directory = /var/spool/postfix-$name" "data_directory = /var/lib/postfix-$name" \
			"maillog_file = /var/log/postfix-$name.log" "maillog_file_prefixes = /var" \
			'compatibility_level = 3.6' 'inet_protocols = ipv4' 'alias_maps =' 'alias_database =' \
			'mydestination =' 'biff = no' 'smtp_host_lookup = native' 'smtpd_peername_lookup = no' \
			"$@"
	} >"$dir/main.cf"
}

# mail_start NS NAME
mail_start()
{
	in_ns "$1" postfix -c "/etc/postfix-$2" start >"$(lab_file "postfix-$2.out")" 2>&1 ||
		bail_out "Postfix does not start: $(tail -n 3 "$(lab_file "postfix-$2.out")")"
}

mail_servers()
{
	mail_unpack
	mail_instance server "myhostname = mooker.example" "smtpd_tls_security_level = may" \
		"smtpd_tls_chain_files = $LAB_CHAIN/key.pem, $LAB_CHAIN/chain.pem" "smtpd_tls_loglevel = 1" \
		"virtual_mailbox_domains = mooker.example" "virtual_mailbox_base = $MAIL_BOX" \
		"virtual_mailbox_maps = static:inbox/" "virtual_uid_maps = static:$(id -u mailbox)" \
		"virtual_gid_maps = static:$(id -g mailbox)" "virtual_minimum_uid = 100" \
		"smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination"
	mail_instance relay "myhostname = mxwest.example" "relayhost = [$LAB_SERVER_IP]:25" \
		"smtp_tls_security_level = encrypt" "smtp_tls_loglevel = 1" "smtp_starttls_timeout = 20s" \
		"minimal_backoff_time = 5s" "queue_run_delay = 5s" "maximal_backoff_time = 10s" \
		"inet_interfaces = loopback-only"
	# sendmail -C is allowed to use what the default configuration lists.
	cp /etc/postfix-relay/main.cf /etc/postfix-relay/master.cf /etc/postfix/
	echo 'alternate_config_directories = /etc/postfix-relay, /etc/postfix-server' >>/etc/postfix/main.cf
	mail_start "$LAB_SERVER" server
	mail_start "$LAB_RELAY" relay
	wait_for 20 "the mail server" lab_listens "$LAB_SERVER" 25 || bail_out "no mail server"
}

mail_stop()
{
	in_ns "$LAB_RELAY" postfix -c /etc/postfix-relay stop >/dev/null 2>&1
	in_ns "$LAB_SERVER" postfix -c /etc/postfix-server stop >/dev/null 2>&1
}

# mail_send COUNT: from the relay to the server.
mail_send()
{
	local i

	for ((i = 1; i <= $1; i++)); do
		printf 'Subject: number %s\n\nText.\n' "$i" |
			in_ns "$LAB_RELAY" sendmail -C /etc/postfix-relay -f root@mxwest.example "user$i@mooker.example" || return
	done
}

# mail_queued: how many wait on the relay. mail_arrived: how many came.
mail_queued()
{
	in_ns "$LAB_RELAY" postqueue -c /etc/postfix-relay -j 2>/dev/null | wc -l
}

mail_arrived()
{
	find "$MAIL_BOX" -path '*/new/*' -type f 2>/dev/null | wc -l
}

# mail_numbers QUEUED ARRIVED: true when it is so.
mail_numbers()
{
	[[ $(mail_queued) == "$1" && $(mail_arrived) == "$2" ]]
}
