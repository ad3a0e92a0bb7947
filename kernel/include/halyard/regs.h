/* SPDX-License-Identifier: GPL-2.0-only */
/* Access to a card's 32-bit registers. Between drm_dev_enter() and drm_dev_exit(). */
#ifndef HALYARD_REGS_H
#define HALYARD_REGS_H

#include <linux/iopoll.h>

#include <halyard/chip.h>

static inline u32 halyard_read(struct halyard_device *hdev, u32 reg)
{
	return readl(hdev->regs + reg);
}

/* Ordered after all memory accesses before it, as writel() promises. */
static inline void halyard_write(struct halyard_device *hdev, u32 reg, u32 value)
{
	writel(value, hdev->regs + reg);
}

static inline void halyard_write64(struct halyard_device *hdev, u32 reg_lo, u64 value)
{
	halyard_write(hdev, reg_lo, lower_32_bits(value));
	halyard_write(hdev, reg_lo + 4, upper_32_bits(value));
}

/**
 * halyard_poll - wait until a register has a value
 * @hdev: the card
 * @reg: register, which is never all ones on a card that answers
 * @mask: bits that matter
 * @value: of these bits
 * @ms: how long
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV when the card does not answer.
 */
static inline int halyard_poll(struct halyard_device *hdev, u32 reg, u32 mask, u32 value,
			       unsigned int ms)
{
	u32 now;
	int ret;

	ret = read_poll_timeout(halyard_read, now, now == U32_MAX || (now & mask) == value, 20,
				ms * USEC_PER_MSEC, false, hdev, reg);

	return now == U32_MAX ? -ENODEV : ret;
}

#endif
