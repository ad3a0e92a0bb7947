// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the driver's own that the device reaches through an address space: rings, status
 * blocks. It lies in a range that user space can't map, and jobs do not reach it.
 */

#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "core.h"

/**
 * struct halyard_kmem_node - what stands behind a &struct halyard_kmem
 * @mm: device addresses
 * @link: in &halyard_vm_core.kmems
 * @hdev: the device
 * @kmem: as the user of the memory knows it
 * @revoked: the memory itself is freed already
 * @quarantined: when the device may still use it
 */
struct halyard_kmem_node {
	struct drm_mm_node mm;
	struct list_head link;
	struct halyard_device *hdev;
	struct halyard_kmem kmem;
	bool revoked;
	struct halyard_quarantined quarantined;
};

static void halyard_kmem_revoke(struct halyard_kmem_node *node)
{
	if (!node->revoked)
		dma_free_coherent(node->hdev->dev, node->kmem.size, node->kmem.vaddr,
				  node->kmem.dma);
	node->revoked = true;
}

static void halyard_kmem_node_free(struct halyard_kmem_node *node)
{
	halyard_kmem_revoke(node);
	kfree(node);
}

static void halyard_kmem_release(struct halyard_quarantined *item)
{
	halyard_kmem_node_free(container_of(item, struct halyard_kmem_node, quarantined));
}

static struct halyard_kmem_node *halyard_kmem_node_alloc(struct halyard_device *hdev, size_t size)
{
	struct halyard_kmem_node *node;

	node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);
	if (!node)
		return NULL;
	node->hdev = hdev;
	node->kmem.size = size;
	node->kmem.vaddr = dma_alloc_coherent(hdev->dev, size, &node->kmem.dma,
					      GFP_KERNEL_ACCOUNT);
	if (!node->kmem.vaddr) {
		kfree(node);
		return NULL;
	}
	return node;
}

/* False when the device may still reach the memory. */
static bool halyard_kmem_unmap_locked(struct halyard_vm *vm, struct halyard_kmem_node *node)
{
	bool flushed = true;

	lockdep_assert_held(&vm->lock);

	if (!halyard_has_mmu(vm->hdev))
		return true;
	if (!vm->core->dead)
		flushed = !halyard_vm_clear(vm, node->kmem.va, node->kmem.size);
	drm_mm_remove_node(&node->mm);
	return flushed;
}

static int halyard_kmem_map_locked(struct halyard_vm *vm, struct halyard_kmem_node *node, u32 prot)
{
	const struct halyard_chip_ops *ops = vm->hdev->chip->ops;
	int ret;

	lockdep_assert_held(&vm->lock);

	if (vm->core->dead)
		return -ENODEV;
	if (!halyard_has_mmu(vm->hdev)) {
		node->kmem.va = node->kmem.dma;
		return 0;
	}
	ret = drm_mm_insert_node(&vm->core->kernel_mm, &node->mm, node->kmem.size);
	if (ret)
		return ret;
	node->kmem.va = node->mm.start;
	ret = ops->vm_prepare(vm, node->kmem.va, node->kmem.size);
	if (ret) {
		drm_mm_remove_node(&node->mm);
		return ret;
	}

	/* Nothing can fail after this point; as to the flush see halyard_vm_map_locked(). */
	ops->vm_map(vm, node->kmem.va, node->kmem.dma, node->kmem.size, prot);
	halyard_vm_flush(vm);
	return 0;
}

/**
 * halyard_kmem_alloc() - allocates memory for the driver and the device
 * @vm: address space in which the device finds it
 * @size: bytes; rounded up to pages
 * @prot: HALYARD_PROT_*; without HALYARD_PROT_USER jobs do not reach it
 * @kmem: out: zeroed, coherent memory
 *
 * Return: 0, -ENOMEM, -ENOSPC when there are no more device addresses, -ENODEV
 */
int halyard_kmem_alloc(struct halyard_vm *vm, size_t size, u32 prot, struct halyard_kmem *kmem)
{
	struct halyard_kmem_node *node;
	int ret;

	node = halyard_kmem_node_alloc(vm->hdev, PAGE_ALIGN(size));
	if (!node)
		return -ENOMEM;

	mutex_lock(&vm->lock);
	ret = halyard_kmem_map_locked(vm, node, prot);
	if (!ret)
		list_add_tail(&node->link, &vm->core->kmems);
	mutex_unlock(&vm->lock);
	if (ret) {
		halyard_kmem_node_free(node);
		return ret;
	}
	*kmem = node->kmem;
	return 0;
}
EXPORT_SYMBOL_GPL(halyard_kmem_alloc);

/**
 * halyard_kmem_free() - frees memory of halyard_kmem_alloc()
 * @vm: address space of the allocation
 * @kmem: the memory, or a zeroed struct, as which it is left
 *
 * When the device does not confirm that it does not use the memory any more, it is kept until the
 * device was reset.
 */
void halyard_kmem_free(struct halyard_vm *vm, struct halyard_kmem *kmem)
{
	struct halyard_kmem_node *node = NULL, *entry;
	bool flushed = true;

	if (!kmem->vaddr)
		return;

	mutex_lock(&vm->lock);
	list_for_each_entry(entry, &vm->core->kmems, link) {
		if (entry->kmem.vaddr == kmem->vaddr) {
			node = entry;
			list_del(&node->link);
			flushed = halyard_kmem_unmap_locked(vm, node);
			break;
		}
	}
	mutex_unlock(&vm->lock);

	*kmem = (struct halyard_kmem) {};
	if (drm_WARN_ON(&vm->hdev->drm, !node))
		return;
	if (flushed)
		halyard_kmem_node_free(node);
	else
		halyard_quarantine_add(vm->hdev, &node->quarantined, halyard_kmem_release);
}
EXPORT_SYMBOL_GPL(halyard_kmem_free);

/**
 * halyard_kmems_revoke() - frees the memory, but not what keeps track of it
 * @vm: address space of a device that was stopped and has no queues any more, locked
 *
 * A device without driver must not have DMA memory, but who allocated it may free it later.
 */
void halyard_kmems_revoke(struct halyard_vm *vm)
{
	struct halyard_kmem_node *node;

	lockdep_assert_held(&vm->lock);

	list_for_each_entry(node, &vm->core->kmems, link)
		halyard_kmem_revoke(node);
}
