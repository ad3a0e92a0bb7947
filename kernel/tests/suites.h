/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a module with tests: its suites run when it is loaded. */
#ifndef HALYARD_SUITES_H
#define HALYARD_SUITES_H

#include <kunit/test.h>

#include <linux/module.h>

#ifdef HALYARD_KUNIT_STARTS_ITSELF
static struct kunit_suite *const *halyard_suites;
static size_t halyard_num_suites;

/* What the kernel's own KUnit does for a module that it finds suites in. */
static int __init halyard_kunit_init(void)
{
	size_t i;

	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", halyard_num_suites);
	for (i = 0; i < halyard_num_suites; i++)
		kunit_run_tests(halyard_suites[i]);

	return 0;
}
module_init(halyard_kunit_init);

static void __exit halyard_kunit_exit(void)
{
}
module_exit(halyard_kunit_exit);

#define halyard_test_suites(...)							\
	static struct kunit_suite *const *halyard_suites =				\
		(struct kunit_suite *const []) { __VA_ARGS__ };				\
	static size_t halyard_num_suites =						\
		sizeof((struct kunit_suite *const []) { __VA_ARGS__ }) / sizeof(void *)
#else
#define halyard_test_suites(...)	kunit_test_suites(__VA_ARGS__)
#endif

#endif
