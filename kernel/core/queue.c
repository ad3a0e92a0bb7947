// SPDX-License-Identifier: GPL-2.0-only
/* Queues as user space has them: their life, and what it may ask of them. */

#include <linux/capability.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "queue.h"

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
