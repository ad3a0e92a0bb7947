// SPDX-License-Identifier: GPL-2.0-only
/* The module with the tests of the core. */

#include <compat.h>

#include "mock.h"
#include "suites.h"

halyard_test_suites(&halyard_submit_suite, &halyard_sync_suite, &halyard_limits_suite,
		    &halyard_recovery_suite, &halyard_dump_suite, &halyard_bind_suite,
		    &halyard_unplug_suite, &halyard_bare_suite, &halyard_pci_suite,
		    &halyard_firmware_suite, &halyard_memory_suite, &halyard_power_suite);

MODULE_DESCRIPTION("KUnit tests of the Halyard core");
MODULE_AUTHOR("The Halyard maintainers");
MODULE_LICENSE("GPL");
HALYARD_IMPORT_NS(DMA_BUF);
