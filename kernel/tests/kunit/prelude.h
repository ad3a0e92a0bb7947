/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Before everything else in a source that uses KUnit on a kernel that was built without it. The
 * kernel's structures are seen as they are; only then KUnit is there. Where KUnit looks for the
 * current test in a task, which has no place for it, it finds what file systems with a journal
 * keep there; a test that calls one can't be run so.
 */
#ifndef HALYARD_KUNIT_PRELUDE_H
#define HALYARD_KUNIT_PRELUDE_H

#include <linux/module.h>
#include <linux/sched.h>

#define CONFIG_KUNIT_MODULE 1
/* For <kunit/test-bug.h>; scripts/fetch-kunit says the same to KUnit's sources. */
#define kunit_test journal_info

/* Nobody starts the suites of a module when it is loaded. */
#define HALYARD_KUNIT_STARTS_ITSELF

#endif
