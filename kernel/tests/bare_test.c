// SPDX-License-Identifier: GPL-2.0-only
/* A device without MMU: jobs bring their buffers, in contiguous memory; one job runs at a time. */

#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/fcntl.h>

#include <drm/drm_gem.h>

#include "mock.h"
#include "mock_chip.h"

/**
 * struct bare_fixture - a queue and buffers
 * @mock: the device
 * @file: its first file
 * @vm: id
 * @queue: id, hardware number 0
 * @refs: buffers of BARE_SIZE(n) bytes; odd ones are to be written
 */
struct bare_fixture {
	struct mock *mock;
	struct file *file;
	u32 vm;
	u32 queue;
	struct drm_halyard_buffer_ref refs[MOCK_BUFFERS];
};

#define BARE_SIZE(n)	(((n) + 1) * PAGE_SIZE)

static struct bare_fixture *bare_fixture(struct kunit *test)
{
	struct bare_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct mock *mock = test->priv;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->mock = mock;
	fix->file = mock->file;
	fix->vm = mock_vm_create(mock, mock->file);
	fix->queue = mock_queue_create(mock, mock->file, fix->vm);
	for (i = 0; i < MOCK_BUFFERS; i++) {
		fix->refs[i].handle = mock_bo_create(mock, mock->file, BARE_SIZE(i));
		fix->refs[i].flags = i % 2 ? DRM_HALYARD_BUFFER_WRITE : 0;
	}

	return fix;
}

static struct halyard_bo *bare_bo(struct kunit *test, struct file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file->private_data, handle);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	/* The handle keeps it. */
	drm_gem_object_put(obj);

	return to_halyard_bo(obj);
}

static size_t bare_count_bos(struct mock *mock)
{
	struct halyard_core *core = mock->hdev->core;
	size_t count;

	mutex_lock(&core->bos_lock);
	count = list_count_nodes(&core->bos);
	mutex_unlock(&core->bos_lock);

	return count;
}

static int bare_close(struct mock *mock, struct file *file, u32 handle)
{
	struct drm_gem_close args = { .handle = handle };

	return mock_ioctl(mock, file, DRM_IOCTL_GEM_CLOSE, &args);
}

static int bare_submit(struct bare_fixture *fix, const struct drm_halyard_buffer_ref *refs,
		       u32 count)
{
	struct drm_halyard_job job = mock_job(fix->mock, fix->queue);

	mock_job_buffers(fix->mock, &job, refs, count);

	return mock_submit(fix->mock, fix->file, &job, 1);
}

/* ---- what such a device says of itself, and refuses ---- */

static void bare_query(struct kunit *test, u32 type, void *answer, u32 size)
{
	struct mock *mock = test->priv;
	struct drm_halyard_dev_query args = {
		.type = type,
		.size = size,
		.pointer = mock_user(mock, answer, size),
	};

	KUNIT_ASSERT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_DEV_QUERY, &args), 0);
	KUNIT_ASSERT_EQ(test, args.size, size);
	mock_read_user(mock, answer, args.pointer, size);
}

static void bare_tells_the_truth(struct kunit *test)
{
	struct drm_halyard_query_device device = {};
	struct drm_halyard_query_limits limits = {};
	struct drm_halyard_query_memory before = {}, after = {};
	struct mock *mock = test->priv;

	bare_query(test, DRM_HALYARD_QUERY_DEVICE, &device, sizeof(device));
	KUNIT_EXPECT_FALSE(test, device.flags & DRM_HALYARD_DEVICE_HAS_MMU);
	KUNIT_EXPECT_EQ(test, device.va_start, 0ULL);
	KUNIT_EXPECT_EQ(test, device.va_end, 0ULL);

	bare_query(test, DRM_HALYARD_QUERY_LIMITS, &limits, sizeof(limits));
	KUNIT_EXPECT_EQ(test, limits.job_buffers_max, MOCK_BUFFERS);
	KUNIT_EXPECT_EQ(test, limits.queue_depth, 1U);
	KUNIT_EXPECT_EQ(test, limits.bind_ops_max, 0U);

	bare_query(test, DRM_HALYARD_QUERY_MEMORY, &before, sizeof(before));
	KUNIT_EXPECT_STREQ(test, before.name, "host");
	KUNIT_EXPECT_EQ(test, before.flags,
			(u32)(DRM_HALYARD_MEMORY_HOST | DRM_HALYARD_MEMORY_MAPPABLE));
	KUNIT_EXPECT_LE(test, before.size, SZ_4G / 2);
	KUNIT_EXPECT_LE(test, limits.bo_size_max, before.size);
	mock_bo_create(mock, mock->file, SZ_1M);
	bare_query(test, DRM_HALYARD_QUERY_MEMORY, &after, sizeof(after));
	KUNIT_EXPECT_EQ(test, after.used, before.used + SZ_1M);
}

static void bare_refuses_bind(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct drm_halyard_vm_bind args = { .vm_id = fix->vm };

	KUNIT_EXPECT_EQ(test, mock_ioctl(fix->mock, fix->file, DRM_IOCTL_HALYARD_VM_BIND, &args),
			-EOPNOTSUPP);
}

static void bare_refuses_userptr(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_bo_from_userptr args = {
		.address = PAGE_ALIGN(mock_user(mock, test, 1)),
		.size = PAGE_SIZE,
	};

	KUNIT_EXPECT_EQ(test,
			mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_FROM_USERPTR, &args),
			-EOPNOTSUPP);
}

/* What no kernel has in one piece, and what does not fit in the region at all. */
static void bare_refuses_size(struct kunit *test)
{
	struct drm_halyard_query_memory memory = {};
	struct drm_halyard_bo_create args = {};
	struct mock *mock = test->priv;

	bare_query(test, DRM_HALYARD_QUERY_MEMORY, &memory, sizeof(memory));
	args.size = memory.size;
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &args),
			-ENOMEM);
	args.size = memory.size + 1;
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &args),
			-EINVAL);
	args.size = PAGE_SIZE;
	args.region = 1;
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &args),
			-EINVAL);
	bare_query(test, DRM_HALYARD_QUERY_MEMORY, &memory, sizeof(memory));
	KUNIT_EXPECT_EQ(test, memory.used, 0ULL);
}

/* ---- buffers ---- */

static void bare_job_has_its_buffers(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 i;

	*(u64 *)bare_bo(test, fix->file, fix->refs[0].handle)->contig.vaddr = 0x1234567890abcdef;
	KUNIT_ASSERT_EQ(test, bare_submit(fix, fix->refs, MOCK_BUFFERS), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));

	KUNIT_EXPECT_EQ(test, mock->dev->word, 0x1234567890abcdefULL);
	KUNIT_ASSERT_EQ(test, mock->dev->num_buffers, MOCK_BUFFERS);
	for (i = 0; i < MOCK_BUFFERS; i++) {
		const struct halyard_job_buffer *buffer = &mock->dev->buffers[i];
		struct halyard_bo *bo = bare_bo(test, fix->file, fix->refs[i].handle);

		KUNIT_EXPECT_PTR_EQ(test, buffer->bo, bo);
		KUNIT_EXPECT_EQ(test, buffer->size, BARE_SIZE(i));
		KUNIT_EXPECT_EQ(test, buffer->address, bo->contig.dma);
		KUNIT_EXPECT_EQ(test, upper_32_bits(buffer->address), 0U);
		KUNIT_EXPECT_EQ(test, buffer->region, 0U);
		KUNIT_EXPECT_EQ(test, buffer->write, i % 2);
	}
	mock_complete(mock, 0, 1);
}

/* What a user said of a buffer, the chip may pass on. */
static void bare_job_reads_within_its_buffers(struct kunit *test)
{
	static const struct {
		u32 buffer;
		u64 at;
	} outside[] = {
		{ 2, 0 }, { U32_MAX, 0 }, { 1, BARE_SIZE(1) - 7 }, { 1, BARE_SIZE(1) },
		{ 1, BARE_SIZE(1) + 1 }, { 1, U64_MAX },
	};
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		mock->dev->word_buffer = outside[i].buffer;
		mock->dev->word_at = outside[i].at;
		KUNIT_EXPECT_EQ_MSG(test, bare_submit(fix, fix->refs, 2), -EINVAL, "%u", i);
	}

	mock->dev->word_buffer = 1;
	mock->dev->word_at = BARE_SIZE(1) - 8;
	*(u64 *)(bare_bo(test, fix->file, fix->refs[1].handle)->contig.vaddr + BARE_SIZE(1) - 8) =
		0x1234567890abcdef;
	KUNIT_ASSERT_EQ(test, bare_submit(fix, fix->refs, 2), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_EQ(test, mock->dev->word, 0x1234567890abcdefULL);
	mock_complete(mock, 0, 1);
}

static void bare_job_without_buffers(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	u32 done = mock_submit_signalling(fix->mock, fix->queue);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(fix->mock, 0, 1));
	KUNIT_EXPECT_EQ(test, fix->mock->dev->num_buffers, 0U);
	mock_complete(fix->mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(fix->mock, fix->file, done), 0);
}

/* A buffer without handle lives until the device is done with it, and not longer. */
static void bare_job_keeps_its_buffers(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	unsigned long deadline;

	KUNIT_ASSERT_EQ(test, bare_submit(fix, fix->refs, 1), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_ASSERT_EQ(test, bare_close(mock, fix->file, fix->refs[0].handle), 0);
	msleep(20);
	KUNIT_EXPECT_EQ(test, bare_count_bos(mock), MOCK_BUFFERS);

	mock_complete(mock, 0, 1);
	deadline = jiffies + MOCK_PATIENCE;
	while (bare_count_bos(mock) == MOCK_BUFFERS && time_before(jiffies, deadline))
		msleep(20);
	KUNIT_EXPECT_EQ(test, bare_count_bos(mock), MOCK_BUFFERS - 1);
}

static void bare_refuses_too_many_buffers(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct drm_halyard_buffer_ref refs[MOCK_BUFFERS + 1];

	memcpy(refs, fix->refs, sizeof(fix->refs));
	refs[MOCK_BUFFERS] = (struct drm_halyard_buffer_ref) {
		.handle = mock_bo_create(fix->mock, fix->file, PAGE_SIZE),
	};
	KUNIT_EXPECT_EQ(test, bare_submit(fix, refs, ARRAY_SIZE(refs)), -E2BIG);
	KUNIT_EXPECT_EQ(test, bare_submit(fix, refs, MOCK_BUFFERS), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(fix->mock, 0, 1));
	mock_complete(fix->mock, 0, 1);
}

/* Also with other access. */
static void bare_refuses_same_buffer_twice(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);

	fix->refs[1].handle = fix->refs[0].handle;
	KUNIT_EXPECT_EQ(test, bare_submit(fix, fix->refs, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, bare_bo(test, fix->file, fix->refs[0].handle)->pins, 0U);
}

/* What the chip refuses leaves nothing behind. */
static void bare_refused_job_leaves_nothing(struct kunit *test)
{
	struct mock_payload payload = { .flags = 1 };
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_job job = mock_job(mock, fix->queue);

	job.payload = mock_user(mock, &payload, sizeof(payload));
	mock_job_buffers(mock, &job, fix->refs, 1);
	KUNIT_EXPECT_EQ(test, mock_submit(mock, fix->file, &job, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, bare_bo(test, fix->file, fix->refs[0].handle)->pins, 0U);
	KUNIT_EXPECT_TRUE(test, list_empty(&mock->hdev->core->job_mems));
}

/* A job that waits when the device goes keeps no DMA memory of its own. */
static void bare_unplug_frees_memory_of_jobs(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 done[2];

	done[0] = mock_submit_signalling(mock, fix->queue);
	done[1] = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_FALSE(test, list_empty(&mock->hdev->core->job_mems));
	halyard_device_unplug(mock->hdev);
	KUNIT_EXPECT_TRUE(test, list_empty(&mock->hdev->core->job_mems));
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ENODEV);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -ENODEV);
}

/* What the memory held stays, though it is the device's no more; unless others may use it. */
static void bare_unplug_moves_memory(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	struct halyard_bo *own = bare_bo(test, fix->file, fix->refs[2].handle);
	struct halyard_bo *shared = bare_bo(test, fix->file, fix->refs[3].handle);
	struct dma_buf *dma_buf = shared->gem.funcs->export(&shared->gem, O_RDWR);
	void *before = own->contig.vaddr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma_buf);
	memset(own->contig.vaddr, 0x5a, BARE_SIZE(2));
	halyard_device_unplug(mock->hdev);

	KUNIT_EXPECT_EQ(test, own->contig.state, HALYARD_CONTIG_GONE);
	KUNIT_EXPECT_PTR_NE(test, own->contig.vaddr, before);
	KUNIT_ASSERT_NOT_NULL(test, own->contig.vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(own->contig.vaddr, 0x5a, BARE_SIZE(2)));
	KUNIT_EXPECT_EQ(test, PTR_ERR(own->gem.funcs->export(&own->gem, O_RDWR)), (long)-ENODEV);
	KUNIT_EXPECT_EQ(test, shared->contig.state, HALYARD_CONTIG_SHARED);
	dma_buf_put(dma_buf);
}

/* ---- other devices' memory ---- */

/* A second device, of which the test takes one BO as a dma-buf. */
static struct dma_buf *bare_export(struct kunit *test, const struct halyard_chip *chip, u64 size)
{
	struct mock *other = mock_another(test, chip);
	struct drm_gem_object *obj;
	struct dma_buf *dma_buf;

	obj = &bare_bo(test, other->file, mock_bo_create(other, other->file, size))->gem;
	dma_buf = obj->funcs->export(obj, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma_buf);

	return dma_buf;
}

static struct drm_gem_object *bare_import(struct kunit *test, struct dma_buf *dma_buf)
{
	struct mock *mock = test->priv;
	struct drm_gem_object *obj;

	obj = mock->hdev->drm.driver->gem_prime_import(&mock->hdev->drm, dma_buf);
	dma_buf_put(dma_buf);

	return obj;
}

static void bare_imports_contiguous(struct kunit *test)
{
	struct drm_gem_object *obj = bare_import(test, bare_export(test, &mock_bare_chip, SZ_1M));

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, obj->size, (size_t)SZ_1M);
	KUNIT_EXPECT_EQ(test, to_halyard_bo(obj)->pins, 0U);
	drm_gem_object_put(obj);
}

/* Pages of shmem are in one piece only by chance, and hardly so many. */
static void bare_refuses_scattered(struct kunit *test)
{
	struct drm_gem_object *obj = bare_import(test, bare_export(test, &mock_chip, SZ_16M));

	KUNIT_EXPECT_TRUE(test, IS_ERR(obj));
	if (IS_ERR(obj))
		KUNIT_EXPECT_EQ(test, PTR_ERR(obj), -EINVAL);
	else
		drm_gem_object_put(obj);
}

/* ---- one job at a time ---- */

static void bare_runs_one_job_at_a_time(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 second = mock_queue_create(mock, fix->file, fix->vm);
	u32 done[2];

	done[0] = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	done[1] = mock_submit_signalling(mock, second);
	/* Time to do it wrong. */
	msleep(20);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 1, 1, false), -1);

	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), 0);
}

static void bare_urgent_first(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 second = mock_queue_create(mock, fix->file, fix->vm);
	u32 urgent = mock_queue_create_urgent(mock, fix->file, fix->vm);
	u32 hw_id;

	mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_submit_signalling(mock, second);
	mock_submit_signalling(mock, urgent);
	KUNIT_ASSERT_TRUE(test, mock_wait_asked(mock, 2));
	for (hw_id = 0; hw_id < 3; hw_id++) {
		/* 0, then the urgent 2, then 1. */
		u32 next = hw_id ? 3 - hw_id : 0;

		KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, next, 1));
		mock_complete(mock, next, 1);
	}
	KUNIT_EXPECT_LT(test, mock_event_index(mock, 2, 1, false),
			mock_event_index(mock, 1, 1, false));
}

/* Waiting for one's turn is no hang, however long; the one that hangs is guilty alone. */
static void bare_hang_hits_the_guilty(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 second = mock_queue_create(mock, fix->file, fix->vm);
	u32 guilty, waiting;

	guilty = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	waiting = mock_submit_signalling(mock, second);
	mock_hang(mock, 0, true);

	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, guilty), -ETIME);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, waiting), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 0U);
}

/* After a reset of the device the innocent job runs again, alone. */
static void bare_reset_runs_job_again(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 second = mock_queue_create(mock, fix->file, fix->vm);
	u32 done[2];

	done[0] = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	done[1] = mock_submit_signalling(mock, second);
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), 0);
}

/* The queue whose job runs goes, and the next one's turn comes. */
static void bare_destroyed_queue_gives_way(struct kunit *test)
{
	struct bare_fixture *fix = bare_fixture(test);
	struct mock *mock = fix->mock;
	u32 second = mock_queue_create(mock, fix->file, fix->vm);
	u32 done[2];

	done[0] = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	done[1] = mock_submit_signalling(mock, second);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, fix->file, fix->queue), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ECANCELED);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), 0);
}

static struct kunit_case bare_cases[] = {
	KUNIT_CASE(bare_tells_the_truth),
	KUNIT_CASE(bare_refuses_bind),
	KUNIT_CASE(bare_refuses_userptr),
	KUNIT_CASE(bare_refuses_size),
	KUNIT_CASE(bare_job_has_its_buffers),
	KUNIT_CASE(bare_job_reads_within_its_buffers),
	KUNIT_CASE(bare_job_without_buffers),
	KUNIT_CASE(bare_job_keeps_its_buffers),
	KUNIT_CASE(bare_refuses_too_many_buffers),
	KUNIT_CASE(bare_refuses_same_buffer_twice),
	KUNIT_CASE(bare_refused_job_leaves_nothing),
	KUNIT_CASE(bare_unplug_frees_memory_of_jobs),
	KUNIT_CASE(bare_unplug_moves_memory),
	KUNIT_CASE(bare_imports_contiguous),
	KUNIT_CASE(bare_refuses_scattered),
	KUNIT_CASE(bare_runs_one_job_at_a_time),
	KUNIT_CASE(bare_urgent_first),
	KUNIT_CASE(bare_hang_hits_the_guilty),
	KUNIT_CASE(bare_reset_runs_job_again),
	KUNIT_CASE(bare_destroyed_queue_gives_way),
	{}
};

struct kunit_suite halyard_bare_suite = {
	.name = "halyard-bare",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init_bare,
	.exit = mock_exit,
	.test_cases = bare_cases,
};
