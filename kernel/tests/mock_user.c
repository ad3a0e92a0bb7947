// SPDX-License-Identifier: GPL-2.0-only
/* A process of the tests: its memory, its files, its calls. */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include <drm/drm_accel.h>

#include "mock.h"

/* Memory of the process that loads the module, at whose cost tests have user pointers. */
#define MOCK_USER_SIZE	SZ_1M

static struct mm_struct *mock_mm;
static unsigned long mock_user_base;

/**
 * mock_suite_init - get user memory
 * @suite: a suite; runs in the process that loads the module
 *
 * Return: 0 or a negative error.
 */
int mock_suite_init(struct kunit_suite *suite)
{
	unsigned long base;

	if (!current->mm)
		return -EINVAL;

	base = vm_mmap(NULL, 0, MOCK_USER_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(base))
		return base;

	mmgrab(current->mm);
	mock_mm = current->mm;
	mock_user_base = base;

	return 0;
}

/**
 * mock_suite_exit - undo mock_suite_init()
 * @suite: a suite
 */
void mock_suite_exit(struct kunit_suite *suite)
{
	if (!mock_mm)
		return;

	vm_munmap(mock_user_base, MOCK_USER_SIZE);
	mmdrop(mock_mm);
	mock_mm = NULL;
}

/**
 * mock_open - open the device
 * @mock: the device
 *
 * As open() on its node does, which need not be there.
 *
 * Return: the file, to be closed with mock_close().
 */
struct file *mock_open(struct mock *mock)
{
	const struct file_operations *fops = mock->hdev->drm.driver->fops;
	struct inode *inode;
	struct file *file;
	int ret;

	file = anon_inode_getfile("[halyard-mock]", fops, NULL, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(mock->test, file);

	/* All that open() looks at is the minor number. */
	inode = kunit_kzalloc(mock->test, sizeof(*inode), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(mock->test, inode);
	inode->i_rdev = MKDEV(ACCEL_MAJOR, mock->hdev->drm.accel->index);
	ret = fops->open(inode, file);
	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return file;
}

/**
 * mock_close - close a file, now
 * @file: of mock_open()
 */
void mock_close(struct file *file)
{
	__fput_sync(file);
}

/**
 * mock_user - put data where a user pointer can point at it
 * @mock: the device
 * @data: what
 * @size: bytes
 *
 * Return: the pointer.
 */
u64 mock_user(struct mock *mock, const void *data, size_t size)
{
	/* The beginning is for arguments of calls. */
	unsigned long address = mock_user_base + PAGE_SIZE + mock->used;
	unsigned long left;

	mock->used += ALIGN(size, 8);
	KUNIT_ASSERT_LE(mock->test, mock->used, MOCK_USER_SIZE - PAGE_SIZE);

	kthread_use_mm(mock_mm);
	left = copy_to_user((void __user *)address, data, size);
	kthread_unuse_mm(mock_mm);
	KUNIT_ASSERT_EQ(mock->test, left, 0UL);

	return address;
}

/**
 * mock_read_user - read what the driver wrote to user memory
 * @mock: the device
 * @data: where to
 * @address: of mock_user()
 * @size: bytes
 */
void mock_read_user(struct mock *mock, void *data, u64 address, size_t size)
{
	unsigned long left;

	kthread_use_mm(mock_mm);
	left = copy_from_user(data, u64_to_user_ptr(address), size);
	kthread_unuse_mm(mock_mm);
	KUNIT_ASSERT_EQ(mock->test, left, 0UL);
}

/**
 * mock_ioctl - call the driver
 * @mock: the device
 * @file: open file
 * @cmd: DRM_IOCTL_*
 * @arg: its struct, in kernel memory
 *
 * Return: what the call returns.
 */
int mock_ioctl(struct mock *mock, struct file *file, unsigned int cmd, void *arg)
{
	void __user *user = (void __user *)mock_user_base;
	unsigned long left;
	int ret;

	kthread_use_mm(mock_mm);
	left = copy_to_user(user, arg, _IOC_SIZE(cmd));
	ret = file->f_op->unlocked_ioctl(file, cmd, mock_user_base);
	left |= copy_from_user(arg, user, _IOC_SIZE(cmd));
	kthread_unuse_mm(mock_mm);
	KUNIT_ASSERT_EQ(mock->test, left, 0UL);

	return ret;
}

/**
 * mock_vm_create - VM_CREATE
 * @mock: the device
 * @file: open file
 *
 * Return: its id.
 */
u32 mock_vm_create(struct mock *mock, struct file *file)
{
	struct drm_halyard_vm_create args = {};
	int ret = mock_ioctl(mock, file, DRM_IOCTL_HALYARD_VM_CREATE, &args);

	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return args.vm_id;
}

static u32 mock_queue_create_at(struct mock *mock, struct file *file, u32 vm_id,
				enum drm_halyard_priority priority)
{
	struct drm_halyard_queue_create args = { .vm_id = vm_id, .priority = priority };
	int ret = mock_ioctl(mock, file, DRM_IOCTL_HALYARD_QUEUE_CREATE, &args);

	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return args.queue_id;
}

/**
 * mock_queue_create - QUEUE_CREATE
 * @mock: the device
 * @file: open file
 * @vm_id: address space
 *
 * Hardware numbers are given out from 0.
 *
 * Return: its id.
 */
u32 mock_queue_create(struct mock *mock, struct file *file, u32 vm_id)
{
	return mock_queue_create_at(mock, file, vm_id, DRM_HALYARD_PRIORITY_NORMAL);
}

/**
 * mock_queue_create_urgent - QUEUE_CREATE of a queue with high priority
 * @mock: the device
 * @file: open file
 * @vm_id: address space
 *
 * Return: its id.
 */
u32 mock_queue_create_urgent(struct mock *mock, struct file *file, u32 vm_id)
{
	return mock_queue_create_at(mock, file, vm_id, DRM_HALYARD_PRIORITY_HIGH);
}

/**
 * mock_queue_destroy - QUEUE_DESTROY
 * @mock: the device
 * @file: open file
 * @queue_id: queue
 *
 * Return: what the call returns.
 */
int mock_queue_destroy(struct mock *mock, struct file *file, u32 queue_id)
{
	struct drm_halyard_queue_destroy args = { .queue_id = queue_id };

	return mock_ioctl(mock, file, DRM_IOCTL_HALYARD_QUEUE_DESTROY, &args);
}

/**
 * mock_queue_query - QUEUE_QUERY
 * @mock: the device
 * @file: open file
 * @queue_id: queue
 *
 * Return: the answer.
 */
struct drm_halyard_queue_query mock_queue_query(struct mock *mock, struct file *file, u32 queue_id)
{
	struct drm_halyard_queue_query args = { .queue_id = queue_id };
	int ret = mock_ioctl(mock, file, DRM_IOCTL_HALYARD_QUEUE_QUERY, &args);

	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return args;
}

/**
 * mock_bo_create - BO_CREATE
 * @mock: the device
 * @file: open file
 * @size: bytes
 *
 * Return: its handle.
 */
u32 mock_bo_create(struct mock *mock, struct file *file, u64 size)
{
	struct drm_halyard_bo_create args = { .size = size };
	int ret = mock_ioctl(mock, file, DRM_IOCTL_HALYARD_BO_CREATE, &args);

	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return args.handle;
}

/**
 * mock_syncobj_create - DRM_IOCTL_SYNCOBJ_CREATE
 * @mock: the device
 * @file: open file
 *
 * Return: its handle.
 */
u32 mock_syncobj_create(struct mock *mock, struct file *file)
{
	struct drm_syncobj_create args = {};
	int ret = mock_ioctl(mock, file, DRM_IOCTL_SYNCOBJ_CREATE, &args);

	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return args.handle;
}

/**
 * mock_job - a job without sync operations and buffers
 * @mock: the device
 * @queue_id: its queue
 *
 * Return: the job.
 */
struct drm_halyard_job mock_job(struct mock *mock, u32 queue_id)
{
	const struct mock_payload payload = { .cookie = queue_id };

	return (struct drm_halyard_job) {
		.queue_id = queue_id,
		.payload_size = sizeof(payload),
		.payload = mock_user(mock, &payload, sizeof(payload)),
	};
}

/**
 * mock_job_syncs - give a job sync operations
 * @mock: the device
 * @job: the job
 * @ops: operations
 * @count: how many
 */
void mock_job_syncs(struct mock *mock, struct drm_halyard_job *job,
		    const struct drm_halyard_sync_op *ops, u32 count)
{
	job->syncs = (struct drm_halyard_obj_array) {
		.stride = sizeof(*ops),
		.count = count,
		.array = mock_user(mock, ops, count * sizeof(*ops)),
	};
}

/**
 * mock_job_buffers - give a job buffer references
 * @mock: the device
 * @job: the job
 * @refs: references
 * @count: how many
 */
void mock_job_buffers(struct mock *mock, struct drm_halyard_job *job,
		      const struct drm_halyard_buffer_ref *refs, u32 count)
{
	job->buffers = (struct drm_halyard_obj_array) {
		.stride = sizeof(*refs),
		.count = count,
		.array = mock_user(mock, refs, count * sizeof(*refs)),
	};
}

/**
 * mock_submit - SUBMIT
 * @mock: the device
 * @file: open file
 * @jobs: jobs
 * @count: how many
 *
 * Return: what the call returns.
 */
int mock_submit(struct mock *mock, struct file *file, const struct drm_halyard_job *jobs,
		u32 count)
{
	struct drm_halyard_submit args = {
		.jobs = {
			.stride = sizeof(*jobs),
			.count = count,
			.array = mock_user(mock, jobs, count * sizeof(*jobs)),
		},
	};

	return mock_ioctl(mock, file, DRM_IOCTL_HALYARD_SUBMIT, &args);
}

/**
 * mock_submit_signalling - submit a job that signals a new syncobj
 * @mock: the device
 * @queue_id: of the first file
 *
 * Return: the syncobj.
 */
u32 mock_submit_signalling(struct mock *mock, u32 queue_id)
{
	struct drm_halyard_job job = mock_job(mock, queue_id);
	struct drm_halyard_sync_op op = {
		.flags = DRM_HALYARD_SYNC_SIGNAL,
		.handle = mock_syncobj_create(mock, mock->file),
	};
	int ret;

	mock_job_syncs(mock, &job, &op, 1);
	ret = mock_submit(mock, mock->file, &job, 1);
	KUNIT_ASSERT_EQ(mock->test, ret, 0);

	return op.handle;
}

/**
 * mock_submit_both - submit the first job of each queue, and wait until the device has both
 * @pair: queues without jobs
 * @done: out: syncobjs that they signal
 */
void mock_submit_both(struct mock_pair *pair, u32 *done)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(pair->queues); i++)
		done[i] = mock_submit_signalling(pair->mock, pair->queues[i]);
	for (i = 0; i < ARRAY_SIZE(pair->queues); i++)
		KUNIT_ASSERT_TRUE(pair->mock->test, mock_wait_submitted(pair->mock, i, 1));
}

/**
 * mock_fence - what a syncobj has
 * @file: open file
 * @handle: syncobj
 * @point: of a timeline, or 0
 *
 * Return: a fence to be put, or NULL.
 */
struct dma_fence *mock_fence(struct file *file, u32 handle, u64 point)
{
	struct dma_fence *fence;

	return drm_syncobj_find_fence(file->private_data, handle, point, 0, &fence) ? NULL : fence;
}

/**
 * mock_result - wait for a syncobj
 * @mock: the device
 * @file: open file
 * @handle: syncobj
 *
 * Return: 0, or the error that its fence was signalled with.
 */
int mock_result(struct mock *mock, struct file *file, u32 handle)
{
	struct dma_fence *fence = mock_fence(file, handle, 0);
	int status;
	long left;

	KUNIT_ASSERT_NOT_NULL(mock->test, fence);
	left = dma_fence_wait_timeout(fence, false, MOCK_PATIENCE);
	KUNIT_EXPECT_GT_MSG(mock->test, left, 0L, "the fence is not signalled");
	status = dma_fence_get_status(fence);
	dma_fence_put(fence);

	return min(status, 0);
}

/**
 * mock_pending - whether a syncobj's fence is not signalled yet
 * @file: open file
 * @handle: syncobj
 *
 * Return: whether there is a fence that is not signalled.
 */
bool mock_pending(struct file *file, u32 handle)
{
	struct dma_fence *fence = mock_fence(file, handle, 0);
	bool pending = fence && !dma_fence_is_signaled(fence);

	dma_fence_put(fence);

	return pending;
}
