// SPDX-License-Identifier: GPL-2.0-only
/* The module with the tests: they run when it is loaded. */

#include <linux/module.h>

#include "mock.h"

#ifdef HALYARD_KUNIT_STARTS_ITSELF
static struct kunit_suite *const halyard_suites[] = {
	&halyard_submit_suite,
	&halyard_sync_suite,
	&halyard_limits_suite,
	&halyard_recovery_suite,
	&halyard_bind_suite,
	&halyard_unplug_suite,
};

/* What the kernel's own KUnit does for a module that it finds suites in. */
static int __init halyard_kunit_init(void)
{
	unsigned int i;

	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", ARRAY_SIZE(halyard_suites));
	for (i = 0; i < ARRAY_SIZE(halyard_suites); i++)
		kunit_run_tests(halyard_suites[i]);

	return 0;
}
module_init(halyard_kunit_init);

static void __exit halyard_kunit_exit(void)
{
}
module_exit(halyard_kunit_exit);
#else
kunit_test_suites(&halyard_submit_suite, &halyard_sync_suite, &halyard_limits_suite,
		  &halyard_recovery_suite, &halyard_bind_suite, &halyard_unplug_suite);
#endif

MODULE_DESCRIPTION("KUnit tests of the Halyard core");
MODULE_AUTHOR("The Halyard maintainers");
MODULE_LICENSE("GPL");
