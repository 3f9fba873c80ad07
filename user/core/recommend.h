/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cure of a finding: the tunnel MTU that its evidence allows, the commands, and the sentence that explains it. */
#ifndef MTUSCOPE_RECOMMEND_H
#define MTUSCOPE_RECOMMEND_H

#include "finding.h"

/*
 * Sets recommended_mtu and basis of a finding whose bracket, tunnel_mtu and outer_family are set. `limit` is what the
 * path may be counted on to carry where the bracket does not say it (bytes, outer), on the basis `limit_basis`; 0: unknown. The
 * recommendation never exceeds what is proven to arrive, except for the floor of 1280 (RFC 8200: every IPv6 link
 * carries it), and the floor only while nothing proves that it does not arrive either.
 */
void recommend_mtu(struct finding *f, uint32_t limit, enum finding_basis limit_basis);

/* An interface's or a file's name as one word of a shell command: quoted unless it is plainly harmless. */
void shell_word(char *word, size_t len, const char *name);
#define SHELL_WORD_LEN(name_len) (4 * (name_len) + 3)

/* Appends one command, or a comment that begins with '#'. */
void fix_add(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets fix[] and fixes_n: commands for a shell, those for another machine as comments. */
void recommend_fix(struct finding *f);

/* Sets message by class and state. */
void recommend_message(struct finding *f);

#endif
