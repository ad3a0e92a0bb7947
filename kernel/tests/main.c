// SPDX-License-Identifier: GPL-2.0-only
/* The module with the tests: they run when it is loaded. */

#include <linux/module.h>

#include "mock.h"

kunit_test_suites(&halyard_submit_suite,
		  &halyard_sync_suite,
		  &halyard_limits_suite,
		  &halyard_recovery_suite,
		  &halyard_bind_suite,
		  &halyard_unplug_suite);

MODULE_DESCRIPTION("KUnit tests of the Halyard core");
MODULE_AUTHOR("The Halyard maintainers");
MODULE_LICENSE("GPL");
