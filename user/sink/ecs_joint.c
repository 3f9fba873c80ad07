// SPDX-License-Identifier: GPL-2.0-or-later
/* What two recordings of one tunnel amount to, within a status. See ecs.c. */
#include "ecs_internal.h"
#include "format.h"
#include "joint.h"

static void end_object(struct json_writer *w, const struct joint_end *e)
{
	char key[FORMAT_KEY_LEN];

	format_key(key, e->peer_key);
	json_begin_object(w, NULL);
	json_put_string_n(w, "interface", e->interface, sizeof(e->interface));
	json_put_uint(w, "tunnel_mtu", e->tunnel_mtu);
	json_put_string(w, "peer", key);
	json_put_bool(w, "shared", e->shared);
	json_end_object(w);
}

static void way_object(struct json_writer *w, const struct joint_way *way, enum wire_direction direction)
{
	json_begin_object(w, NULL);
	json_put_string(w, "direction", direction_name(direction));
	json_put_uint(w, "sent", way->sent);
	json_put_uint(w, "lost", way->lost);
	json_begin_object(w, "path_mtu");
	json_put_uint_or_null(w, "lower", way->lower);
	json_put_uint_or_null(w, "upper", way->upper);
	json_end_object(w);
	json_begin_array(w, "sizes");
	for (size_t i = 0; i < at_most(way->rows_n, JOINT_ROWS); i++) {
		json_begin_object(w, NULL);
		json_put_uint(w, "from", way->rows[i].from);
		json_put_uint(w, "to", way->rows[i].to);
		json_put_uint(w, "sent", way->rows[i].sent);
		json_put_uint(w, "received", way->rows[i].received);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}

void ecs_joint(struct json_writer *w, const struct joint_result *j)
{
	json_begin_object(w, "joint");
	json_put_uint(w, "together_ms", j->together_ms);
	json_put_uint(w, "sessions", j->sessions_n);
	json_begin_array(w, "ends");
	for (int end = 0; end < JOINT_ENDS; end++)
		end_object(w, &j->ends[end]);
	json_end_array(w);
	json_begin_array(w, "ways");
	for (int from = 0; from < JOINT_ENDS; from++)
		way_object(w, &j->ways[from], from ? WIRE_RX : WIRE_TX);
	json_end_array(w);
	json_end_object(w);
}
