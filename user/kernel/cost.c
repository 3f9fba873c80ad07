// SPDX-License-Identifier: GPL-2.0-or-later
/* What the programs cost, as the kernel counts it. */
#include "kernel_internal.h"

static uint64_t object_run_ns(const struct bpf_object *object)
{
	struct bpf_program *program;
	uint64_t ns = 0;

	bpf_object__for_each_program (program, object) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			ns += info.run_time_ns;
	}
	return ns;
}

uint64_t kernel_run_ns(const struct kernel *kernel)
{
	uint64_t ns = object_run_ns(kernel->tc->obj);

	for (size_t i = 0; i < kernel->hooks_n; i++)
		if (kernel->hooks[i].object)
			ns += object_run_ns(kernel->hooks[i].object);
	return ns;
}
