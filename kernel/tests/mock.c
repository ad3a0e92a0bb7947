// SPDX-License-Identifier: GPL-2.0-only
/* Devices for tests, and the controls of the mock chip. */

#include <linux/delay.h>
#include <linux/pm_domain.h>
#include <linux/pm_runtime.h>

#include <drm/drm_managed.h>

#include "../core/queue.h"
#include "mock.h"
#include "mock_chip.h"

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
 * mock_silence - let the hardware not answer calls, which wait for it in vain
 * @mock: the device
 * @op: which
 * @times: how many of the next
 */
void mock_silence(struct mock *mock, enum mock_op op, u32 times)
{
	spin_lock_irq(&mock->dev->lock);
	mock->dev->silent[op] = times;
	spin_unlock_irq(&mock->dev->lock);
}

/**
 * mock_after_silence - what the core did after a call that got no answer
 * @mock: a device of which a call got none
 * @waited_ns: out: how long after that call had begun
 *
 * Return: the call that it made next.
 */
enum mock_op mock_after_silence(struct mock *mock, u64 *waited_ns)
{
	enum mock_op op;
	bool over;

	spin_lock_irq(&mock->dev->lock);
	over = !mock->dev->silent_ns;
	op = mock->dev->after_silence;
	*waited_ns = mock->dev->waited_ns;
	spin_unlock_irq(&mock->dev->lock);
	KUNIT_EXPECT_TRUE_MSG(mock->test, over, "nothing came after it");

	return op;
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
