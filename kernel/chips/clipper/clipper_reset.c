// SPDX-License-Identifier: GPL-2.0-only
/* Start, stop and recovery of the hardware. */

#include "clipper.h"

/**
 * clipper_wait_ready - wait until registers may be accessed
 * @hdev: the card
 * @ms: how long
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV when the card does not answer.
 */
int clipper_wait_ready(struct halyard_device *hdev, unsigned int ms)
{
	return halyard_poll(hdev, CLP_STATUS, CLP_STATUS_READY | CLP_STATUS_RESETTING,
			    CLP_STATUS_READY, ms);
}

/* From here, or up to here, the registers may be accessed. */
static void clipper_set_ready(struct clipper_device *cdev, bool ready)
{
	mutex_lock(&cdev->state_lock);
	spin_lock_irq(&cdev->counter_lock);
	cdev->ready = ready;
	spin_unlock_irq(&cdev->counter_lock);
	mutex_unlock(&cdev->state_lock);
}

/* After a reset, by whatever means: nothing is loaded, no memory accessed. */
static void clipper_forget(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);

	cdev->generation++;
	bitmap_zero(cdev->enabled, CLP_NUM_QUEUES);
	clipper_mmu_release_orphans(hdev);
}

/**
 * clipper_start - &halyard_chip_ops.start
 * @hdev: the card, just reset
 *
 * Return: 0, -ENOMEM or -ETIMEDOUT.
 */
int clipper_start(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	int ret;

	ret = clipper_wait_ready(hdev, CLIPPER_ANSWER_MS);
	if (ret)
		return ret;

	clipper_forget(hdev);
	clipper_set_ready(cdev, true);

	ret = clipper_irq_start(hdev);
	if (ret)
		return ret;

	halyard_write(hdev, CLP_CONTROL, CLP_CONTROL_ENABLE);

	return 0;
}

static int clipper_reset_device(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	unsigned int ms = clipper_works(hdev, CLP_NO_QUEUE) ? CLIPPER_COMMAND_MS :
							      CLIPPER_ANSWER_MS;

	clipper_set_ready(cdev, false);
	/* Engines stop before the reset, so that it spoils no access. */
	halyard_write(hdev, CLP_CONTROL, 0);
	halyard_write(hdev, CLP_CONTROL, CLP_CONTROL_RESET);
	if (clipper_wait_ready(hdev, ms))
		return -ETIMEDOUT;

	clipper_forget(hdev);
	clipper_set_ready(cdev, true);

	return 0;
}

/* The engine that runs a job of the queue, or -ENOENT. */
static int clipper_engine_of(struct halyard_device *hdev, struct halyard_queue *queue)
{
	unsigned int e;

	for (e = 0; e < CLP_NUM_ENGINES; e++)
		if (halyard_read(hdev, CLP_ENGINE(e) + CLP_ENGINE_QUEUE) == queue->hw_id)
			return e;

	return -ENOENT;
}

static int clipper_reset_engine(struct halyard_device *hdev, struct halyard_queue *queue)
{
	int engine = clipper_engine_of(hdev, queue);
	int ret;

	if (engine < 0)
		return -ETIMEDOUT; /* the queue hangs by itself: it takes more */

	halyard_write(hdev, CLP_ENGINE(engine) + CLP_ENGINE_CONTROL, CLP_ENGINE_CONTROL_RESET);
	ret = clipper_await(hdev, CLP_ENGINE(engine) + CLP_ENGINE_STATUS,
			    CLP_ENGINE_STATUS_RESETTING, 0, queue->hw_id);

	return ret ? -ETIMEDOUT : 0;
}

/**
 * clipper_reset - &halyard_chip_ops.reset
 * @hdev: the card
 * @level: engine or device
 * @queue: of the job that hangs
 *
 * Return: 0, or -ETIMEDOUT.
 */
int clipper_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		  struct halyard_queue *queue)
{
	if (!to_clipper(hdev)->ready)
		return -ETIMEDOUT; /* a reset of the card has failed: only the bus helps */

	switch (level) {
	case HALYARD_RESET_ENGINE:
		return clipper_reset_engine(hdev, queue);
	case HALYARD_RESET_DEVICE:
		return clipper_reset_device(hdev);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * clipper_stop - &halyard_chip_ops.stop
 * @hdev: the card
 *
 * The reset makes sure that nothing is accessed afterwards. A card that could not be reset was told
 * to stop at least, and the core takes it from the bus.
 */
void clipper_stop(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);

	if (cdev->ready && clipper_reset_device(hdev))
		dev_err(hdev->dev, "card does not stop\n");
	clipper_forget(hdev);
	clipper_set_ready(cdev, false);
	cancel_work_sync(&cdev->events);
}
