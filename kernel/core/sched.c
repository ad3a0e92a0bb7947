// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job side of a device, and its slots: a scheduler per hardware queue, or one for all where the
 * device runs one job at a time, made once and living as long as any fence of it, because fences
 * point at their scheduler.
 */

#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "queue.h"

/* How long halyard_sched_flush() waits for queues on their way out. */
#define HALYARD_FLUSH_MS	1000

/* Of the module and not of a device: what runs here may drop the last reference to a device. */
struct workqueue_struct *halyard_release_wq;

/**
 * halyard_jobs_init - what the job side needs once
 *
 * Return: 0 or -ENOMEM.
 */
int halyard_jobs_init(void)
{
	halyard_release_wq = alloc_workqueue("halyard-release", WQ_UNBOUND, 0);

	return halyard_release_wq ? 0 : -ENOMEM;
}

/**
 * halyard_jobs_exit - undo halyard_jobs_init()
 *
 * Queues and fences hold the module, so only the last instructions of their release can be under
 * way.
 */
void halyard_jobs_exit(void)
{
	destroy_workqueue(halyard_release_wq);
	rcu_barrier();
}

/* ---- slots ---- */

static void halyard_slot_release(struct kref *ref)
{
	struct halyard_slot *slot = container_of(ref, struct halyard_slot, refs);

	if (!halyard_slot_leads(slot))
		halyard_slot_put(slot->lead);
	kfree_rcu(slot, rcu);
}

/**
 * halyard_slot_put - drop a reference to a slot
 * @slot: the slot
 *
 * In any context.
 */
void halyard_slot_put(struct halyard_slot *slot)
{
	kref_put(&slot->refs, halyard_slot_release);
}

static struct halyard_slot *halyard_slot_create(struct halyard_sched *sched, u32 hw_id)
{
	struct halyard_device *hdev = sched->hdev;
	/* Of queues that take turns, the first job of each is to ask for its turn. */
	u32 credits = hdev->limits.one_job ? hdev->limits.queues : hdev->limits.queue_depth;
	struct halyard_slot *slot;
	int ret = 0;

	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return ERR_PTR(-ENOMEM);

	kref_init(&slot->refs);
	mutex_init(&slot->run_lock);
	spin_lock_init(&slot->fence_lock);
	snprintf(slot->name, sizeof(slot->name), "%s-q%u", dev_name(hdev->dev), hw_id);

	slot->lead = hdev->limits.one_job && hw_id ? sched->slots[0] : slot;
	if (halyard_slot_leads(slot))
		ret = halyard_compat_sched_init(&slot->sched, &halyard_sched_ops, sched->submit_wq,
						credits, slot->name, hdev->dev);
	else
		kref_get(&slot->lead->refs);
	if (ret) {
		kfree(slot);
		return ERR_PTR(ret);
	}

	return slot;
}

static void halyard_slots_destroy(struct halyard_sched *sched, u32 num)
{
	while (num--) {
		if (halyard_slot_leads(sched->slots[num]))
			drm_sched_fini(&sched->slots[num]->sched);
		halyard_slot_put(sched->slots[num]);
	}
}

static int halyard_slots_create(struct halyard_sched *sched)
{
	u32 i;

	for (i = 0; i < sched->num_slots; i++) {
		struct halyard_slot *slot = halyard_slot_create(sched, i);

		if (IS_ERR(slot)) {
			halyard_slots_destroy(sched, i);
			return PTR_ERR(slot);
		}
		sched->slots[i] = slot;
	}

	return 0;
}

/* ---- the device ---- */

/**
 * halyard_sched_init - make the job side of a device
 * @hdev: the device, its limits known
 *
 * Return: 0 or a negative error.
 */
int halyard_sched_init(struct halyard_device *hdev)
{
	struct halyard_sched *sched;
	int ret = -ENOMEM;

	sched = kzalloc(struct_size(sched, slots, hdev->limits.queues), GFP_KERNEL);
	if (!sched)
		return -ENOMEM;

	sched->hdev = hdev;
	sched->num_slots = hdev->limits.queues;
	sched->job_limit_ms = HALYARD_JOB_LIMIT_MS;
	sched->timeout_ms = hdev->chip->timeout_ms;
	INIT_WORK(&sched->device_work, halyard_device_work);
	INIT_WORK(&sched->lost_work, halyard_lost_work);
	INIT_DELAYED_WORK(&sched->thaw_work, halyard_thaw_work);
	init_waitqueue_head(&sched->thawed);
	init_completion(&sched->unplugged);
	init_waitqueue_head(&sched->left);
	ida_init(&sched->slot_ids);

	/* Both are in the way of fences, for which reclaim may wait. */
	sched->submit_wq = alloc_workqueue("halyard-submit", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!sched->submit_wq)
		goto free_sched;
	sched->recovery_wq = alloc_ordered_workqueue("halyard-recovery", WQ_MEM_RECLAIM);
	if (!sched->recovery_wq)
		goto destroy_submit_wq;

	ret = halyard_turns_init(&sched->turns, hdev->limits.queues + 1);
	if (ret)
		goto destroy_recovery_wq;
	ret = halyard_slots_create(sched);
	if (ret)
		goto fini_turns;

	WRITE_ONCE(hdev->core->sched, sched);
	return 0;

fini_turns:
	halyard_turns_fini(&sched->turns);
destroy_recovery_wq:
	destroy_workqueue(sched->recovery_wq);
destroy_submit_wq:
	destroy_workqueue(sched->submit_wq);
free_sched:
	kfree(sched);
	return ret;
}

/**
 * halyard_sched_fini - undo halyard_sched_init()
 * @hdev: the device, without queues, which hold it
 */
void halyard_sched_fini(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;

	cancel_delayed_work_sync(&sched->thaw_work);
	destroy_workqueue(sched->recovery_wq);
	halyard_slots_destroy(sched, sched->num_slots);
	destroy_workqueue(sched->submit_wq);
	halyard_turns_fini(&sched->turns);
	ida_destroy(&sched->slot_ids);
	WRITE_ONCE(hdev->core->sched, NULL);
	kfree(sched);
}

/**
 * halyard_sched_flush - wait for queues that are on their way out
 * @hdev: the device
 *
 * Not for long: a job of such a queue may be waiting for somebody else's fence.
 */
void halyard_sched_flush(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;

	wait_event_timeout(sched->left, !atomic_read(&sched->leaving),
			   msecs_to_jiffies(HALYARD_FLUSH_MS));
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_sched_flush);

static void halyard_slot_show(struct halyard_device *hdev, struct halyard_slot *slot,
			      struct seq_file *m)
{
	static const char *const states[] = {
		[DRM_HALYARD_QUEUE_ACTIVE] = "active",
		[DRM_HALYARD_QUEUE_BANNED] = "banned",
		[DRM_HALYARD_QUEUE_LOST] = "lost",
	};
	struct halyard_queue_core *q;

	spin_lock_irq(&slot->fence_lock);
	q = slot->queue;
	if (q)
		seq_printf(m, "%5u %-8s %4u %4u %-6s %10llu %10llu %10llu %10zu %14llu %7d %s\n",
			   q->queue.hw_id, hdev->chip->classes[q->queue.engine_class].name,
			   q->queue.priority, q->queue.vm->hw_id, states[q->state],
			   READ_ONCE(q->submitted), q->completed, q->failed,
			   list_count_nodes(&q->in_flight), q->busy_ns, q->pid, q->comm);
	spin_unlock_irq(&slot->fence_lock);
}

/**
 * halyard_sched_debugfs - show queues and counters
 * @hdev: the device
 * @m: where
 */
void halyard_sched_debugfs(struct halyard_device *hdev, struct seq_file *m)
{
	struct halyard_sched *sched = hdev->core->sched;
	u32 i;

	seq_printf(m, "resets: queue %lld, engine %lld, device %lld, function %lld\n",
		   atomic64_read(&sched->resets[HALYARD_RESET_QUEUE]),
		   atomic64_read(&sched->resets[HALYARD_RESET_ENGINE]),
		   atomic64_read(&sched->resets[HALYARD_RESET_DEVICE]),
		   atomic64_read(&sched->resets[HALYARD_RESET_FUNCTION]));
	seq_printf(m, "lost interrupts: %lld\n", atomic64_read(&sched->lost_interrupts));
	seq_puts(m, "queue class    prio   vm state   submitted  completed     failed  in-flight        busy-ns     pid process\n");
	for (i = 0; i < sched->num_slots; i++)
		halyard_slot_show(hdev, sched->slots[i], m);
}
