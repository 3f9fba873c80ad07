// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The running kernel's type information (BTF), or that of a file. Called by kernel.c before anything is loaded: of a file that
 * holds none libbpf itself would complain once for each program, and of the program.
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
