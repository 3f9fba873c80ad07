/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must be true of every finding, whatever the snapshots were. Header only: the unit tests and the fuzz target
 * share it, and the latter is built from one file.
 */
#ifndef MTUSCOPE_TEST_INVARIANTS_H
#define MTUSCOPE_TEST_INVARIANTS_H

#include <string.h>
#include <sys/socket.h>

#include "finding.h"
#include "outer.h"

#define MTU_MINIMUM 576
#define MTU_FLOOR   1280

/* NULL, or what is wrong with the recommendation of a class that reasons by what arrives. */
static inline const char *recommendation_wrong(const struct finding *f)
{
	uint32_t overhead = outer_overhead(f->outer_family);
	uint32_t proven = f->path_mtu_lower > overhead ? f->path_mtu_lower - overhead : 0;

	if (f->class > FINDING_REASSEMBLY_FAILURE)
		return NULL;
	if (f->recommended_mtu > (proven > MTU_FLOOR ? proven : MTU_FLOOR))
		return "more is recommended than is proven";
	if (f->path_mtu_upper && f->recommended_mtu + overhead >= f->path_mtu_upper &&
	    f->recommended_mtu != MTU_MINIMUM)
		return "what is recommended does not arrive";
	if (f->recommended_mtu < MTU_MINIMUM)
		return "less is recommended than IPv4 allows";
	return NULL;
}

/* NULL, or what is wrong with the finding. */
static inline const char *finding_wrong(const struct finding *f)
{
	if (strnlen(f->id, sizeof(f->id)) != FINDING_ID_LEN - 1)
		return "the id is not 32 characters";
	if (!memchr(f->interface, 0, sizeof(f->interface)) || !memchr(f->message, 0, sizeof(f->message)))
		return "a string has no end";
	if (!(f->confidence >= 0.0 && f->confidence <= 1.0))
		return "the confidence is no probability";
	if (f->path_mtu_upper && f->path_mtu_lower >= f->path_mtu_upper)
		return "the bracket is empty";
	if (f->evidence_n > FINDING_EVIDENCE_MAX || f->flows_n > FINDING_FLOWS_MAX || f->fixes_n > FINDING_FIXES_MAX)
		return "a list is too long";
	if (!f->evidence_n || !f->fixes_n || !f->message[0])
		return "it has no evidence, fix or message";
	for (size_t i = 0; i < f->fixes_n; i++)
		if (!memchr(f->fix[i], 0, sizeof(f->fix[i])) || strchr(f->fix[i], '\n'))
			return "a fix is not one line";
	for (size_t i = 0; i < f->evidence_n; i++)
		if (f->evidence[i].kind >= EVIDENCE_KINDS || f->evidence[i].min_size > f->evidence[i].max_size)
			return "evidence makes no sense";
	if (f->severity != finding_class_severity(f->class))
		return "the severity is not that of the class";
	return recommendation_wrong(f);
}

#define LIVES_MAX 256

/* The findings that are open, by id: to see that each opens once, changes while it is open, and is resolved once. */
struct lives {
	struct {
		char id[FINDING_ID_LEN];
		enum finding_class class;
		enum wire_direction direction;
		uint8_t public_key[WG_KEY_LEN];
	} open[LIVES_MAX];
	size_t n;
};

/* NULL, or what is wrong with the finding at this point of its life. */
static inline const char *life_wrong(struct lives *l, const struct finding *f)
{
	size_t i;

	for (i = 0; i < l->n && strcmp(l->open[i].id, f->id); i++)
		;
	if (f->state == FINDING_OPEN) {
		if (i < l->n)
			return "it opens twice";
		if (l->n == LIVES_MAX)
			return NULL;
		memcpy(l->open[i].id, f->id, sizeof(f->id));
		l->open[i].class = f->class;
		l->open[i].direction = f->direction;
		memcpy(l->open[i].public_key, f->public_key, sizeof(f->public_key));
		l->n++;
		return NULL;
	}
	if (i == l->n)
		return l->n == LIVES_MAX ? NULL : "it changes without being open";
	if (l->open[i].class != f->class || l->open[i].direction != f->direction ||
	    memcmp(l->open[i].public_key, f->public_key, sizeof(f->public_key)))
		return "its id has passed to another";
	if (f->state == FINDING_RESOLVED)
		l->open[i] = l->open[--l->n];
	else if (f->state != FINDING_UPDATE)
		return "its state is none";
	return NULL;
}

#endif
