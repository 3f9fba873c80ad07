// SPDX-License-Identifier: GPL-2.0-or-later
/* Type information from a file: a kernel's is taken, and anything else refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "kernel_internal.h"

/* What types_load() says of a file with these bytes. */
static int load(const void *bytes, size_t len)
{
	char path[] = "/tmp/mtuscope-types-XXXXXX";
	int fd = mkstemp(path), err;
	struct btf *types;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	err = types_load(&types, path);
	assert_true(err ? !types : types != NULL);
	btf__free(types);
	unlink(path);
	return err;
}

/* BTF in which there is a struct of that name. */
static int load_with(const char *name)
{
	struct btf *btf = btf__new_empty();
	const void *bytes;
	uint32_t len;
	int err;

	assert_non_null(btf);
	assert_true(btf__add_struct(btf, name, 8) > 0);
	bytes = btf__raw_data(btf, &len);
	assert_non_null(bytes);
	err = load(bytes, len);
	btf__free(btf);
	return err;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void test_a_kernels(void **state)
{
	(void)state;
	assert_int_equal(load_with("sk_buff"), 0);
}

static void test_of_something_else(void **state)
{
	(void)state;
	assert_int_equal(load_with("widget"), -ENODATA);
}

static void test_no_type_information(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n";
	static const uint8_t cut[] = { 0x9f, 0xeb, 1, 0, 24, 0, 0, 0 };
	struct btf *types;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1), -ENODATA);
	assert_int_equal(load(cut, sizeof(cut)), -ENODATA);
	assert_int_equal(load("", 0), -ENODATA);
	assert_int_equal(types_load(&types, "/proc/self/exe"), -ENODATA);
	assert_int_equal(types_load(&types, "/"), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_kernels),
		cmocka_unit_test(test_of_something_else),
		cmocka_unit_test(test_no_type_information),
	};

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
