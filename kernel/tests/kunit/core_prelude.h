/* SPDX-License-Identifier: GPL-2.0-only */
/* Before everything else in KUnit's own sources. */

#include "prelude.h"

/* A module's structure has no place for suites, so KUnit is not to look for them. */
#undef CONFIG_MODULES
