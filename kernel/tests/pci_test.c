// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the bus tells a driver about errors and resets, in the order in which it does. There is no
 * bus here: the handlers are called with a PCI device that has nothing but a configuration space
 * of ones, and the mock chip behind it.
 */

#include <linux/delay.h>
#include <linux/pci.h>

#include "../core/queue.h"
#include "mock.h"

/**
 * struct pci_fixture - a job under way, and the PCI device whose bus is in trouble
 * @mock: the device
 * @pdev: for the handlers
 * @bus: of @pdev
 * @ops: of @bus
 * @queue: of the job
 * @done: syncobj of the job
 */
struct pci_fixture {
	struct mock *mock;
	struct pci_dev *pdev;
	struct pci_bus bus;
	struct pci_ops ops;
	u32 queue;
	u32 done;
};

static int pci_fake_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	*value = U32_MAX;

	return PCIBIOS_SUCCESSFUL;
}

static int pci_fake_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_fixture *pci_fixture(struct kunit *test)
{
	struct pci_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct mock *mock = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->pdev = kunit_kzalloc(test, sizeof(*fix->pdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fix->pdev);
	fix->mock = mock;
	fix->ops.read = pci_fake_read;
	fix->ops.write = pci_fake_write;
	fix->bus.ops = &fix->ops;
	fix->pdev->bus = &fix->bus;
	fix->pdev->current_state = PCI_D0;
	dev_set_drvdata(&fix->pdev->dev, mock->hdev);

	fix->queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	fix->done = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));

	return fix;
}

/* The job has been run again and ends well. */
static void pci_expect_survived(struct kunit *test, struct pci_fixture *fix)
{
	struct mock *mock = fix->mock;

	KUNIT_EXPECT_TRUE(test, mock_pending(mock->file, fix->done));
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, fix->done), 0);
}

/* An error that was corrected, or that hit nobody's transaction. */
static void pci_error_without_reset(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);

	KUNIT_EXPECT_EQ(test, handlers->error_detected(fix->pdev, pci_channel_io_normal),
			(pci_ers_result_t)PCI_ERS_RESULT_CAN_RECOVER);
	handlers->resume(fix->pdev);
	halyard_recover_wait(fix->mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_RESET_DEVICE), 1U);
	pci_expect_survived(test, fix);
}

static void pci_error_with_slot_reset(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);

	KUNIT_EXPECT_EQ(test, handlers->error_detected(fix->pdev, pci_channel_io_frozen),
			(pci_ers_result_t)PCI_ERS_RESULT_NEED_RESET);
	KUNIT_EXPECT_EQ(test, handlers->slot_reset(fix->pdev),
			(pci_ers_result_t)PCI_ERS_RESULT_RECOVERED);
	/* What the next slot reset restores was saved again. */
	KUNIT_EXPECT_TRUE(test, fix->pdev->state_saved);
	handlers->resume(fix->pdev);
	halyard_recover_wait(fix->mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_RESET_DEVICE), 1U);
	pci_expect_survived(test, fix);
}

static void pci_error_for_good(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);
	struct mock *mock = fix->mock;

	KUNIT_EXPECT_EQ(test, handlers->error_detected(fix->pdev, pci_channel_io_perm_failure),
			(pci_ers_result_t)PCI_ERS_RESULT_DISCONNECT);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(&mock->hdev->drm));
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, fix->done), -ENODEV);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 1U);

	/* What the bus may say to a device that is gone already does nothing. */
	handlers->resume(fix->pdev);
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 0U);
}

/* A reset that an administrator asks the bus for. */
static void pci_reset_by_others(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);
	struct mock *mock = fix->mock;

	handlers->reset_prepare(fix->pdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 1U);
	handlers->reset_done(fix->pdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 2U);
	pci_expect_survived(test, fix);
}

/* What does not start is reset once more. */
static void pci_reset_that_needs_another(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);

	handlers->reset_prepare(fix->pdev);
	mock_fail(fix->mock, MOCK_START, 1);
	handlers->reset_done(fix->pdev);
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_RESET_DEVICE), 1U);
	pci_expect_survived(test, fix);
}

static void pci_reset_that_fails(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);
	struct mock *mock = fix->mock;

	handlers->reset_prepare(fix->pdev);
	mock_fail(mock, MOCK_START, U32_MAX);
	handlers->reset_done(fix->pdev);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, fix->done), -EIO);
	wait_for_completion(&mock->hdev->core->unplug_done);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(&mock->hdev->drm));
}

/* ---- the time in which the bus does not reach the card ---- */

static void pci_freeze(struct kunit *test, struct pci_fixture *fix)
{
	KUNIT_EXPECT_EQ(test,
			halyard_pci_err_handlers.error_detected(fix->pdev, pci_channel_io_frozen),
			(pci_ers_result_t)PCI_ERS_RESULT_NEED_RESET);
}

/* What comes meanwhile meets the card when it was restarted, and not before. */
static void pci_frozen_takes_no_jobs(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);
	struct mock *mock = fix->mock;
	u32 meanwhile;

	pci_freeze(test, fix);
	meanwhile = mock_submit_signalling(mock, fix->queue);
	/* Nor is anything else that finds fault with the card to reset it now. */
	halyard_device_fault(mock->hdev, "test");
	msleep(20);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, 2, false), -1);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 0U);

	handlers->slot_reset(fix->pdev);
	handlers->resume(fix->pdev);
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	mock_complete(mock, 0, 2);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, fix->done), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, meanwhile), 0);
}

/**
 * struct pci_closer - somebody who leaves, queue and all
 * @work: of it
 * @mock: its file is closed
 */
struct pci_closer {
	struct work_struct work;
	struct mock *mock;
};

static void pci_close(struct work_struct *work)
{
	struct pci_closer *closer = container_of(work, struct pci_closer, work);

	mock_close(closer->mock->file);
	closer->mock->file = NULL;
}

/* Somebody begins to leave while the card can't be reached; pci_close_end() waits until he has. */
static void pci_close_frozen(struct kunit *test, struct pci_fixture *fix, struct pci_closer *closer)
{
	closer->mock = fix->mock;
	INIT_WORK_ONSTACK(&closer->work, pci_close);
	pci_freeze(test, fix);
	queue_work(system_unbound_wq, &closer->work);
	msleep(20);
}

static void pci_close_end(struct pci_closer *closer)
{
	flush_work(&closer->work);
	destroy_work_on_stack(&closer->work);
}

/* The card may still work on it: its memory goes when that is known to be over. */
static void pci_frozen_keeps_queues(struct kunit *test)
{
	const struct pci_error_handlers *handlers = &halyard_pci_err_handlers;
	struct pci_fixture *fix = pci_fixture(test);
	struct pci_closer closer;
	struct dma_fence *fence = mock_fence(fix->mock->file, fix->done, 0);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	pci_close_frozen(test, fix, &closer);
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_QUEUE_FINI), 0U);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));

	handlers->resume(fix->pdev);
	pci_close_end(&closer);
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(fence, false, MOCK_PATIENCE), 0L);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ECANCELED);
	dma_fence_put(fence);
}

/* The bus gives up and does not say so. */
static void pci_frozen_for_too_long(struct kunit *test)
{
	struct pci_fixture *fix = pci_fixture(test);
	struct halyard_sched *sched = fix->mock->hdev->core->sched;

	pci_freeze(test, fix);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&sched->thaw_work));
	/* What the time would do. */
	mod_delayed_work(sched->recovery_wq, &sched->thaw_work, 0);
	halyard_recover_wait(fix->mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_RESET_DEVICE), 1U);
	pci_expect_survived(test, fix);
}

/* Who waits for the card's return must not wait for ever. */
static void pci_frozen_and_unplugged(struct kunit *test)
{
	struct pci_fixture *fix = pci_fixture(test);
	struct pci_closer closer;
	struct dma_fence *fence = mock_fence(fix->mock->file, fix->done, 0);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	pci_close_frozen(test, fix, &closer);
	halyard_device_unplug(fix->mock->hdev);
	pci_close_end(&closer);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_RESET_DEVICE), 0U);
	dma_fence_put(fence);
}

/**
 * struct pci_asker - somebody who asks for the device's time
 * @work: of it
 * @mock: whom it asks
 * @args: of the call
 * @ret: the call's
 */
struct pci_asker {
	struct work_struct work;
	struct mock *mock;
	struct drm_halyard_dev_query args;
	int ret;
};

static void pci_ask(struct work_struct *work)
{
	struct pci_asker *asker = container_of(work, struct pci_asker, work);
	struct mock *mock = asker->mock;

	asker->ret = mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_DEV_QUERY, &asker->args);
}

/* A clock that can't be reached shows no time: who asks waits. */
static void pci_frozen_tells_no_time(struct kunit *test)
{
	struct pci_fixture *fix = pci_fixture(test);
	struct drm_halyard_query_device device = {};
	struct pci_asker asker = {
		.mock = fix->mock,
		.args.type = DRM_HALYARD_QUERY_DEVICE,
		.args.size = sizeof(device),
		.args.pointer = mock_user(fix->mock, &device, sizeof(device)),
	};
	u64 thawed;

	INIT_WORK_ONSTACK(&asker.work, pci_ask);
	pci_freeze(test, fix);
	queue_work(system_unbound_wq, &asker.work);
	msleep(20);
	KUNIT_EXPECT_TRUE(test, work_busy(&asker.work) & WORK_BUSY_RUNNING);

	thawed = ktime_get_ns();
	halyard_pci_err_handlers.resume(fix->pdev);
	flush_work(&asker.work);
	destroy_work_on_stack(&asker.work);
	KUNIT_EXPECT_EQ(test, asker.ret, 0);
	mock_read_user(fix->mock, &device, asker.args.pointer, sizeof(device));
	KUNIT_EXPECT_GE(test, device.timestamp, thawed);
	halyard_recover_wait(fix->mock->hdev);
	pci_expect_survived(test, fix);
}

static struct kunit_case pci_cases[] = {
	KUNIT_CASE(pci_error_without_reset),
	KUNIT_CASE(pci_error_with_slot_reset),
	KUNIT_CASE(pci_error_for_good),
	KUNIT_CASE(pci_reset_by_others),
	KUNIT_CASE(pci_reset_that_needs_another),
	KUNIT_CASE(pci_reset_that_fails),
	KUNIT_CASE(pci_frozen_takes_no_jobs),
	KUNIT_CASE(pci_frozen_keeps_queues),
	KUNIT_CASE(pci_frozen_for_too_long),
	KUNIT_CASE(pci_frozen_and_unplugged),
	KUNIT_CASE(pci_frozen_tells_no_time),
	{}
};

struct kunit_suite halyard_pci_suite = {
	.name = "halyard-pci",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = pci_cases,
};
