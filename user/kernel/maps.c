// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading BPF maps, for those who collect them: collect.c, tallies.c, drops.c. See kernel_internal.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_internal.h"

#define BATCH 1024

int collect_grow(void **array, size_t n, size_t size)
{
	void *bigger;

	/* Powers of two, so that the capacity need not be kept. */
	if (n & (n - 1))
		return 0;
	bigger = realloc(*array, (n ? 2 * n : 1) * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

int collect_map(int fd, size_t key_len, size_t value_len, struct snapshot *snap, collect_fn fn)
{
	void *keys = malloc(BATCH * key_len), *values = malloc(BATCH * value_len);
	uint32_t cursor, *in = NULL;
	int err = -ENOMEM;

	if (!keys || !values)
		goto out;
	do {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t n = BATCH;

		err = bpf_map_lookup_batch(fd, in, &cursor, keys, values, &n, &opts);
		if (err && err != -ENOENT)
			goto out;
		for (uint32_t i = 0; i < n; i++) {
			int failed = fn(snap, (char *)keys + i * key_len, (char *)values + i * value_len);

			if (failed) {
				err = failed;
				goto out;
			}
		}
		in = &cursor;
	} while (!err);
	err = 0; /* -ENOENT: that was the last batch */
out:
	free(keys);
	free(values);
	return err;
}

int collect_per_cpu(const struct kernel *kernel, const struct bpf_map *map, uint32_t key, uint64_t *sum, size_t words)
{
	uint64_t *values = calloc(kernel->cpus, words * sizeof(*values));
	int err = -ENOMEM;

	if (!values)
		return err;
	err = bpf_map_lookup_elem(bpf_map__fd(map), &key, values);
	memset(sum, 0, words * sizeof(*sum));
	for (size_t i = 0; !err && i < words * kernel->cpus; i++)
		sum[i % words] += values[i];
	free(values);
	return err;
}
