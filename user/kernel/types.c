// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The running kernel's type information (BTF). Called by kernel.c before anything is loaded: what libbpf makes of a file that
 * is none comes late and is of each program.
 */
#include <errno.h>

#include <bpf/btf.h>

#include "kernel_internal.h"

int types_load(struct btf **types, const char *path)
{
	struct btf *btf = path ? btf__parse(path, NULL) : btf__load_vmlinux_btf();

	*types = NULL;
	if (!btf)
		return errno == ENOMEM ? -ENOMEM : -ENODATA;
	/* That of a module or of another program. */
	if (btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT) < 0) {
		btf__free(btf);
		return -ENODATA;
	}
	*types = btf;
	return 0;
}
