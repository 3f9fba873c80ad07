/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A streaming JSON writer (RFC 8259) over the caller's buffer. Values enter in the order in which they are to stand;
 * one line of ASCII and well-formed UTF-8 leaves, whatever bytes the strings held. Called by every sink that
 * writes JSON. It never allocates; what does not fit is reported once, by json_finish_line().
 *
 * A value inside an object has a key, one inside an array has the key NULL; that begins and ends match is the caller's
 * care.
 */
#ifndef MTUSCOPE_JSON_H
#define MTUSCOPE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"

struct json_writer {
	struct out out;
	bool comma; /* a value stands before the next one */
};

void json_init(struct json_writer *w, char *buf, size_t cap);

void json_begin_object(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w, const char *key);
void json_end_array(struct json_writer *w);

void json_put_null(struct json_writer *w, const char *key);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_int(struct json_writer *w, const char *key, int64_t value);

/* Above INT64_MAX the value is written as INT64_MAX: indexers keep signed 64 bits and refuse the record otherwise. */
void json_put_uint(struct json_writer *w, const char *key, uint64_t value);
void json_put_uint_or_null(struct json_writer *w, const char *key, uint64_t value); /* null for 0 */

/* At most `decimals` (1 to 6) digits after the point; null if not finite or above 1e12. */
void json_put_decimal(struct json_writer *w, const char *key, double value, unsigned int decimals);

/*
 * s up to its NUL. _n: at most `size` bytes of s, which need not end in a NUL. _cut: and written with at most `limit`
 * (at least 3) bytes between its quotes, longer text ends in "...": for records that must fit. NULL is written as null.
 */
void json_put_string(struct json_writer *w, const char *key, const char *s);
void json_put_string_n(struct json_writer *w, const char *key, const char *s, size_t size);
void json_put_string_cut(struct json_writer *w, const char *key, const char *s, size_t size, size_t limit);

/* RFC 3339 in UTC, from Unix time in milliseconds. */
void json_put_time(struct json_writer *w, const char *key, int64_t realtime_ms);

/* A value that another writer holds, complete but not finished: written as it is. */
void json_put_value(struct json_writer *w, const char *key, const struct json_writer *value);

/* Ends the line. Its length with the newline, or -ENOSPC. */
int json_finish_line(struct json_writer *w);

#endif
