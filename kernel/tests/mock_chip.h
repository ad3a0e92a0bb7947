/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the mock chip and its controls. */
#ifndef HALYARD_MOCK_CHIP_H
#define HALYARD_MOCK_CHIP_H

#include <halyard/chip.h>

extern const struct halyard_chip mock_chip;
extern const struct halyard_chip mock_bare_chip;
extern const struct halyard_chip mock_card_chip;
extern const struct halyard_chip mock_firmware_chip;

void mock_chip_complete(struct halyard_device *hdev, u32 hw_id, u64 seqno);

#endif
