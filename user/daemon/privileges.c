// SPDX-License-Identifier: GPL-2.0-or-later
/* See privileges.h. */
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct passwd *account_named(const char *name)
{
	const struct passwd *p;

	if (name)
		return getpwnam(name);
	p = getpwnam("mtuscope");
	return p ? p : getpwnam("nobody");
}

bool account_find(struct account *a, const char *name)
{
	const struct passwd *p;

	*a = (struct account){ .change = geteuid() == 0 };
	if (!a->change)
		return true;
	p = account_named(name);
	if (!p)
		return false;
	a->uid = p->pw_uid;
	a->gid = p->pw_gid;
	return true;
}

int privileges_drop(const struct account *a, bool probes)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) ||
	    (probes && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW)))
		return -EPERM;
	if (a->change) {
		if (capng_change_id((int)a->uid, (int)a->gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
			return -EPERM;
	} else if (capng_apply(CAPNG_SELECT_CAPS)) {
		return -EPERM;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
