// SPDX-License-Identifier: GPL-2.0-only
/* Requests to the firmware and its answers, one at a time. */

#include "sloop.h"

/* An interrupt may get lost. */
#define SLOOP_ADMIN_LOOK_MS	20

/**
 * sloop_admin_start - begin anew, with empty rings
 * @hdev: the card, its firmware about to start
 */
void sloop_admin_start(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);

	mutex_lock(&sdev->admin_lock);
	sdev->admin_tail = 0;
	sdev->admin_head = 0;
	mutex_unlock(&sdev->admin_lock);
}

/* Takes the next answer out of the ring. */
static bool sloop_admin_take(struct halyard_device *hdev, struct slp_admin_response *response)
{
	struct sloop_device *sdev = to_sloop(hdev);
	const struct slp_admin_response *slot =
		&sdev->rings->responses[sdev->admin_head % SLOOP_ADMIN_ENTRIES];

	lockdep_assert_held(&sdev->admin_lock);

	if (READ_ONCE(slot->sequence) != sdev->admin_head + 1)
		return false;
	dma_rmb(); /* the rest of the answer was written before its sequence */
	*response = *slot;
	sdev->admin_head++;
	halyard_write(hdev, SLP_ADMIN_RESPONSE_HEAD, sdev->admin_head);

	return true;
}

/* Takes answers up to the one that carries @id. */
static bool sloop_admin_find(struct halyard_device *hdev, u32 id,
			     struct slp_admin_response *response)
{
	while (sloop_admin_take(hdev, response)) {
		if (response->id == id)
			return true;
		dev_warn_ratelimited(hdev->dev, "answer to request %u, for which nobody waits\n",
				     response->id);
	}

	return false;
}

/* What must end its command before the request can be answered. */
static bool sloop_admin_works(struct halyard_device *hdev, const struct slp_admin_request *request)
{
	int engine = -1;
	u32 status;

	if (request->op == SLP_ADMIN_QUEUE_DESTROY)
		engine = sloop_engine_of(hdev, request->target);
	else if (request->op == SLP_ADMIN_ENGINE_RESET)
		engine = request->target;
	if (engine < 0)
		return false;

	status = halyard_read(hdev, SLP_ENGINE(engine) + SLP_ENGINE_STATUS);

	return status != U32_MAX && status & SLP_ENGINE_STATUS_BUSY &&
	       !(status & SLP_ENGINE_STATUS_HUNG);
}

static int sloop_admin_await(struct halyard_device *hdev, const struct slp_admin_request *request,
			     struct slp_admin_response *response)
{
	struct sloop_device *sdev = to_sloop(hdev);
	unsigned int ms = 0, idle = 0;

	while (!sloop_admin_find(hdev, request->id, response)) {
		if (halyard_read(hdev, SLP_BOOT_STATE) != SLP_BOOT_STATE_RUNNING)
			return -ENODEV;
		if (idle >= SLOOP_ANSWER_MS || ms >= SLOOP_COMMAND_MS)
			return -ETIMEDOUT;
		wait_for_completion_timeout(&sdev->admin_answered,
					    msecs_to_jiffies(SLOOP_ADMIN_LOOK_MS));
		ms += SLOOP_ADMIN_LOOK_MS;
		idle = sloop_admin_works(hdev, request) ? 0 : idle + SLOOP_ADMIN_LOOK_MS;
	}

	return 0;
}

static int sloop_admin_ask(struct halyard_device *hdev, struct slp_admin_request *request,
			   struct slp_admin_response *response)
{
	struct sloop_device *sdev = to_sloop(hdev);
	u32 tail = sdev->admin_tail;

	lockdep_assert_held(&sdev->admin_lock);

	if (!sdev->ready)
		return -ENODEV;
	/* Requests that were never answered keep their places. */
	if (tail - sdev->admin_head >= SLOOP_ADMIN_ENTRIES)
		return -ETIMEDOUT;

	request->id = ++sdev->admin_id;
	reinit_completion(&sdev->admin_answered);
	sdev->rings->requests[tail % SLOOP_ADMIN_ENTRIES] = *request;
	sdev->admin_tail++;
	/* The entry is in memory before the card learns of it: halyard_write() is ordered. */
	halyard_write(hdev, SLP_ADMIN_REQUEST_TAIL, sdev->admin_tail);

	return sloop_admin_await(hdev, request, response);
}

/**
 * sloop_admin - have the firmware do something
 * @hdev: the card
 * @request: what; its id is filled in
 * @size: in: bytes of the request's buffer; out: bytes that the firmware wrote to it; or NULL
 *
 * Return: 0, -ETIMEDOUT, -ENODEV when the firmware does not run, -EIO when it refuses, -EPROTO when
 * the answer makes no sense.
 */
int sloop_admin(struct halyard_device *hdev, struct slp_admin_request *request, u32 *size)
{
	struct sloop_device *sdev = to_sloop(hdev);
	struct slp_admin_response response = {};
	int ret;

	mutex_lock(&sdev->admin_lock);
	ret = sloop_admin_ask(hdev, request, &response);
	mutex_unlock(&sdev->admin_lock);

	if (!ret && response.status != SLP_ADMIN_OK)
		ret = -EIO;
	if (!ret && response.size > (size ? *size : 0))
		ret = -EPROTO;
	if (ret)
		dev_notice_ratelimited(hdev->dev, "request %u of %u failed: %d, status %u\n",
				       request->op, request->target, ret, response.status);
	else if (size)
		*size = response.size;

	return ret;
}

/**
 * sloop_admin_target - have the firmware do something that needs no more than a number
 * @hdev: the card
 * @op: what
 * @target: with which context, queue or engine
 *
 * Return: as sloop_admin().
 */
int sloop_admin_target(struct halyard_device *hdev, enum slp_admin_op op, u32 target)
{
	struct slp_admin_request request = { .op = op, .target = target };

	return sloop_admin(hdev, &request, NULL);
}
