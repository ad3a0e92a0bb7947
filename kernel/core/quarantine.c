// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that was taken from a device which did not confirm that it has stopped using it. It is
 * kept until the device was reset or stopped, because giving it to somebody else would let the
 * device write there.
 */

#include "core.h"

static void halyard_quarantine_release(struct list_head *items)
{
	struct halyard_quarantined *item, *next;

	list_for_each_entry_safe(item, next, items, link) {
		list_del(&item->link);
		item->release(item);
	}
}

static void halyard_quarantine_work(struct work_struct *work)
{
	struct halyard_core *core = container_of(work, struct halyard_core, quarantine_work);
	LIST_HEAD(items);
	int idx;

	/* Once it is unplugged, halyard_quarantine_drain() does it. */
	if (!drm_dev_enter(&core->hdev->drm, &idx))
		return;

	spin_lock(&core->quarantine_lock);
	list_splice_init(&core->released, &items);
	spin_unlock(&core->quarantine_lock);
	halyard_quarantine_release(&items);

	drm_dev_exit(idx);
}

void halyard_quarantine_init(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;

	spin_lock_init(&core->quarantine_lock);
	INIT_LIST_HEAD(&core->suspects);
	INIT_LIST_HEAD(&core->released);
	INIT_WORK(&core->quarantine_work, halyard_quarantine_work);
}

void halyard_quarantine_add(struct halyard_device *hdev, struct halyard_quarantined *item,
			    void (*release)(struct halyard_quarantined *item))
{
	struct halyard_core *core = hdev->core;
	bool quiet;

	item->release = release;
	spin_lock(&core->quarantine_lock);
	quiet = core->quiet;
	if (!quiet)
		list_add_tail(&item->link, &core->suspects);
	spin_unlock(&core->quarantine_lock);

	if (quiet)
		release(item);
}

void halyard_quarantine_after_reset(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	bool some;

	spin_lock(&core->quarantine_lock);
	list_splice_tail_init(&core->suspects, &core->released);
	some = !list_empty(&core->released);
	spin_unlock(&core->quarantine_lock);

	/*
	 * Not here: releasing takes locks under which others allocate memory, and recovery must not
	 * wait for memory.
	 */
	if (some)
		schedule_work(&core->quarantine_work);
}

void halyard_quarantine_drain(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	LIST_HEAD(items);

	spin_lock(&core->quarantine_lock);
	core->quiet = true;
	list_splice_init(&core->suspects, &items);
	list_splice_init(&core->released, &items);
	spin_unlock(&core->quarantine_lock);

	halyard_quarantine_release(&items);
}
