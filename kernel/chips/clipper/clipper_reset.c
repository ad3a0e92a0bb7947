// SPDX-License-Identifier: GPL-2.0-only
/* Start, stop and recovery of the hardware. */

#include "clipper.h"

#define CLIPPER_READY_MS	1000
#define CLIPPER_RESET_MS	1000

/**
 * clipper_wait_ready - wait until registers may be accessed
 * @hdev: the card
 */
int clipper_wait_ready(struct halyard_device *hdev)
{
	return clipper_poll(hdev, CLP_STATUS, CLP_STATUS_READY | CLP_STATUS_RESETTING,
			    CLP_STATUS_READY, CLIPPER_READY_MS);
}

/**
 * clipper_start - &halyard_chip_ops.start
 * @hdev: the card, just reset: contexts and queues are disabled
 */
int clipper_start(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	int ret;

	ret = clipper_wait_ready(hdev);
	if (ret)
		return ret;

	cdev->generation++;
	bitmap_zero(cdev->enabled, CLP_NUM_QUEUES);
	clipper_mmu_release_orphans(hdev);

	ret = clipper_irq_start(hdev);
	if (ret)
		return ret;

	clipper_write(hdev, CLP_CONTROL, CLP_CONTROL_ENABLE);

	return 0;
}

/* Announces the reset: no queue holds work when it comes, unless it doesn't answer. */
static void clipper_disable_queues(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	unsigned int q;

	clipper_write(hdev, CLP_CONTROL, 0);
	for_each_set_bit(q, cdev->enabled, CLP_NUM_QUEUES)
		clipper_write(hdev, CLP_QUEUE(q) + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
}

static int clipper_reset_device(struct halyard_device *hdev)
{
	int ret;

	clipper_disable_queues(hdev);
	clipper_write(hdev, CLP_CONTROL, CLP_CONTROL_RESET);
	ret = clipper_poll(hdev, CLP_STATUS, CLP_STATUS_RESETTING, 0, CLIPPER_RESET_MS);
	if (!ret)
		ret = clipper_wait_ready(hdev);

	return ret ? -ETIMEDOUT : 0;
}

/* The engine that runs a job of the queue, or -ENOENT. */
static int clipper_engine_of(struct halyard_device *hdev, struct halyard_queue *queue)
{
	unsigned int e;

	for (e = 0; e < CLP_NUM_ENGINES; e++)
		if (clipper_read(hdev, CLP_ENGINE(e) + CLP_ENGINE_QUEUE) == queue->hw_id)
			return e;

	return -ENOENT;
}

static int clipper_reset_engine(struct halyard_device *hdev, struct halyard_queue *queue)
{
	int engine = clipper_engine_of(hdev, queue);
	int ret;

	if (engine < 0)
		return -ETIMEDOUT; /* the queue hangs by itself: it takes more */

	clipper_write(hdev, CLP_ENGINE(engine) + CLP_ENGINE_CONTROL, CLP_ENGINE_CONTROL_RESET);
	ret = clipper_poll(hdev, CLP_ENGINE(engine) + CLP_ENGINE_STATUS,
			   CLP_ENGINE_STATUS_RESETTING, 0, CLIPPER_RESET_MS);

	return ret ? -ETIMEDOUT : 0;
}

/**
 * clipper_reset - &halyard_chip_ops.reset
 * @hdev: the card
 * @level: engine or device
 * @queue: of the job that hangs
 */
int clipper_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		  struct halyard_queue *queue)
{
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
 * The reset makes sure that nothing is accessed afterwards; a card that does not perform it
 * is told to stop at least.
 */
void clipper_stop(struct halyard_device *hdev)
{
	int ret = clipper_reset_device(hdev);

	if (ret)
		dev_err(hdev->dev, "card does not stop: %d\n", ret);
	clipper_irq_stop(hdev);
}
