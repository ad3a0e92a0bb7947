/* SPDX-License-Identifier: GPL-2.0-only */
/* Before everything else in KUnit's own sources. */

#include "prelude.h"

/* KUnit's configuration, as far as it is not a matter of the kernel. */
#define CONFIG_KUNIT_DEFAULT_FILTER_GLOB ""
#define CONFIG_KUNIT_DEFAULT_FILTER ""
#define CONFIG_KUNIT_DEFAULT_FILTER_ACTION ""
#define CONFIG_KUNIT_DEFAULT_TIMEOUT 300

/*
 * A module's structure has no place for suites, so KUnit is not told of modules. What it would do
 * with them has to compile: scripts/fetch-kunit makes it look for suites here.
 */
static inline int halyard_no_notifier(struct notifier_block *notifier)
{
	return 0;
}

#define register_module_notifier halyard_no_notifier
#define unregister_module_notifier halyard_no_notifier

static struct {
	struct kunit_suite **kunit_suites;
	int num_kunit_suites;
	struct kunit_suite **kunit_init_suites;
	int num_kunit_init_suites;
} halyard_no_suites;
