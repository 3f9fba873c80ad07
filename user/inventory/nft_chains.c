// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which rules of a packet filter forwarded packets come to, and by which jumps. In: all clamps, jumps and base chains that
 * nft.c has seen. Out: a struct audit_clamp for each way from a base chain to a clamp, with the conditions of all the
 * rules on it.
 */
#include <errno.h>
#include <string.h>

#include "messages.h"

#define JUMPS_MAX  16	/* of the kernel, NFT_JUMP_STACK_SIZE */
#define VISITS_MAX 4096 /* ways looked at: rules can be made so that there are more than atoms */

/* What both want; false: no packet is both. */
static bool iface_both(struct audit_iface *to, const struct audit_iface *with)
{
	bool to_name = to->match == AUDIT_IFACE_IS, with_name = with->match == AUDIT_IFACE_IS;

	if (to_name && with_name && to->name_len && to->name_len == with->name_len)
		return !memcmp(to->name, with->name, to->name_len < IFACE_NAME_LEN ? to->name_len : IFACE_NAME_LEN);
	/* The narrower of the two; of a set nobody knows more than that it is one. */
	if (to->match == AUDIT_IFACE_ANY || (with_name && !to_name))
		*to = *with;
	return true;
}

static bool clamp_both(struct audit_clamp *to, const struct audit_clamp *with)
{
	to->ipv4 = to->ipv4 && with->ipv4;
	to->ipv6 = to->ipv6 && with->ipv6;
	return iface_both(&to->in, &with->in) && iface_both(&to->out, &with->out) && (to->ipv4 || to->ipv6);
}

static int emit(struct nft_dump *dump, const struct audit_clamp *clamp)
{
	struct audit_clamp *grown;

	if (dump->clamps_n == NFT_CLAMPS_MAX)
		return 0;
	grown = array_grown(dump->clamps, dump->clamps_n, &dump->clamps_capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dump->clamps = grown;
	dump->clamps[dump->clamps_n++] = *clamp;
	return 0;
}

static bool is_base(const struct nft_dump *dump, uint64_t chain)
{
	for (size_t i = 0; i < dump->bases_n; i++)
		if (dump->bases[i] == chain)
			return true;
	return false;
}

/* From a clamp backwards to whoever jumps to its chain. */
static int climb(struct nft_dump *dump, uint64_t chain, const struct audit_clamp *clamp, unsigned int jumps)
{
	bool jumped_to = false;
	int err = 0;

	if (jumps > JUMPS_MAX || ++dump->visits > VISITS_MAX)
		return 0;
	if (is_base(dump, chain))
		return emit(dump, clamp);
	for (size_t i = 0; !err && i < dump->rules_n; i++) {
		struct audit_clamp both = *clamp;

		if (dump->rules[i].jump != chain)
			continue;
		jumped_to = true;
		if (clamp_both(&both, &dump->rules[i].clamp))
			err = climb(dump, dump->rules[i].chain, &both, jumps + 1);
	}
	/* A map of verdicts may lead there: what is not understood is taken to be as it should. */
	return !jumped_to && dump->maps ? emit(dump, clamp) : err;
}

int nft_resolve(struct nft_dump *dump)
{
	int err = 0;

	for (size_t i = 0; !err && i < dump->rules_n; i++)
		if (dump->rules[i].clamps)
			err = climb(dump, dump->rules[i].chain, &dump->rules[i].clamp, 0);
	return err;
}
