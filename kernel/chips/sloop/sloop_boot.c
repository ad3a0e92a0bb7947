// SPDX-License-Identifier: GPL-2.0-only
/* From reset to running firmware, and back. */

#include <linux/dma-mapping.h>
#include <linux/firmware.h>
#include <linux/iopoll.h>
#include <linux/unaligned.h>

#include "sloop.h"

#define SLOOP_ALL_VECTORS	GENMASK(SLP_NUM_VECTORS - 1, 0)

/* Verification takes longer than an answer; that it goes on shows in BOOT_STATE. */
#define SLOOP_VERIFY_MS		(10 * MSEC_PER_SEC)

static const char *const sloop_boot_errors[SLP_NUM_BOOT_STATUS] = {
	[SLP_BOOT_OK] = "the card refuses the image without a reason",
	[SLP_BOOT_TRUNCATED] = "the image is truncated",
	[SLP_BOOT_BAD_MAGIC] = "the image is no firmware",
	[SLP_BOOT_BAD_HEADER] = "the image's header is malformed",
	[SLP_BOOT_WRONG_CHIP] = "the image is for another chip",
	[SLP_BOOT_WRONG_SIZE] = "the image is longer than its header says",
	[SLP_BOOT_BAD_HASH] = "the image's contents do not have the hash in its header",
	[SLP_BOOT_BAD_SIGNATURE] = "the image's signature is wrong",
	[SLP_BOOT_ROLLBACK] = "the image's security number is below the card's",
	[SLP_BOOT_TOO_OLD] = "the image is too old for this driver",
	[SLP_BOOT_TOO_NEW] = "the image is too new for this driver",
	[SLP_BOOT_BAD_PAYLOAD] = "the image is no program for this controller",
	[SLP_BOOT_BAD_RINGS] = "the controller does not reach its rings",
};

/* From here, or up to here, the registers may be accessed and the firmware be asked. */
static void sloop_set_ready(struct sloop_device *sdev, bool ready)
{
	mutex_lock(&sdev->admin_lock);
	mutex_lock(&sdev->event_lock);
	spin_lock_irq(&sdev->state_lock);
	sdev->ready = ready;
	spin_unlock_irq(&sdev->state_lock);
	mutex_unlock(&sdev->event_lock);
	mutex_unlock(&sdev->admin_lock);
}

static u32 sloop_boot_state(struct halyard_device *hdev)
{
	return halyard_read(hdev, SLP_BOOT_STATE);
}

/* ---- reset ---- */

static bool sloop_works(struct halyard_device *hdev)
{
	unsigned int e;

	for (e = 0; e < SLP_NUM_ENGINES; e++) {
		u32 status = halyard_read(hdev, SLP_ENGINE(e) + SLP_ENGINE_STATUS);

		if (status == U32_MAX)
			return false;
		if (status & SLP_ENGINE_STATUS_BUSY && !(status & SLP_ENGINE_STATUS_HUNG))
			return true;
	}

	return false;
}

/* So that the reset spoils no access. A controller that does not halt is reset all the same. */
static void sloop_halt(struct halyard_device *hdev)
{
	unsigned int ms = sloop_works(hdev) ? SLOOP_COMMAND_MS : SLOOP_ANSWER_MS;

	halyard_write(hdev, SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_HALT);
	if (halyard_poll(hdev, SLP_BOOT_STATE, ~0, SLP_BOOT_STATE_HALTED, ms))
		dev_warn(hdev->dev, "controller does not halt\n");
}

/**
 * sloop_enter_rom - bring the controller to where it takes an image
 * @hdev: the card, in whatever state it is
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV when the card does not answer.
 */
int sloop_enter_rom(struct halyard_device *hdev)
{
	int ret;

	/* A reset by the bus may be under way. */
	if (sloop_boot_state(hdev) == SLP_BOOT_STATE_RESET) {
		ret = halyard_poll(hdev, SLP_BOOT_STATE, ~0, SLP_BOOT_STATE_ROM, SLOOP_ANSWER_MS);
		if (ret)
			return ret;
	}
	if (sloop_boot_state(hdev) == SLP_BOOT_STATE_ROM)
		return 0;
	if (sloop_boot_state(hdev) == SLP_BOOT_STATE_RUNNING)
		sloop_halt(hdev);
	halyard_write(hdev, SLP_CONTROL, SLP_CONTROL_RESET);

	return halyard_poll(hdev, SLP_BOOT_STATE, ~0, SLP_BOOT_STATE_ROM, SLOOP_ANSWER_MS);
}

static int sloop_reset_card(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);

	sloop_set_ready(sdev, false);
	/* It has forgotten contexts and queues, also when it does not come back. */
	sdev->generation++;

	return sloop_enter_rom(hdev) ? -ETIMEDOUT : 0;
}

static int sloop_reset_engine(struct halyard_device *hdev, struct halyard_queue *queue)
{
	int engine = sloop_engine_of(hdev, queue->hw_id);

	if (engine < 0)
		return -ETIMEDOUT; /* the queue hangs by itself: it takes more */

	return sloop_admin_target(hdev, SLP_ADMIN_ENGINE_RESET, engine) ? -ETIMEDOUT : 0;
}

/**
 * sloop_reset - &halyard_chip_ops.reset
 * @hdev: the card
 * @level: engine or device
 * @queue: of the job that hangs
 *
 * Return: 0, or -ETIMEDOUT.
 */
int sloop_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		struct halyard_queue *queue)
{
	switch (level) {
	case HALYARD_RESET_ENGINE:
		return sloop_reset_engine(hdev, queue);
	case HALYARD_RESET_DEVICE:
		return sloop_reset_card(hdev);
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- start ---- */

/* The card judges the image; all that is wrong with one is the card's to say. */
static int sloop_refused(struct halyard_device *hdev)
{
	u32 status = halyard_read(hdev, SLP_BOOT_STATUS);

	if (status >= SLP_NUM_BOOT_STATUS)
		return halyard_firmware_fails(hdev, "the card refuses the image for reason %u",
					      status);

	return halyard_firmware_fails(hdev, "%s", sloop_boot_errors[status]);
}

/* @done or a refusal; a controller that goes on from @from has more time. */
static int sloop_boot_command(struct halyard_device *hdev, u32 command, u32 from, u32 done)
{
	u32 state;
	int ret;

	halyard_write(hdev, SLP_BOOT_COMMAND, command);
	ret = read_poll_timeout(sloop_boot_state, state, state != from, 20,
				SLOOP_ANSWER_MS * USEC_PER_MSEC, false, hdev);
	if (!ret)
		ret = read_poll_timeout(sloop_boot_state, state,
					state != SLP_BOOT_STATE_VERIFYING &&
					state != SLP_BOOT_STATE_STARTING, 20,
					SLOOP_VERIFY_MS * USEC_PER_MSEC, false, hdev);
	if (ret || state == U32_MAX)
		return halyard_firmware_fails(hdev, "the controller does not answer");
	if (state == SLP_BOOT_STATE_REFUSED)
		return sloop_refused(hdev);
	if (state != done)
		return halyard_firmware_fails(hdev, "the controller stops in state %u", state);

	return 0;
}

static int sloop_verify(struct halyard_device *hdev, const struct firmware *image)
{
	struct sloop_device *sdev = to_sloop(hdev);

	if (image->size > sdev->boot_window_size)
		return halyard_firmware_fails(hdev, "the image of %zu bytes is larger than %u",
					      image->size, sdev->boot_window_size);

	memcpy_toio(sdev->boot_window, image->data, image->size);
	halyard_write(hdev, SLP_BOOT_IMAGE_SIZE, image->size);
	halyard_write(hdev, SLP_BOOT_PROTOCOL, SLP_PROTOCOL);

	return sloop_boot_command(hdev, SLP_BOOT_COMMAND_VERIFY, SLP_BOOT_STATE_ROM,
				  SLP_BOOT_STATE_VERIFIED);
}

static int sloop_run(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);
	dma_addr_t requests = sdev->rings_dma + offsetof(struct sloop_rings, requests);
	dma_addr_t responses = sdev->rings_dma + offsetof(struct sloop_rings, responses);
	dma_addr_t events = sdev->rings_dma + offsetof(struct sloop_rings, events);

	/* Entries of before the reset would be taken for new ones: numbers start again. */
	memset(sdev->rings, 0, sizeof(*sdev->rings));
	sdev->event_head = 0;
	sloop_admin_start(hdev);

	halyard_write64(hdev, SLP_ADMIN_REQUESTS_LO, requests);
	halyard_write64(hdev, SLP_ADMIN_RESPONSES_LO, responses);
	halyard_write(hdev, SLP_ADMIN_ORDER, SLOOP_ADMIN_ORDER);
	halyard_write64(hdev, SLP_EVENTS_LO, events);
	halyard_write(hdev, SLP_EVENTS_ORDER, SLOOP_EVENTS_ORDER);
	halyard_write(hdev, SLP_IRQ_ENABLE, SLOOP_ALL_VECTORS);

	return sloop_boot_command(hdev, SLP_BOOT_COMMAND_START, SLP_BOOT_STATE_VERIFIED,
				  SLP_BOOT_STATE_RUNNING);
}

/* What the image says of itself, which the card has found to be true. */
static void sloop_announce(struct halyard_device *hdev, const struct firmware *image)
{
	const struct slp_firmware_header *header = (const void *)image->data;
	u32 version = halyard_read(hdev, SLP_FW_VERSION);

	halyard_firmware_runs(hdev, "%u.%u.%u (%.*s)", version >> 24, (version >> 16) & 0xff,
			      version & 0xffff, (int)sizeof(header->name), header->name);
}

/**
 * sloop_start - &halyard_chip_ops.start
 * @hdev: the card, just reset
 *
 * Return: 0, or a negative error.
 */
int sloop_start(struct halyard_device *hdev)
{
	const struct firmware *image = halyard_firmware_image(hdev);
	struct sloop_device *sdev = to_sloop(hdev);
	int ret;

	if (!sdev->rings)
		sdev->rings = dmam_alloc_coherent(hdev->dev, sizeof(*sdev->rings),
						  &sdev->rings_dma, GFP_KERNEL);
	if (!sdev->rings)
		return -ENOMEM;

	sdev->generation++;
	ret = sloop_enter_rom(hdev);
	if (ret)
		return ret;
	if (!image)
		return -ENOENT;
	ret = sloop_verify(hdev, image);
	if (!ret)
		ret = sloop_run(hdev);
	if (ret)
		return ret;

	sloop_announce(hdev, image);
	sloop_set_ready(sdev, true);

	return 0;
}

/**
 * sloop_stop - &halyard_chip_ops.stop
 * @hdev: the card
 */
void sloop_stop(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);

	if (sloop_reset_card(hdev))
		dev_err(hdev->dev, "card does not stop\n");
	cancel_work_sync(&sdev->faults);
}
