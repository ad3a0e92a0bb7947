// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues as user space has them, and the slots that they get: a scheduler per hardware queue, or
 * one for all where the device runs one job at a time, made once and living as long as any fence of
 * it, because fences point at their scheduler.
 */

#include <linux/capability.h>
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

/* ---- references ---- */

/* All jobs are over, and nobody can find the queue. May drop the last reference to the device. */
static void halyard_queue_release_work(struct work_struct *work)
{
	struct halyard_queue_core *q = container_of(work, struct halyard_queue_core, release_work);
	struct halyard_device *hdev = q->queue.hdev;
	struct halyard_sched *sched = hdev->core->sched;

	drm_sched_entity_fini(&q->entity);
	halyard_vm_put(q->queue.vm);
	kfree(q->queue.priv);
	kfree(q);

	if (atomic_dec_and_test(&sched->leaving))
		wake_up_all(&sched->left);
	drm_dev_put(&hdev->drm);
	module_put(THIS_MODULE);
}

static void halyard_queue_release(struct kref *ref)
{
	struct halyard_queue_core *q = container_of(ref, struct halyard_queue_core, refs);

	queue_work(halyard_release_wq, &q->release_work);
}

/**
 * halyard_queue_put - drop a reference to a queue
 * @queue: the queue
 *
 * In any context.
 */
void halyard_queue_put(struct halyard_queue *queue)
{
	kref_put(&to_queue_core(queue)->refs, halyard_queue_release);
}
EXPORT_SYMBOL_GPL(halyard_queue_put);

/**
 * halyard_queue_get_by_hw_id - find a queue by the chip's number for it
 * @hdev: the device
 * @hw_id: number
 *
 * For chips, in any context.
 *
 * Return: the queue, to be released with halyard_queue_put(), or NULL.
 */
struct halyard_queue *halyard_queue_get_by_hw_id(struct halyard_device *hdev, u32 hw_id)
{
	struct halyard_sched *sched = READ_ONCE(hdev->core->sched);
	struct halyard_queue_core *q;
	struct halyard_slot *slot;
	unsigned long flags;

	if (!sched || hw_id >= sched->num_slots)
		return NULL;

	slot = sched->slots[hw_id];
	spin_lock_irqsave(&slot->fence_lock, flags);
	q = slot->queue;
	if (q)
		kref_get(&q->refs);
	spin_unlock_irqrestore(&slot->fence_lock, flags);

	return q ? &q->queue : NULL;
}
EXPORT_SYMBOL_GPL(halyard_queue_get_by_hw_id);

/**
 * halyard_queue_get_by_id - find a queue by the id that user space has
 * @file: whose
 * @id: of QUEUE_CREATE
 *
 * Return: the queue, to be released with halyard_queue_put(), or NULL.
 */
struct halyard_queue_core *halyard_queue_get_by_id(struct halyard_file *file, u32 id)
{
	struct halyard_queue_core *q;

	mutex_lock(&file->lock);
	q = xa_load(&file->queues, id);
	if (q && !q->closed)
		kref_get(&q->refs);
	else
		q = NULL;
	mutex_unlock(&file->lock);

	return q;
}

/* ---- creation and destruction ---- */

/**
 * halyard_queue_mem_free - free what a queue shares with the device
 * @q: the queue, which the device does not know any more
 */
void halyard_queue_mem_free(struct halyard_queue_core *q)
{
	unsigned int i;

	for (i = HALYARD_MAX_QUEUE_MEM; i--; )
		if (q->queue.mem[i].vaddr)
			halyard_kmem_free(q->queue.vm, &q->queue.mem[i]);
}

static int halyard_queue_mem_alloc(struct halyard_queue_core *q)
{
	const struct halyard_queue_mem *want = q->queue.hdev->chip->queue_mem;
	unsigned int i;
	int ret;

	for (i = 0; i < HALYARD_MAX_QUEUE_MEM && want[i].size; i++) {
		ret = halyard_kmem_alloc(q->queue.vm, want[i].size, want[i].prot, &q->queue.mem[i]);
		if (ret) {
			halyard_queue_mem_free(q);
			return ret;
		}
	}

	return 0;
}

static struct halyard_queue_core *halyard_queue_alloc(struct halyard_device *hdev)
{
	struct halyard_queue_core *q;

	q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	if (!q)
		return NULL;

	q->queue.priv = kzalloc(hdev->chip->queue_priv_size, GFP_KERNEL_ACCOUNT);
	if (!q->queue.priv) {
		kfree(q);
		return NULL;
	}

	kref_init(&q->refs);
	INIT_DELAYED_WORK(&q->watchdog, halyard_watchdog);
	INIT_WORK(&q->release_work, halyard_queue_release_work);
	INIT_LIST_HEAD(&q->in_flight);
	q->fence_context = dma_fence_context_alloc(1);
	q->pid = task_pid_nr(current);
	get_task_comm(q->comm, current);
	q->queue.hdev = hdev;
	q->queue.core = q;

	return q;
}

/*
 * A slot of its own, an entity in the slot's scheduler, memory, and the chip's consent. The count
 * is the caller's.
 */
static int halyard_queue_setup(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	struct halyard_sched *sched = hdev->core->sched;
	/* Among queues of one scheduler; the device itself decides among others. */
	static const enum drm_sched_priority priorities[] = {
		[DRM_HALYARD_PRIORITY_LOW] = DRM_SCHED_PRIORITY_LOW,
		[DRM_HALYARD_PRIORITY_NORMAL] = DRM_SCHED_PRIORITY_NORMAL,
		[DRM_HALYARD_PRIORITY_HIGH] = DRM_SCHED_PRIORITY_HIGH,
		[DRM_HALYARD_PRIORITY_REALTIME] = DRM_SCHED_PRIORITY_KERNEL,
	};
	struct drm_gpu_scheduler *scheds[1];
	int ret, hw_id;

	hw_id = ida_alloc_max(&sched->slot_ids, sched->num_slots - 1, GFP_KERNEL);
	if (hw_id < 0)
		return hw_id;
	q->queue.hw_id = hw_id;
	q->slot = sched->slots[hw_id];

	scheds[0] = &q->slot->lead->sched;
	ret = drm_sched_entity_init(&q->entity, priorities[q->queue.priority], scheds, 1, NULL);
	if (ret)
		goto free_id;

	ret = halyard_queue_mem_alloc(q);
	if (ret)
		goto fini_entity;

	ret = halyard_queue_start(q);
	if (ret)
		goto free_mem;

	return 0;

free_mem:
	halyard_queue_mem_free(q);
fini_entity:
	drm_sched_entity_fini(&q->entity);
free_id:
	ida_free(&sched->slot_ids, hw_id);
	return ret;
}

/* Needs as many arguments as user space gives; they have been checked. */
static struct halyard_queue_core *
halyard_queue_create(struct halyard_file *file, const struct drm_halyard_queue_create *args,
		     u64 client_id)
{
	struct halyard_device *hdev = file->hdev;
	struct halyard_queue_core *q;
	int ret;

	q = halyard_queue_alloc(hdev);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->queue.engine_class = args->engine_class;
	q->queue.priority = args->priority;
	q->client_id = client_id;
	q->user = file->user;

	q->queue.vm = halyard_vm_get_by_id(file, args->vm_id);
	if (IS_ERR(q->queue.vm)) {
		ret = PTR_ERR(q->queue.vm);
		goto free_queue;
	}

	ret = halyard_resource_get(file, HALYARD_RES_QUEUE);
	if (ret)
		goto put_vm;

	/* As long as the user has this queue the number is his. */
	q->queue.share = q->user->share;

	ret = halyard_queue_setup(q);
	if (ret)
		goto put_resource;

	drm_dev_get(&hdev->drm);
	__module_get(THIS_MODULE);
	return q;

put_resource:
	halyard_resource_put(hdev, q->user, HALYARD_RES_QUEUE);
put_vm:
	halyard_vm_put(q->queue.vm);
free_queue:
	kfree(q->queue.priv);
	kfree(q);
	return ERR_PTR(ret);
}

/**
 * halyard_queue_create_own - make a queue of the core's own
 * @vm: address space; the caller's reference is taken over, unless it fails
 * @engine_class: index into &halyard_chip.classes
 *
 * Return: the queue, to be destroyed with halyard_queue_destroy(), or ERR_PTR().
 */
struct halyard_queue_core *halyard_queue_create_own(struct halyard_vm *vm, u32 engine_class)
{
	struct halyard_device *hdev = vm->hdev;
	struct halyard_queue_core *q;
	int ret;

	q = halyard_queue_alloc(hdev);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->own = true;
	q->queue.engine_class = engine_class;
	q->queue.priority = DRM_HALYARD_PRIORITY_NORMAL;
	q->queue.vm = vm;

	ret = halyard_queue_setup(q);
	if (ret) {
		kfree(q->queue.priv);
		kfree(q);
		return ERR_PTR(ret);
	}

	drm_dev_get(&hdev->drm);
	__module_get(THIS_MODULE);
	return q;
}

/**
 * halyard_queue_destroy - undo halyard_queue_create() or halyard_queue_create_own()
 * @q: the queue; the rest of it goes when its last job is over
 *
 * As halyard_queue_stop() about drm_dev_enter().
 */
void halyard_queue_destroy(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	struct halyard_sched *sched = hdev->core->sched;

	atomic_inc(&sched->leaving);
	halyard_queue_stop(q);
	halyard_queue_mem_free(q);
	ida_free(&sched->slot_ids, q->queue.hw_id);
	if (q->user)
		halyard_resource_put(hdev, q->user, HALYARD_RES_QUEUE);
	halyard_queue_put(&q->queue);
}

/* Device time until now, also of a job under way when the chip tells. */
static u64 halyard_queue_busy_ns(struct halyard_queue_core *q)
{
	u64 busy_ns;

	spin_lock_irq(&q->slot->fence_lock);
	halyard_queue_complete_locked(q, false);
	busy_ns = q->busy_ns;
	spin_unlock_irq(&q->slot->fence_lock);

	return busy_ns;
}

/* Takes a queue out of its file, together with its time, so that the file's total never shrinks. */
static void halyard_queue_detach(struct halyard_file *file, u32 id, struct halyard_queue_core *q)
{
	mutex_lock(&file->lock);
	xa_erase(&file->queues, id);
	file->engine_ns[q->queue.engine_class] += halyard_queue_busy_ns(q);
	mutex_unlock(&file->lock);
}

/**
 * halyard_queues_release - destroy the queues of a file
 * @file: closed; nobody else uses it
 *
 * Not between drm_dev_enter() and drm_dev_exit(): when the device is being unplugged, its end is
 * awaited.
 */
void halyard_queues_release(struct halyard_file *file)
{
	struct halyard_device *hdev = file->hdev;
	struct halyard_queue_core *q;
	unsigned long id;
	int idx;

	xa_for_each(&file->queues, id, q) {
		xa_erase(&file->queues, id);
		if (drm_dev_enter(&hdev->drm, &idx)) {
			halyard_queue_destroy(q);
			drm_dev_exit(idx);
		} else {
			wait_for_completion(&hdev->core->sched->unplugged);
			halyard_queue_destroy(q);
		}
	}
}

/* ---- ioctls ---- */

static int halyard_queue_create_check(struct halyard_device *hdev,
				      const struct drm_halyard_queue_create *args)
{
	if (args->engine_class >= hdev->chip->num_classes)
		return -EINVAL;
	if (args->priority > DRM_HALYARD_PRIORITY_REALTIME)
		return -EINVAL;
	if (!(hdev->chip->classes[args->engine_class].priorities & BIT(args->priority)))
		return -EOPNOTSUPP;
	if (args->priority >= DRM_HALYARD_PRIORITY_HIGH && !capable(CAP_SYS_NICE))
		return -EACCES;

	return 0;
}

/**
 * halyard_ioctl_queue_create - QUEUE_CREATE
 * @drm: the device
 * @data: struct drm_halyard_queue_create
 * @drm_file: of the caller
 *
 * Return: 0 or a negative error.
 */
int halyard_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	struct drm_halyard_queue_create *args = data;
	struct halyard_queue_core *q;
	int ret;
	u32 id;

	ret = halyard_queue_create_check(to_halyard_device(drm), args);
	if (ret)
		return ret;

	/* The id is reserved first, so that a queue once made can't fail to be found. */
	ret = xa_alloc(&file->queues, &id, NULL, xa_limit_31b, GFP_KERNEL);
	if (ret)
		return ret;

	ret = halyard_power_get(file->hdev);
	if (ret)
		goto erase_id;
	q = halyard_queue_create(file, args, drm_file->client_id);
	halyard_power_put(file->hdev);
	if (IS_ERR(q)) {
		ret = PTR_ERR(q);
		goto erase_id;
	}

	mutex_lock(&file->lock);
	xa_store(&file->queues, id, q, GFP_KERNEL);
	mutex_unlock(&file->lock);
	args->queue_id = id;

	return 0;

erase_id:
	xa_erase(&file->queues, id);
	return ret;
}

/**
 * halyard_ioctl_queue_destroy - QUEUE_DESTROY
 * @drm: the device
 * @data: struct drm_halyard_queue_destroy
 * @drm_file: of the caller
 *
 * Return: 0 or a negative error.
 */
int halyard_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	struct drm_halyard_queue_destroy *args = data;
	struct halyard_queue_core *q;

	mutex_lock(&file->lock);
	q = xa_load(&file->queues, args->queue_id);
	if (q && q->closed)
		q = NULL;
	if (q)
		q->closed = true;
	mutex_unlock(&file->lock);
	if (!q)
		return -ENOENT;

	/* Kept for its counters until they are the file's. */
	kref_get(&q->refs);
	halyard_queue_destroy(q);
	halyard_queue_detach(file, args->queue_id, q);
	halyard_queue_put(&q->queue);

	return 0;
}

/**
 * halyard_ioctl_queue_query - QUEUE_QUERY
 * @drm: the device
 * @data: struct drm_halyard_queue_query
 * @drm_file: of the caller
 *
 * Return: 0 or a negative error.
 */
int halyard_ioctl_queue_query(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct drm_halyard_queue_query *args = data;
	struct halyard_queue_core *q;

	q = halyard_queue_get_by_id(drm_file->driver_priv, args->queue_id);
	if (!q)
		return -ENOENT;

	*args = (struct drm_halyard_queue_query) { .queue_id = args->queue_id };
	spin_lock_irq(&q->slot->fence_lock);
	halyard_queue_complete_locked(q, false);
	args->state = q->state;
	args->submitted = READ_ONCE(q->submitted);
	args->completed = q->completed;
	args->failed = q->failed;
	args->busy_ns = q->busy_ns;
	if (q->state != DRM_HALYARD_QUEUE_ACTIVE) {
		args->fault_cause = q->fault.cause;
		args->fault_access = q->fault.write;
		args->fault_address = q->fault.address;
		args->fault_command = q->fault.command;
		args->fault_tag = q->fault.tag;
		args->fault_job = q->fault_seqno;
	}
	spin_unlock_irq(&q->slot->fence_lock);
	halyard_queue_put(&q->queue);

	return 0;
}

/* ---- telemetry ---- */

/**
 * halyard_file_engine_ns - device time spent for a file
 * @file: the file
 * @ns: per engine class, HALYARD_MAX_ENGINE_CLASSES entries
 */
void halyard_file_engine_ns(struct halyard_file *file, u64 *ns)
{
	struct halyard_queue_core *q;
	unsigned long id;

	mutex_lock(&file->lock);
	memcpy(ns, file->engine_ns, sizeof(file->engine_ns));
	xa_for_each(&file->queues, id, q)
		ns[q->queue.engine_class] += halyard_queue_busy_ns(q);
	mutex_unlock(&file->lock);
}

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
