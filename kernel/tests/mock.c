// SPDX-License-Identifier: GPL-2.0-only
/* Devices, files and calls for tests, and the controls of the mock chip. */

#include <linux/anon_inodes.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/pm_domain.h>
#include <linux/pm_runtime.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include <drm/drm_accel.h>
#include <drm/drm_managed.h>

#include "../core/queue.h"
#include "mock.h"
#include "mock_chip.h"

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

/* Stands for the bus, which calls the driver in this way, too. */
static struct dev_pm_domain mock_pm_domain;

/* As a bus does it before it probes a driver: awake, with a reference of its own. */
static void mock_power_on(struct mock *mock)
{
	struct device *dev = &mock->pdev->dev;

	platform_set_drvdata(mock->pdev, mock->hdev);
	mock_pm_domain.ops = halyard_pm_ops;
	dev_pm_domain_set(dev, &mock_pm_domain);
	pm_runtime_get_noresume(dev);
	pm_runtime_set_active(dev);
	pm_runtime_enable(dev);
}

static void mock_released(struct drm_device *drm, void *data)
{
	complete(data);
}

/**
 * mock_another - make one more device and open it
 * @test: a test
 * @chip: of the device
 *
 * It goes with the others, at the end of the test.
 *
 * Return: the device.
 */
struct mock *mock_another(struct kunit *test, const struct halyard_chip *chip)
{
	struct mock *mock = kunit_kzalloc(test, sizeof(*mock), GFP_KERNEL);
	struct mock *first = test->priv;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->test = test;
	init_completion(&mock->released);

	mock->pdev = platform_device_register_simple("halyard-mock", PLATFORM_DEVID_AUTO, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock->pdev);
	/* From here mock_exit() cleans up. */
	if (first) {
		mock->next = first->next;
		first->next = mock;
	} else {
		test->priv = mock;
	}

	mock->hdev = halyard_device_alloc(&mock->pdev->dev, chip);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock->hdev);
	mock->dev = mock->hdev->priv;
	ret = drmm_add_action(&mock->hdev->drm, mock_released, &mock->released);
	KUNIT_ASSERT_EQ(test, ret, 0);
	mock_power_on(mock);
	ret = halyard_device_register(mock->hdev);
	KUNIT_ASSERT_EQ(test, ret, 0);
	halyard_power_start(mock->hdev);

	mock->file = mock_open(mock);

	return mock;
}

/**
 * mock_init - make a device and open it
 * @test: a test
 *
 * Return: 0.
 */
int mock_init(struct kunit *test)
{
	mock_another(test, &mock_chip);

	return 0;
}

/**
 * mock_init_card - make a device with memory of its own and open it
 * @test: a test
 *
 * Return: 0.
 */
int mock_init_card(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_DRM_TTM))
		kunit_skip(test, "the kernel has no TTM");
	mock_another(test, &mock_card_chip);

	return 0;
}

/**
 * mock_init_firmware - make a device that lacks its firmware and open it
 * @test: a test
 *
 * Return: 0.
 */
int mock_init_firmware(struct kunit *test)
{
	mock_another(test, &mock_firmware_chip);

	return 0;
}

/**
 * mock_init_bare - make a device without MMU that runs one job at a time, and open it
 * @test: a test
 *
 * Return: 0.
 */
int mock_init_bare(struct kunit *test)
{
	mock_another(test, &mock_bare_chip);

	return 0;
}

static void mock_end(struct mock *mock)
{
	struct kunit *test = mock->test;
	const char *wrong;

	if (!mock->pdev)
		return;

	if (mock->file)
		mock_close(mock->file);
	halyard_device_unplug(mock->hdev);

	spin_lock_irq(&mock->dev->lock);
	wrong = mock->dev->wrong;
	spin_unlock_irq(&mock->dev->lock);
	KUNIT_EXPECT_PTR_EQ_MSG(test, wrong, NULL, "the chip complains: %s", wrong);

	pm_runtime_disable(&mock->pdev->dev);
	dev_pm_domain_set(&mock->pdev->dev, NULL);
	platform_device_unregister(mock->pdev);
	KUNIT_EXPECT_TRUE_MSG(test, wait_for_completion_timeout(&mock->released, MOCK_PATIENCE),
			      "somebody still holds the device");
}

/**
 * mock_pair - make two queues
 * @test: a test
 *
 * Return: the queues, good until the test ends.
 */
struct mock_pair *mock_pair(struct kunit *test)
{
	struct mock_pair *pair = kunit_kzalloc(test, sizeof(*pair), GFP_KERNEL);
	struct mock *mock = test->priv;
	u32 vm;

	KUNIT_ASSERT_NOT_NULL(test, pair);
	pair->mock = mock;
	pair->file = mock->file;
	vm = mock_vm_create(mock, mock->file);
	pair->queues[0] = mock_queue_create(mock, mock->file, vm);
	pair->queues[1] = mock_queue_create(mock, mock->file, vm);
	pair->syncobj = mock_syncobj_create(mock, mock->file);

	return pair;
}

/**
 * mock_exit - take the devices away and see that nothing of them remains
 * @test: a test
 */
void mock_exit(struct kunit *test)
{
	struct mock *mock;

	for (mock = test->priv; mock; mock = mock->next)
		mock_end(mock);
}

/* ---- the user's side ---- */

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

/* ---- the chip's side ---- */

static u64 mock_submitted(struct mock *mock, u32 hw_id)
{
	struct mock_queue *mq;
	u64 seqno;

	spin_lock_irq(&mock->dev->lock);
	mq = mock->dev->queues[hw_id];
	seqno = mq ? mq->submitted : 0;
	spin_unlock_irq(&mock->dev->lock);

	return seqno;
}

/**
 * mock_wait_submitted - wait until the device has a job, and the scheduler knows that it has
 * @mock: the device
 * @hw_id: hardware queue
 * @seqno: job
 *
 * Return: whether it came.
 */
bool mock_wait_submitted(struct mock *mock, u32 hw_id, u64 seqno)
{
	bool came = wait_event_timeout(mock->dev->wait, mock_submitted(mock, hw_id) >= seqno,
				       MOCK_PATIENCE);

	/* Else the scheduler may find the job over before it has asked to be told so. */
	flush_workqueue(mock->hdev->core->sched->submit_wq);

	return came;
}

/**
 * mock_wait_asked - wait until jobs have asked for their turn
 * @mock: a device that runs one job at a time, and has one
 * @count: how many
 *
 * Return: whether they have.
 */
bool mock_wait_asked(struct mock *mock, unsigned int count)
{
	struct halyard_turns *turns = &mock->hdev->core->sched->turns;
	unsigned long end = jiffies + MOCK_PATIENCE;
	unsigned long flags;
	size_t asked;

	do {
		usleep_range(100, 1000);
		spin_lock_irqsave(&turns->lock, flags);
		asked = list_count_nodes(&turns->waiting);
		spin_unlock_irqrestore(&turns->lock, flags);
	} while (asked < count && time_before(jiffies, end));

	return asked == count;
}

/**
 * mock_complete - complete a job and tell by an interrupt
 * @mock: the device
 * @hw_id: hardware queue
 * @seqno: job
 */
void mock_complete(struct mock *mock, u32 hw_id, u64 seqno)
{
	unsigned long flags;

	mock_complete_silently(mock, hw_id, seqno);
	local_irq_save(flags);
	halyard_complete_jobs(mock->hdev);
	local_irq_restore(flags);
}

/**
 * mock_complete_silently - complete a job; the interrupt is lost
 * @mock: the device
 * @hw_id: hardware queue
 * @seqno: job
 */
void mock_complete_silently(struct mock *mock, u32 hw_id, u64 seqno)
{
	mock_chip_complete(mock->hdev, hw_id, seqno);
}

/**
 * mock_hang - stop or resume progress
 * @mock: the device
 * @hw_id: hardware queue
 * @hung: no progress
 */
void mock_hang(struct mock *mock, u32 hw_id, bool hung)
{
	spin_lock_irq(&mock->dev->lock);
	mock->dev->queues[hw_id]->hung = hung;
	spin_unlock_irq(&mock->dev->lock);
}

/**
 * mock_spend - let a queue use the device
 * @mock: the device
 * @hw_id: queue
 * @ns: device time that its jobs take from now on, beside what they have taken
 */
void mock_spend(struct mock *mock, u32 hw_id, u64 ns)
{
	struct mock_queue *mq;

	spin_lock_irq(&mock->dev->lock);
	mq = mock->dev->queues[hw_id];
	if (mq) /* else it was stopped: the test sees its job fail */
		mq->spent += ns;
	spin_unlock_irq(&mock->dev->lock);
}

/**
 * mock_fault - report a fault as a chip does
 * @mock: the device
 * @hw_id: hardware queue
 * @seqno: job
 * @fault: why
 */
void mock_fault(struct mock *mock, u32 hw_id, u64 seqno, const struct halyard_fault *fault)
{
	struct halyard_queue *queue = halyard_queue_get_by_hw_id(mock->hdev, hw_id);

	KUNIT_ASSERT_NOT_NULL(mock->test, queue);
	halyard_queue_fault(queue, seqno, fault);
	halyard_queue_put(queue);
}

/**
 * mock_fail - let calls fail
 * @mock: the device
 * @op: which
 * @times: how many of the next
 */
void mock_fail(struct mock *mock, enum mock_op op, u32 times)
{
	spin_lock_irq(&mock->dev->lock);
	mock->dev->fail[op] = times;
	spin_unlock_irq(&mock->dev->lock);
}

/**
 * mock_settle - wait until a recovery that has signalled its first fence is over
 * @mock: the device
 */
void mock_settle(struct mock *mock)
{
	mutex_lock(&mock->hdev->core->reset_lock);
	mutex_unlock(&mock->hdev->core->reset_lock);
}

/**
 * mock_calls - how often a call was made
 * @mock: the device
 * @op: which
 *
 * Return: how often.
 */
u32 mock_calls(struct mock *mock, enum mock_op op)
{
	u32 calls;

	spin_lock_irq(&mock->dev->lock);
	calls = mock->dev->calls[op];
	spin_unlock_irq(&mock->dev->lock);

	return calls;
}

/**
 * mock_event_index - when something happened
 * @mock: the device
 * @hw_id: hardware queue
 * @seqno: job
 * @done: was completed, else given to the device
 *
 * Return: its place among all events, for the last time when it happened more than once; -1 if
 * never.
 */
int mock_event_index(struct mock *mock, u32 hw_id, u64 seqno, bool done)
{
	int i;

	spin_lock_irq(&mock->dev->lock);
	for (i = mock->dev->num_events; i--; ) {
		const struct mock_event *event = &mock->dev->events[i];

		if (event->queue == hw_id && event->seqno == seqno && event->done == done)
			break;
	}
	spin_unlock_irq(&mock->dev->lock);

	return i;
}

/**
 * mock_sleeps - whether the device sleeps
 * @mock: the device
 *
 * Return: true when it does.
 */
bool mock_sleeps(struct mock *mock)
{
	return pm_runtime_suspended(&mock->pdev->dev);
}

/**
 * mock_sleep - wait until the device has fallen asleep
 * @mock: the device, which nobody needs
 */
void mock_sleep(struct mock *mock)
{
	unsigned long deadline = jiffies + MOCK_PATIENCE;

	pm_runtime_set_autosuspend_delay(&mock->pdev->dev, 1);
	while (!mock_sleeps(mock) && time_before(jiffies, deadline))
		msleep(20);
	KUNIT_ASSERT_TRUE(mock->test, mock_sleeps(mock));
}
