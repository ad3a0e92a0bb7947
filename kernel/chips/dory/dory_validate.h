/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The check of a command stream, which is all that keeps the card within a job's buffers. Compiles
 * in user space, too, where it is fuzzed against the model of the card.
 */
#ifndef DORY_VALIDATE_H
#define DORY_VALIDATE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct dory_region - a region of a job
 * @size: bytes
 * @write: the card may write to it
 */
struct dory_region {
	u64 size;
	bool write;
};

/**
 * struct dory_refusal - why a stream was refused
 * @offset: bytes from its start to the command
 * @reason: what is wrong with it, a string constant
 */
struct dory_refusal {
	u32 offset;
	const char *reason;
};

int dory_validate(const __le32 *stream, u32 size, const struct dory_region *regions,
		  u32 num_regions, u32 opcodes, struct dory_refusal *refusal);

#ifdef __cplusplus
}
#endif

#endif
