/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * PCI identities of the cards. Vendor 0x1234 is the one that QEMU's own experimental devices carry;
 * the device ids are ours. Shared by the kernel drivers and the emulator.
 */
#ifndef HALYARD_PCI_IDS_H
#define HALYARD_PCI_IDS_H

#define HALYARD_PCI_VENDOR		0x1234
#define HALYARD_PCI_CLASS_ACCEL		0x120000 /* processing accelerator */

#define HALYARD_PCI_DEVICE_CLIPPER	0x4c10
#define HALYARD_PCI_DEVICE_DORY		0x4c20
#define HALYARD_PCI_DEVICE_SLOOP	0x4c30

#endif
