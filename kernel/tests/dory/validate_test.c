// SPDX-License-Identifier: GPL-2.0-only
/* The check of command streams takes what is right, and says of the rest what is wrong with it. */

#include <kunit/test.h>

#include <drm/halyard_dory.h>

/* The check is built into its driver, and once more here. */
#include <dory/dory_validate.c>

#include "../suites.h"

#define OP(name)	((u32)DRM_HALYARD_DORY_OP_##name << DRM_HALYARD_DORY_OPCODE_SHIFT)
#define SET(first, count) \
	(OP(SET) | (count) << DRM_HALYARD_DORY_SET_COUNT_SHIFT | (first))
#define FORMAT(dtype, rank, region) \
	(DRM_HALYARD_DORY_##dtype | (rank) << 8 | (region) << 16)

#define ALL_OPCODES	0xfffe
#define MAX_WORDS	80

/* Of the two regions of all tests: the second one may be written. */
#define SIZE_0		4096
#define SIZE_1		2048

/* The parts of an operand in a stream of validate_stream(). */
#define AT(operand, reg) \
	(1 + DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_##operand) + (reg))
/* The operation behind the operands, and what ends the stream. */
#define AT_OPERATION	(1 + DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_NUM_OPERANDS))
#define AT_END		(AT_OPERATION + 1)
#define VALID_WORDS	(AT_END + 1)

struct validate_stream {
	__le32 words[MAX_WORDS];
	u32 size;
};

static void validate_put(struct validate_stream *stream, u32 at, u32 word)
{
	stream->words[at] = cpu_to_le32(word);
}

static void validate_operand(struct validate_stream *stream, u32 at, u32 format)
{
	validate_put(stream, at + DRM_HALYARD_DORY_FORMAT, format);
	validate_put(stream, at + DRM_HALYARD_DORY_OFFSET, 0);
	validate_put(stream, at + DRM_HALYARD_DORY_DIM(0), 8);
	validate_put(stream, at + DRM_HALYARD_DORY_DIM(1), 16);
	validate_put(stream, at + DRM_HALYARD_DORY_STRIDE(0), 16);
	validate_put(stream, at + DRM_HALYARD_DORY_STRIDE(1), 1);
}

/* One product of all five operands, 8 by 16 elements each: shapes are the card's to judge. */
static void validate_init(struct validate_stream *stream)
{
	*stream = (struct validate_stream) { .size = VALID_WORDS * sizeof(u32) };
	validate_put(stream, 0, SET(0, DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_NUM_OPERANDS)));
	validate_operand(stream, AT(IN0, 0), FORMAT(F32, 2, 0));
	validate_operand(stream, AT(IN1, 0), FORMAT(I8, 2, 0));
	validate_operand(stream, AT(BIAS, 0), FORMAT(I32, 2, 1));
	validate_operand(stream, AT(SCALE, 0), FORMAT(U8, 2, 0));
	validate_operand(stream, AT(OUT, 0), FORMAT(F32, 2, 1));
	validate_put(stream, AT_OPERATION, OP(MATMUL));
	validate_put(stream, AT_END, OP(END));
}

static int validate_check(const struct validate_stream *stream, struct dory_refusal *refusal)
{
	static const struct dory_region regions[] = { { SIZE_0, false }, { SIZE_1, true } };

	return dory_validate(stream->words, stream->size, regions, ARRAY_SIZE(regions),
			     ALL_OPCODES, refusal);
}

static void validate_expect_accepted(struct kunit *test, const struct validate_stream *stream)
{
	struct dory_refusal refusal;

	KUNIT_EXPECT_EQ_MSG(test, validate_check(stream, &refusal), 0, "refused: %s",
			    refusal.reason);
}

static void validate_expect_refused(struct kunit *test, const struct validate_stream *stream,
				    const char *reason, u32 offset)
{
	struct dory_refusal refusal;

	KUNIT_EXPECT_EQ(test, validate_check(stream, &refusal), -EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, refusal.reason);
	KUNIT_EXPECT_STREQ(test, refusal.reason, reason);
	KUNIT_EXPECT_EQ(test, refusal.offset, offset);
}

/**
 * struct validate_poke - one word of the valid stream changed
 * @name: of the case
 * @at: which word
 * @word: what it is made
 * @reason: of the refusal, or NULL when it is as well
 * @command: number of the word at which the refused command begins
 */
struct validate_poke {
	const char *name;
	u32 at;
	u32 word;
	const char *reason;
	u32 command;
};

#define MINUS(n)	((u32)-(n))
#define OUTSIDE		"operand outside of its region"

static const struct validate_poke validate_pokes[] = {
	/* Commands. */
	{ "opcode 0", 0, 0, "unknown opcode", 0 },
	{ "opcode beyond the last", AT_OPERATION, 16u << 24, "unknown opcode", AT_OPERATION },
	{ "opcode 255", AT_OPERATION, 255u << 24, "unknown opcode", AT_OPERATION },
	{ "reserved bits", AT_OPERATION, OP(MATMUL) | 1, "reserved bits of the command are set",
	  AT_OPERATION },
	{ "reserved bits of END", AT_END, OP(END) | 0x800000,
	  "reserved bits of the command are set", AT_END },
	{ "SET of nothing", 0, SET(0, 0), "SET of nothing", 0 },
	{ "SET beyond the last", 0, SET(DRM_HALYARD_DORY_NUM_STATE - 49, 50),
	  "no such state register", 0 },
	{ "SET up to the last", 0, SET(DRM_HALYARD_DORY_NUM_STATE - 50, 50),
	  "operand is missing", AT_OPERATION },
	{ "SET of register 65535", 0, SET(0xffff, 50), "no such state register", 0 },
	{ "SET out of the stream", 0, SET(0, 53), "SET reaches out of the stream", 0 },
	{ "SET swallows END", 0, SET(0, 52), "no END", 0 },
	{ "END too early", AT_OPERATION, OP(END), "END before the end", AT_OPERATION },
	{ "no END", AT_END, OP(MATMUL), "no END", AT_END },
	/* Formats. */
	{ "type missing", AT(IN1, 0), FORMAT(I8, 2, 0) - 2, "operand is missing", AT_OPERATION },
	{ "output missing", AT(OUT, 0), 0, "operand is missing", AT_OPERATION },
	{ "optional operand missing", AT(BIAS, 0), 0xffffff00, NULL, 0 },
	{ "unknown type", AT(IN0, 0), FORMAT(F32, 2, 0) + 4, "unknown type", AT_OPERATION },
	{ "type 255", AT(SCALE, 0), FORMAT(F32, 2, 0) | 0xff, "unknown type", AT_OPERATION },
	{ "rank 0", AT(IN0, 0), FORMAT(F32, 0, 0), "rank out of range", AT_OPERATION },
	{ "rank 5", AT(IN0, 0), FORMAT(F32, 5, 0), "rank out of range", AT_OPERATION },
	{ "reserved bits of FORMAT", AT(IN0, 0), FORMAT(F32, 2, 0) | BIT(31),
	  "reserved bits of FORMAT are set", AT_OPERATION },
	{ "region 2", AT(IN0, 0), FORMAT(F32, 2, 2), "no such region", AT_OPERATION },
	{ "region 255", AT(IN0, 0), FORMAT(F32, 2, 255), "no such region", AT_OPERATION },
	{ "output not writable", AT(OUT, 0), FORMAT(F32, 2, 0), "region is not to be written",
	  AT_OPERATION },
	{ "input writable", AT(IN0, 0), FORMAT(F32, 2, 1), NULL, 0 },
	/* Offsets. */
	{ "offset 2 of F32", AT(IN0, 1), 2, "offset not aligned", AT_OPERATION },
	{ "offset 3 of I8", AT(IN1, 1), 3, NULL, 0 },
	{ "offset of the last place", AT(IN0, 1), SIZE_0 - 8 * 16 * 4, NULL, 0 },
	{ "offset beyond it", AT(IN0, 1), SIZE_0 - 8 * 16 * 4 + 4, OUTSIDE, AT_OPERATION },
	{ "offset of the region's size", AT(IN1, 1), SIZE_0, OUTSIDE, AT_OPERATION },
	{ "largest offset", AT(IN1, 1), U32_MAX, OUTSIDE, AT_OPERATION },
	/* Dimensions and strides: IN0 has 4-byte elements in 4096 bytes. */
	{ "dimension of zero", AT(IN0, DRM_HALYARD_DORY_DIM(1)), 0, "dimension of zero",
	  AT_OPERATION },
	{ "beyond the rank", AT(IN0, DRM_HALYARD_DORY_DIM(2)), U32_MAX, NULL, 0 },
	{ "largest fit", AT(IN0, DRM_HALYARD_DORY_DIM(0)), 64, NULL, 0 },
	{ "one row more", AT(IN0, DRM_HALYARD_DORY_DIM(0)), 65, OUTSIDE, AT_OPERATION },
	{ "largest dimension", AT(IN0, DRM_HALYARD_DORY_DIM(0)), U32_MAX, OUTSIDE, AT_OPERATION },
	{ "largest stride", AT(IN0, DRM_HALYARD_DORY_STRIDE(0)), S32_MAX, OUTSIDE, AT_OPERATION },
	{ "smallest stride", AT(IN0, DRM_HALYARD_DORY_STRIDE(0)), BIT(31), OUTSIDE,
	  AT_OPERATION },
	{ "backwards out", AT(IN0, DRM_HALYARD_DORY_STRIDE(1)), MINUS(1), OUTSIDE, AT_OPERATION },
	{ "stride of zero", AT(IN0, DRM_HALYARD_DORY_STRIDE(0)), 0, NULL, 0 },
	{ "output one element too far", AT(OUT, 1), SIZE_1 - 8 * 16 * 4 + 4, OUTSIDE,
	  AT_OPERATION },
};

static void validate_poke_name(const struct validate_poke *poke, char *name)
{
	strscpy(name, poke->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(validate_poke, validate_pokes, validate_poke_name);

static void validate_one_word(struct kunit *test)
{
	const struct validate_poke *poke = test->param_value;
	struct validate_stream stream;

	validate_init(&stream);
	validate_expect_accepted(test, &stream);
	validate_put(&stream, poke->at, poke->word);
	if (poke->reason)
		validate_expect_refused(test, &stream, poke->reason, poke->command * sizeof(u32));
	else
		validate_expect_accepted(test, &stream);
}

static void validate_sizes(struct kunit *test)
{
	struct validate_stream stream;

	validate_init(&stream);
	stream.size = 0;
	validate_expect_refused(test, &stream, "size out of range", 0);
	stream.size = VALID_WORDS * sizeof(u32) - 1;
	validate_expect_refused(test, &stream, "size out of range", 0);
	/* Too large is refused before anything is read. */
	stream.size = DRM_HALYARD_DORY_STREAM_MAX + sizeof(u32);
	validate_expect_refused(test, &stream, "size out of range", 0);
	stream.size = U32_MAX & ~3u;
	validate_expect_refused(test, &stream, "size out of range", 0);

	stream.size = sizeof(u32);
	validate_put(&stream, 0, OP(END));
	validate_expect_accepted(test, &stream);
}

/* Backwards is well when there is room before the first element. */
static void validate_negative_strides(struct kunit *test)
{
	struct validate_stream stream;

	validate_init(&stream);
	validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_STRIDE(0)), MINUS(16));
	validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_STRIDE(1)), MINUS(1));
	validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_OFFSET), (8 * 16 - 1) * 4);
	validate_expect_accepted(test, &stream);
	validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_OFFSET), (8 * 16 - 2) * 4);
	validate_expect_refused(test, &stream, OUTSIDE, AT_OPERATION * sizeof(u32));
}

/* Reaches that would cancel each other out, and sums that would overflow. */
static void validate_extremes(struct kunit *test)
{
	static const u32 strides[] = { S32_MAX, BIT(31), 1, MINUS(1) };
	struct validate_stream stream;
	u32 d;

	validate_init(&stream);
	validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_FORMAT), FORMAT(F32, 4, 0));
	for (d = 0; d < 4; d++) {
		validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_DIM(d)), U32_MAX);
		validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_STRIDE(d)), strides[d]);
	}
	validate_expect_refused(test, &stream, OUTSIDE, AT_OPERATION * sizeof(u32));
}

static void validate_timestamp(struct kunit *test)
{
	struct validate_stream stream;

	validate_init(&stream);
	validate_put(&stream, AT_OPERATION, OP(TIMESTAMP));
	validate_put(&stream, AT(OUT, DRM_HALYARD_DORY_OFFSET), 8);
	validate_expect_accepted(test, &stream);
	validate_put(&stream, AT(OUT, DRM_HALYARD_DORY_OFFSET), 4);
	validate_expect_refused(test, &stream, "offset not aligned", AT_OPERATION * sizeof(u32));
}

/* What an operation does not use is not looked at. */
static void validate_ignores_what_is_not_used(struct kunit *test)
{
	struct validate_stream stream;

	validate_init(&stream);
	validate_put(&stream, AT_OPERATION, OP(FILL));
	validate_put(&stream, AT(IN0, DRM_HALYARD_DORY_FORMAT), U32_MAX);
	validate_put(&stream, AT(BIAS, DRM_HALYARD_DORY_OFFSET), U32_MAX);
	validate_expect_accepted(test, &stream);
}

/* Each operation, without each of its operands in turn. */
static void validate_operands_of_operations(struct kunit *test)
{
	struct validate_stream stream;
	u32 opcode, operand;

	for (opcode = DRM_HALYARD_DORY_OP_MATMUL; opcode < DRM_HALYARD_DORY_NUM_OPCODES;
	     opcode++) {
		for (operand = 0; operand < DRM_HALYARD_DORY_NUM_OPERANDS; operand++) {
			validate_init(&stream);
			validate_put(&stream, AT_OPERATION,
				     opcode << DRM_HALYARD_DORY_OPCODE_SHIFT);
			validate_expect_accepted(test, &stream);
			validate_put(&stream, 1 + DRM_HALYARD_DORY_OPERAND(operand), 0);
			if (dory_operations[opcode].required & BIT(operand))
				validate_expect_refused(test, &stream, "operand is missing",
							AT_OPERATION * sizeof(u32));
			else
				validate_expect_accepted(test, &stream);
		}
	}
}

/* A card may lack an operation. */
static void validate_opcodes_of_the_card(struct kunit *test)
{
	static const struct dory_region regions[] = { { SIZE_0, false }, { SIZE_1, true } };
	struct validate_stream stream;
	struct dory_refusal refusal;

	validate_init(&stream);
	KUNIT_EXPECT_EQ(test, dory_validate(stream.words, stream.size, regions, 2,
					    ALL_OPCODES & ~BIT(DRM_HALYARD_DORY_OP_MATMUL),
					    &refusal), -EINVAL);
	KUNIT_EXPECT_STREQ(test, refusal.reason, "unknown opcode");
}

/* State registers are zero at the beginning, and stay from operation to operation. */
static void validate_state(struct kunit *test)
{
	struct validate_stream stream = {};

	validate_put(&stream, 0, OP(FILL));
	validate_put(&stream, 1, OP(END));
	stream.size = 2 * sizeof(u32);
	validate_expect_refused(test, &stream, "operand is missing", 0);

	validate_init(&stream);
	validate_put(&stream, AT_END, OP(FILL));
	validate_put(&stream, AT_END + 1, OP(END));
	stream.size += sizeof(u32);
	validate_expect_accepted(test, &stream);
}

static struct kunit_case validate_cases[] = {
	KUNIT_CASE_PARAM(validate_one_word, validate_poke_gen_params),
	KUNIT_CASE(validate_sizes),
	KUNIT_CASE(validate_negative_strides),
	KUNIT_CASE(validate_extremes),
	KUNIT_CASE(validate_timestamp),
	KUNIT_CASE(validate_ignores_what_is_not_used),
	KUNIT_CASE(validate_operands_of_operations),
	KUNIT_CASE(validate_opcodes_of_the_card),
	KUNIT_CASE(validate_state),
	{}
};

static struct kunit_suite dory_validate_suite = {
	.name = "dory-validate",
	.test_cases = validate_cases,
};

halyard_test_suites(&dory_validate_suite);

MODULE_DESCRIPTION("KUnit tests of the Halyard driver of Dory");
MODULE_AUTHOR("The Halyard maintainers");
MODULE_LICENSE("GPL");
