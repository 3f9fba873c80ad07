#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident while `serve` runs on the gateway: Prometheus, which scrapes it, raises the alert that we ship and lets it go
# once the tunnel's MTU is right; the node exporter hands on the same from the textfile.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465
dir=$(mktemp -d /tmp/mtuscope-alerts.XXXXXX)
chmod 755 "$dir"
mkdir -m 777 "$dir/textfile" "$dir/data"
records=$(lab_file serve.json)
cp "$LAB_REPO/contrib/prometheus/mtuscope.rules.yml" "$dir"
cat >"$dir/prometheus.yml" <<-END
	global: { scrape_interval: 1s, evaluation_interval: 1s }
	rule_files: [ mtuscope.rules.yml ]
	scrape_configs:
	  - job_name: mtuscope
	    static_configs: [ { targets: [ '127.0.0.1:9586' ], labels: { instance: gw } } ]
END

prometheus()
{
	in_ns "$LAB_GW" curl -sS --max-time 10 -G "http://127.0.0.1:9090/api/v1/query" --data-urlencode "query=$1"
}

# holds QUERY: Prometheus knows such a series now.
holds()
{
	prometheus "$1" | jq -e '.data.result | length > 0' >/dev/null 2>&1
}

holds_not()
{
	prometheus "$1" | jq -e '.status == "success" and (.data.result | length == 0)' >/dev/null 2>&1
}

# understood: Prometheus takes every query of the dashboard; some have nothing to show.
understood()
{
	local queries query

	mapfile -t queries < <(jq -r '.panels | .. | .expr? // empty' "$LAB_REPO/contrib/grafana/mtuscope.json")
	((${#queries[@]})) || return
	for query in "${queries[@]}"; do
		query=${query//\$instance/gw}
		query=${query//\$__rate_interval/1m}
		prometheus "$query" | jq -e '.status == "success"' >/dev/null || { note "$query"; return 1; }
	done
}

exports()
{
	in_ns "$LAB_GW" curl -sS --max-time 10 http://127.0.0.1:9100/metrics | grep "$1" >/dev/null
}

lab_spawn "$LAB_GW" "$records" "$(lab_file serve.err)" "$LAB_MTUSCOPE" serve --user root --listen 9586 --textfile "$dir/textfile"
lab_spawn "$LAB_GW" /dev/null "$(lab_file prometheus.err)" prometheus --config.file="$dir/prometheus.yml" \
	--storage.tsdb.path="$dir/data" --web.listen-address=127.0.0.1:9090 --log.level=warn
lab_spawn "$LAB_GW" /dev/null "$(lab_file node-exporter.err)" prometheus-node-exporter --web.listen-address=127.0.0.1:9100 \
	--collector.disable-defaults --collector.textfile --collector.textfile.directory="$dir/textfile"
wait_record "$records" 60 '.mtuscope.status.state | IN("ready", "degraded")' || bail_out "serve does not start"
check "Prometheus scrapes it" wait_for 90 "a sample" holds 'mtuscope_build_info'
check "and knows the tunnel by its own key" holds "mtuscope_tunnel_info{interface=\"wg0\",public_key=\"$LAB_GW_KEY\"}"
assert_record "$records" ".mtuscope.status.interfaces[]? | .name == \"wg0\" and .public_key == \"$LAB_GW_KEY\"" "the records as well"
check "the peer is healthy before" holds_not 'ALERTS'

is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "TLS stalls"
alert="ALERTS{alertname=\"MtuBlackHole\",alertstate=\"firing\",class=\"path-blackhole\",direction=\"tx\",public_key=\"$LAB_RELAY_KEY\"}"
check "the alert fires and names the peer" wait_for 60 "the alert" holds "$alert"
check "the fleet's recording knows the tunnel MTU that works" wait_for 20 "it" \
	holds "public_key:mtuscope_recommended_mtu_bytes:min{public_key=\"$LAB_RELAY_KEY\"} <= 1440"
check "it takes every query of the dashboard" understood
check "the node exporter hands it on" wait_for 30 "it" exports "^mtuscope_finding_active{class=\"path-blackhole\""
check "and finds no error in the file" exports '^node_textfile_scrape_error 0$'

lab_tunnel_mtu 1440 1440
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "TLS completes with an MTU that fits"
check "the alert has fired and clears" wait_for 60 "its end" \
	holds "count_over_time(${alert}[1h]) unless on (public_key) ALERTS{alertname=\"MtuBlackHole\"}"
[[ -z ${MTUSCOPE_OUT:-} ]] || prometheus '{__name__=~"mtuscope_.*|ALERTS|public_key.*"}' >"$LAB_DIR/prometheus.json"
rm -rf "$dir"
done_testing
