// SPDX-License-Identifier: GPL-2.0-only
/*
 * The check of a command stream: Documentation/hardware/dory.rst, "What a driver checks". Compiles
 * in user space, too; see dory_validate.h.
 */

#include "dory_validate.h"

#ifdef __KERNEL__
#include <linux/array_size.h>
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/errno.h>
#else
#include <asm/byteorder.h>
#include <errno.h>
#include <stddef.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define BIT(n)			(1U << (n))
#define FIELD_GET(mask, value)	dory_field(mask, value)
#define le32_to_cpu(value)	__le32_to_cpu(value)

static u32 dory_field(u32 mask, u32 value)
{
	return (value & mask) / (mask & ~(mask << 1));
}
#endif

#include <drm/halyard_dory.h>

#define DORY_SET_COUNT	DRM_HALYARD_DORY_SET_COUNT_MASK
#define DORY_SET_FIRST	DRM_HALYARD_DORY_SET_FIRST_MASK

#define DORY_IN0	BIT(DRM_HALYARD_DORY_IN0)
#define DORY_IN1	BIT(DRM_HALYARD_DORY_IN1)
#define DORY_BIAS	BIT(DRM_HALYARD_DORY_BIAS)
#define DORY_SCALE	BIT(DRM_HALYARD_DORY_SCALE)
#define DORY_OUT	BIT(DRM_HALYARD_DORY_OUT)

/* Of an output of TIMESTAMP, which is stored as one word. */
#define DORY_TIMESTAMP_ALIGN	8

/**
 * struct dory_operation - operands that an operation uses
 * @required: bit n: operand n must be present
 * @optional: bit n: operand n may be absent
 */
struct dory_operation {
	u8 required;
	u8 optional;
};

static const struct dory_operation dory_operations[DRM_HALYARD_DORY_NUM_OPCODES] = {
	[DRM_HALYARD_DORY_OP_MATMUL] = { DORY_IN0 | DORY_IN1 | DORY_OUT, DORY_BIAS | DORY_SCALE },
	[DRM_HALYARD_DORY_OP_CONV2D] = { DORY_IN0 | DORY_IN1 | DORY_OUT, DORY_BIAS | DORY_SCALE },
	[DRM_HALYARD_DORY_OP_BINARY] = { DORY_IN0 | DORY_IN1 | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_ACTIVATE] = { DORY_IN0 | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_POOL2D] = { DORY_IN0 | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_SOFTMAX] = { DORY_IN0 | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_NORM] = { DORY_IN0 | DORY_OUT, DORY_BIAS | DORY_SCALE },
	[DRM_HALYARD_DORY_OP_COPY] = { DORY_IN0 | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_QUANTIZE] = { DORY_IN0 | DORY_SCALE | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_DEQUANTIZE] = { DORY_IN0 | DORY_SCALE | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_REQUANTIZE] = { DORY_IN0 | DORY_SCALE | DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_FILL] = { DORY_OUT, 0 },
	[DRM_HALYARD_DORY_OP_TIMESTAMP] = { DORY_OUT, 0 },
};

static const u8 dory_dtype_sizes[] = {
	[DRM_HALYARD_DORY_F32] = 4,
	[DRM_HALYARD_DORY_I8] = 1,
	[DRM_HALYARD_DORY_U8] = 1,
	[DRM_HALYARD_DORY_I32] = 4,
};

/**
 * struct dory_check - a check under way
 * @stream: what is checked
 * @words: of @stream
 * @next: number of the next word
 * @regions: of the job
 * @num_regions: entries of @regions
 * @opcodes: bit n: the card implements opcode n
 * @ended: END was met
 * @state: state registers, as the card has them here
 */
struct dory_check {
	const __le32 *stream;
	u32 words;
	u32 next;
	const struct dory_region *regions;
	u32 num_regions;
	u32 opcodes;
	bool ended;
	u32 state[DRM_HALYARD_DORY_NUM_STATE];
};

/*
 * Elements that an operand reaches before and behind its first one. NULL, or what is wrong: a
 * dimension that alone reaches farther than the region, so that no sum overflows.
 */
static const char *dory_extent(const u32 *operand, u32 rank, s64 room, s64 *low, s64 *high)
{
	u32 d;

	*low = 0;
	*high = 0;
	for (d = 0; d < rank; d++) {
		u32 dim = operand[DRM_HALYARD_DORY_DIM(d)];
		s64 reach;

		if (!dim)
			return "dimension of zero";
		/* Less than 2^32 times at most 2^31. */
		reach = (s64)(dim - 1) * (s32)operand[DRM_HALYARD_DORY_STRIDE(d)];
		if (reach > room || reach < -room)
			return "operand outside of its region";
		if (reach < 0)
			*low += reach;
		else
			*high += reach;
	}

	return NULL;
}

static const char *dory_check_operand(const struct dory_check *check, u32 index, u32 opcode)
{
	const u32 *operand = &check->state[DRM_HALYARD_DORY_OPERAND(index)];
	u32 format = operand[DRM_HALYARD_DORY_FORMAT];
	u32 dtype = FIELD_GET(DRM_HALYARD_DORY_FORMAT_DTYPE, format);
	u32 rank = FIELD_GET(DRM_HALYARD_DORY_FORMAT_RANK, format);
	u32 number = FIELD_GET(DRM_HALYARD_DORY_FORMAT_REGION, format);
	s64 offset = operand[DRM_HALYARD_DORY_OFFSET], size, low, high;
	const struct dory_region *region;
	const char *wrong;

	if (dtype >= ARRAY_SIZE(dory_dtype_sizes))
		return "unknown type";
	if (!rank || rank > DRM_HALYARD_DORY_MAX_RANK)
		return "rank out of range";
	if (format & DRM_HALYARD_DORY_FORMAT_ZERO)
		return "reserved bits of FORMAT are set";
	if (number >= check->num_regions)
		return "no such region";
	region = &check->regions[number];

	size = dory_dtype_sizes[dtype];
	if (offset % (opcode == DRM_HALYARD_DORY_OP_TIMESTAMP ? DORY_TIMESTAMP_ALIGN : size))
		return "offset not aligned";
	wrong = dory_extent(operand, rank, (s64)region->size, &low, &high);
	if (wrong)
		return wrong;
	if (offset + low * size < 0 || offset + (high + 1) * size > (s64)region->size)
		return "operand outside of its region";
	if (index == DRM_HALYARD_DORY_OUT && !region->write)
		return "region is not to be written";

	return NULL;
}

static const char *dory_check_operation(const struct dory_check *check, u32 opcode)
{
	const struct dory_operation *operation = &dory_operations[opcode];
	const char *wrong;
	u32 i;

	for (i = 0; i < DRM_HALYARD_DORY_NUM_OPERANDS; i++) {
		u32 format = check->state[DRM_HALYARD_DORY_OPERAND(i) + DRM_HALYARD_DORY_FORMAT];

		if (!((operation->required | operation->optional) & BIT(i)))
			continue;
		if (!FIELD_GET(DRM_HALYARD_DORY_FORMAT_DTYPE, format)) {
			if (operation->required & BIT(i))
				return "operand is missing";
			continue;
		}
		wrong = dory_check_operand(check, i, opcode);
		if (wrong)
			return wrong;
	}

	return NULL;
}

static const char *dory_check_set(struct dory_check *check, u32 word)
{
	u32 count = FIELD_GET(DORY_SET_COUNT, word), first = FIELD_GET(DORY_SET_FIRST, word), i;

	if (!count)
		return "SET of nothing";
	if (count > check->words - check->next)
		return "SET reaches out of the stream";
	if (first + count > DRM_HALYARD_DORY_NUM_STATE)
		return "no such state register";

	for (i = 0; i < count; i++)
		check->state[first + i] = le32_to_cpu(check->stream[check->next++]);

	return NULL;
}

static const char *dory_check_command(struct dory_check *check)
{
	u32 word = le32_to_cpu(check->stream[check->next++]);
	u32 opcode = word >> DRM_HALYARD_DORY_OPCODE_SHIFT;

	if (opcode >= DRM_HALYARD_DORY_NUM_OPCODES || !(check->opcodes & BIT(opcode)))
		return "unknown opcode";
	if (opcode == DRM_HALYARD_DORY_OP_SET)
		return dory_check_set(check, word);
	if (word & ((1U << DRM_HALYARD_DORY_OPCODE_SHIFT) - 1))
		return "reserved bits of the command are set";
	if (opcode == DRM_HALYARD_DORY_OP_END) {
		check->ended = true;
		return check->next == check->words ? NULL : "END before the end";
	}
	if (!dory_operations[opcode].required)
		return "unknown opcode";

	return dory_check_operation(check, opcode);
}

/**
 * dory_validate - check a command stream
 * @stream: memory that nobody else writes to
 * @size: bytes
 * @regions: of the job
 * @num_regions: entries of @regions
 * @opcodes: bit n: the card implements opcode n
 * @refusal: out: why it was refused
 *
 * Return: 0 when the card does not leave the regions whatever it finds in them, or -EINVAL.
 */
int dory_validate(const __le32 *stream, u32 size, const struct dory_region *regions,
		  u32 num_regions, u32 opcodes, struct dory_refusal *refusal)
{
	struct dory_check check = {
		.stream = stream,
		.words = size / sizeof(*stream),
		.regions = regions,
		.num_regions = num_regions,
		.opcodes = opcodes,
	};

	*refusal = (struct dory_refusal) { .reason = NULL };
	if (!size || size % sizeof(*stream) || size > DRM_HALYARD_DORY_STREAM_MAX) {
		refusal->reason = "size out of range";
		return -EINVAL;
	}

	while (check.next < check.words) {
		refusal->offset = check.next * sizeof(*stream);
		refusal->reason = dory_check_command(&check);
		if (refusal->reason)
			return -EINVAL;
	}
	if (!check.ended) {
		refusal->reason = "no END";
		return -EINVAL;
	}

	return 0;
}
