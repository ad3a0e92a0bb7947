// SPDX-License-Identifier: GPL-2.0-only
/* Memory of the device's own: what is where, and that its contents go along. */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>

#include <drm/drm_gem.h>

#include "../core/queue.h"
#include "../core/vram.h"
#include "mock.h"

/* The core's own queue has number 0. */
#define USER_QUEUE	1

#define HALF		(MOCK_MEMORY_SIZE / 2)
#define QUARTER		(MOCK_MEMORY_SIZE / 4)

static struct halyard_bo *bo_get(struct mock *mock, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(mock->file->private_data, handle);

	KUNIT_ASSERT_NOT_NULL(mock->test, obj);

	return to_halyard_bo(obj);
}

/* The contents as host memory, where they are brought first. Not while copies stand still. */
static u8 *bo_map(struct mock *mock, struct halyard_bo *bo, struct iosys_map *map)
{
	int ret;

	dma_resv_lock(bo->gem.resv, NULL);
	ret = bo->gem.funcs->vmap(&bo->gem, map);
	dma_resv_unlock(bo->gem.resv);
	KUNIT_ASSERT_EQ(mock->test, ret, 0);
	KUNIT_ASSERT_FALSE(mock->test, map->is_iomem);

	return map->vaddr;
}

static void bo_unmap(struct halyard_bo *bo, struct iosys_map *map)
{
	dma_resv_lock(bo->gem.resv, NULL);
	bo->gem.funcs->vunmap(&bo->gem, map);
	dma_resv_unlock(bo->gem.resv);
}

static void bo_fill(struct mock *mock, u32 handle, u8 seed)
{
	struct halyard_bo *bo = bo_get(mock, handle);
	struct iosys_map map;

	memset(bo_map(mock, bo, &map), seed, bo->gem.size);
	bo_unmap(bo, &map);
	drm_gem_object_put(&bo->gem);
}

static bool bo_holds(struct mock *mock, u32 handle, u8 seed)
{
	struct halyard_bo *bo = bo_get(mock, handle);
	struct iosys_map map;
	bool holds;

	holds = !memchr_inv(bo_map(mock, bo, &map), seed, bo->gem.size);
	bo_unmap(bo, &map);
	drm_gem_object_put(&bo->gem);

	return holds;
}

static bool card_holds(struct mock *mock, u64 address, u8 seed, size_t size)
{
	return !memchr_inv(mock->dev->memory + (address - MOCK_MEMORY_START), seed, size);
}

static void set_autorun(struct mock *mock, bool autorun)
{
	spin_lock_irq(&mock->dev->lock);
	mock->dev->autorun = autorun;
	spin_unlock_irq(&mock->dev->lock);
}

/* A job that uses the objects; @done: its syncobj. */
static int submit(struct mock *mock, u32 queue, const u32 *handles, u32 count, u32 *done)
{
	struct drm_halyard_buffer_ref refs[MOCK_BUFFERS] = {};
	struct drm_halyard_job job = mock_job(mock, queue);
	struct drm_halyard_sync_op op = { .flags = DRM_HALYARD_SYNC_SIGNAL };
	u32 i;

	for (i = 0; i < count; i++)
		refs[i] = (struct drm_halyard_buffer_ref) {
			.handle = handles[i],
			.flags = DRM_HALYARD_BUFFER_WRITE,
		};
	op.handle = mock_syncobj_create(mock, mock->file);
	*done = op.handle;
	mock_job_syncs(mock, &job, &op, 1);
	mock_job_buffers(mock, &job, refs, count);

	return mock_submit(mock, mock->file, &job, 1);
}

/* Runs a job with one object and tells where the device found it. */
static u64 use(struct mock *mock, u32 queue, u32 handle)
{
	u32 done;
	int ret;

	ret = submit(mock, queue, &handle, 1, &done);
	KUNIT_ASSERT_EQ(mock->test, ret, 0);
	ret = mock_result(mock, mock->file, done);
	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return mock->dev->buffers[0].address;
}

static u32 make_queue(struct mock *mock)
{
	return mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
}

/* Where the region's objects are now: 0 device, 1 host. */
static u64 used(struct mock *mock, u32 region)
{
	return region ? halyard_vram_host_used(mock->hdev) : halyard_vram_used(mock->hdev);
}

static void memory_is_zeroed(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 handle = mock_bo_create(mock, mock->file, HALF);
	u64 address;

	KUNIT_EXPECT_EQ(test, used(mock, 0), 0ULL);
	set_autorun(mock, true);
	address = use(mock, make_queue(mock), handle);
	KUNIT_EXPECT_GE(test, address, MOCK_MEMORY_START);
	KUNIT_EXPECT_LE(test, address + HALF, MOCK_MEMORY_START + MOCK_MEMORY_SIZE);
	KUNIT_EXPECT_TRUE(test, card_holds(mock, address, 0, HALF));
	KUNIT_EXPECT_EQ(test, used(mock, 0), (u64)HALF);
	KUNIT_EXPECT_EQ(test, used(mock, 1), 0ULL);
}

static void memory_contents_go_along(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handle = mock_bo_create(mock, mock->file, QUARTER);
	u64 address;

	set_autorun(mock, true);
	bo_fill(mock, handle, 0x11);
	KUNIT_EXPECT_EQ(test, used(mock, 1), (u64)QUARTER);
	address = use(mock, queue, handle);
	KUNIT_EXPECT_TRUE(test, card_holds(mock, address, 0x11, QUARTER));

	/* As if a job had. */
	memset(mock->dev->memory + (address - MOCK_MEMORY_START), 0x22, QUARTER);
	KUNIT_EXPECT_TRUE(test, bo_holds(mock, handle, 0x22));
	flush_workqueue(mock->hdev->core->vram->ttm.wq);
	KUNIT_EXPECT_EQ(test, used(mock, 0), 0ULL);
	address = use(mock, queue, handle);
	KUNIT_EXPECT_TRUE(test, card_holds(mock, address, 0x22, QUARTER));
}

/* Once it is there it stays there. */
static void memory_is_not_moved_for_nothing(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handle = mock_bo_create(mock, mock->file, QUARTER);
	u64 address;
	u32 i;

	set_autorun(mock, true);
	address = use(mock, queue, handle);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, use(mock, queue, handle), address);
	KUNIT_EXPECT_EQ(test, mock->dev->copies, 1U);
}

static void memory_is_evicted(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handles[8], i, round;
	u64 address;

	set_autorun(mock, true);
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		handles[i] = mock_bo_create(mock, mock->file, QUARTER);
		bo_fill(mock, handles[i], i + 1);
	}
	/* Twice the device's memory, over and over. */
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(handles); i++) {
			address = use(mock, queue, handles[i]);
			KUNIT_EXPECT_TRUE(test, card_holds(mock, address, i + 1 + round, QUARTER));
			memset(mock->dev->memory + (address - MOCK_MEMORY_START), i + 2 + round,
			       QUARTER);
			KUNIT_EXPECT_LE(test, used(mock, 0), (u64)MOCK_MEMORY_SIZE);
		}
	}
	for (i = 0; i < ARRAY_SIZE(handles); i++)
		KUNIT_EXPECT_TRUE(test, bo_holds(mock, handles[i], i + 1 + round));
}

/* What is used by a job under way stays until it is over; nobody waits for that but the job. */
static void memory_is_evicted_behind_a_job(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 first = make_queue(mock), second = make_queue(mock);
	u32 a = mock_bo_create(mock, mock->file, MOCK_MEMORY_SIZE);
	u32 b = mock_bo_create(mock, mock->file, MOCK_MEMORY_SIZE), done[2];

	KUNIT_ASSERT_EQ(test, submit(mock, first, &a, 1, &done[0]), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_complete(mock, 0, 1);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, USER_QUEUE, 1));

	KUNIT_ASSERT_EQ(test, submit(mock, second, &b, 1, &done[1]), 0);
	flush_workqueue(mock->hdev->core->sched->submit_wq);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, 2, false), -1);

	/* The job; then a goes out, b comes in, and b's job runs. */
	mock_complete(mock, USER_QUEUE, 1);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, USER_QUEUE + 1, 1, false), -1);
	mock_complete(mock, 0, 2);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 3));
	mock_complete(mock, 0, 3);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, USER_QUEUE + 1, 1));
	mock_complete(mock, USER_QUEUE + 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done[1]), 0);
}

static void memory_of_one_call_must_fit(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handles[3], done, i;

	set_autorun(mock, true);
	for (i = 0; i < ARRAY_SIZE(handles); i++)
		handles[i] = mock_bo_create(mock, mock->file, HALF);
	KUNIT_EXPECT_EQ(test, submit(mock, queue, handles, 3, &done), -ENOSPC);
	KUNIT_EXPECT_EQ(test, used(mock, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, submit(mock, queue, handles, 2, &done), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
}

static void memory_of_one_object_must_fit(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_bo_create args = { .size = MOCK_MEMORY_SIZE + 1 };

	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &args),
			-EINVAL);
	args.region = 2;
	args.size = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &args),
			-EINVAL);
	args.region = 1;
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &args), 0);
}

/* Room there is, but in pieces, which only those can mend who hold none of them. */
static void memory_in_pieces(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), small[8], handles[2], done, i;

	set_autorun(mock, true);
	for (i = 0; i < ARRAY_SIZE(small); i++) {
		small[i] = mock_bo_create(mock, mock->file, MOCK_MEMORY_SIZE / ARRAY_SIZE(small));
		bo_fill(mock, small[i], i + 1);
		use(mock, queue, small[i]);
	}
	/* In the midst of the memory, and locked when room is looked for. */
	handles[0] = small[3];
	handles[1] = mock_bo_create(mock, mock->file, MOCK_MEMORY_SIZE / 8 * 7);
	KUNIT_ASSERT_EQ(test, submit(mock, queue, handles, 2, &done), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
	for (i = 0; i < ARRAY_SIZE(small); i++)
		KUNIT_EXPECT_TRUE(test, bo_holds(mock, small[i], i + 1));
}

static const struct halyard_fault memory_fault = {
	.cause = DRM_HALYARD_FAULT_MEMORY_ERROR,
	.error = -EBADMSG,
};

/* The copy of the core's own that is first in its queue fails, and recovery is over. */
static void copy_fails_once(struct mock *mock)
{
	mock_fault(mock, 0, 1, &memory_fault);
	flush_workqueue(mock->hdev->core->sched->recovery_wq);
}

static void memory_copy_is_tried_again(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handle = mock_bo_create(mock, mock->file, QUARTER), done, i;

	KUNIT_ASSERT_EQ(test, submit(mock, queue, &handle, 1, &done), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	for (i = 1; i < HALYARD_COPY_TRIES; i++)
		copy_fails_once(mock);
	KUNIT_EXPECT_TRUE(test, mock_pending(mock->file, done));

	mock_complete(mock, 0, 1);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, USER_QUEUE, 1));
	mock_complete(mock, USER_QUEUE, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
}

static void memory_copy_fails(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queues[2], handles[2], done[2], i, after, none;

	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		queues[i] = make_queue(mock);
		handles[i] = mock_bo_create(mock, mock->file, QUARTER);
		KUNIT_ASSERT_EQ(test, submit(mock, queues[i], &handles[i], 1, &done[i]), 0);
	}
	after = mock_submit_signalling(mock, queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	for (i = 0; i < HALYARD_COPY_TRIES; i++)
		copy_fails_once(mock);

	/* Who waits for it does not run; the next copy is none the worse. */
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done[0]), -EIO);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, after), -ECANCELED);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, queues[0]).state,
			(u32)DRM_HALYARD_QUEUE_BANNED);
	mock_settle(mock);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	mock_complete(mock, 0, 2);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, USER_QUEUE + 1, 1));
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, USER_QUEUE, 1, false), -1);
	mock_complete(mock, USER_QUEUE + 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done[1]), 0);

	KUNIT_EXPECT_EQ(test, submit(mock, queues[1], &handles[0], 1, &none), -EIO);
	KUNIT_EXPECT_EQ(test, submit(mock, queues[1], &handles[1], 1, &none), 0);
}

static void memory_copy_survives_reset(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handle = mock_bo_create(mock, mock->file, QUARTER), done;

	KUNIT_ASSERT_EQ(test, submit(mock, queue, &handle, 1, &done), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	halyard_device_fault(mock->hdev, "the test wants it");
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock->dev->copies, 2U);
	set_autorun(mock, true);
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
	KUNIT_EXPECT_TRUE(test, bo_holds(mock, handle, 0));
}

static void memory_is_lent(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handle = mock_bo_create(mock, mock->file, QUARTER), done;
	struct platform_device *other;
	struct dma_buf_attachment *attach;
	struct dma_buf *dma_buf;
	struct halyard_bo *bo;
	struct sg_table *sgt;
	u8 *first;

	set_autorun(mock, true);
	bo_fill(mock, handle, 0x33);
	use(mock, queue, handle);
	bo = bo_get(mock, handle);
	dma_buf = bo->gem.funcs->export(&bo->gem, O_CLOEXEC);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma_buf);
	other = platform_device_register_simple("halyard-other", PLATFORM_DEVID_AUTO, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	dma_coerce_mask_and_coherent(&other->dev, DMA_BIT_MASK(64));
	attach = dma_buf_attach(dma_buf, &other->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);

	/* It stays with us until it is mapped there. */
	KUNIT_EXPECT_EQ(test, used(mock, 0), (u64)QUARTER);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	flush_workqueue(mock->hdev->core->vram->ttm.wq);
	KUNIT_EXPECT_EQ(test, used(mock, 0), 0ULL);
	/* A debug kernel hides the pages; the mock's addresses are the memory's own. */
	first = __va(sg_dma_address(sgt->sgl));
	KUNIT_EXPECT_FALSE(test, memchr_inv(first, 0x33, sg_dma_len(sgt->sgl)));
	KUNIT_EXPECT_EQ(test, submit(mock, queue, &handle, 1, &done), -EBUSY);
	memset(first, 0x44, sg_dma_len(sgt->sgl));
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);

	KUNIT_EXPECT_TRUE(test, card_holds(mock, use(mock, queue, handle), 0x44, PAGE_SIZE));
	dma_buf_detach(dma_buf, attach);
	platform_device_unregister(other);
	dma_buf_put(dma_buf);
	drm_gem_object_put(&bo->gem);
}

static void memory_is_saved_before_sleep(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handle = mock_bo_create(mock, mock->file, QUARTER);

	set_autorun(mock, true);
	bo_fill(mock, handle, 0x55);
	use(mock, queue, handle);
	KUNIT_EXPECT_EQ(test, halyard_vram_evict_all(mock->hdev), 0);
	KUNIT_EXPECT_EQ(test, used(mock, 0), 0ULL);
	memset(mock->dev->memory, 0, MOCK_MEMORY_SIZE);
	KUNIT_EXPECT_TRUE(test, bo_holds(mock, handle, 0x55));
}

/* With copies under way, and a process that still has its handles. */
static void memory_unplugged(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = make_queue(mock), handles[3], done, i;
	struct halyard_bo *bo;

	set_autorun(mock, true);
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		handles[i] = mock_bo_create(mock, mock->file, HALF);
		bo_fill(mock, handles[i], i + 1);
	}
	use(mock, queue, handles[0]);
	use(mock, queue, handles[1]);
	set_autorun(mock, false);
	KUNIT_ASSERT_EQ(test, submit(mock, queue, &handles[2], 1, &done), 0);
	halyard_device_unplug(mock->hdev);

	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), -ENODEV);
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		bo = bo_get(mock, handles[i]);
		KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(bo->gem.resv,
							       DMA_RESV_USAGE_BOOKKEEP));
		drm_gem_object_put(&bo->gem);
	}
}

/* The core's queue and address space count, so that nobody is promised them. */
static void memory_counts_its_queue(struct kunit *test)
{
	struct mock *mock = test->priv;

	KUNIT_EXPECT_EQ(test, mock->hdev->core->used[HALYARD_RES_QUEUE], 1U);
	KUNIT_EXPECT_EQ(test, mock->hdev->core->used[HALYARD_RES_VM], 1U);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(memory_is_zeroed),
	KUNIT_CASE(memory_contents_go_along),
	KUNIT_CASE(memory_is_not_moved_for_nothing),
	KUNIT_CASE(memory_is_evicted),
	KUNIT_CASE(memory_is_evicted_behind_a_job),
	KUNIT_CASE(memory_of_one_call_must_fit),
	KUNIT_CASE(memory_of_one_object_must_fit),
	KUNIT_CASE(memory_in_pieces),
	KUNIT_CASE(memory_copy_is_tried_again),
	KUNIT_CASE(memory_copy_fails),
	KUNIT_CASE(memory_copy_survives_reset),
	KUNIT_CASE(memory_is_lent),
	KUNIT_CASE(memory_is_saved_before_sleep),
	KUNIT_CASE(memory_unplugged),
	KUNIT_CASE(memory_counts_its_queue),
	{}
};

struct kunit_suite halyard_memory_suite = {
	.name = "halyard-memory",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init_card,
	.exit = mock_exit,
	.test_cases = memory_cases,
};
