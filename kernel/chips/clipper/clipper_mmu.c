// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces: four levels of page tables in host memory, pages of 4 KiB and 2 MiB.
 *
 * A table is linked to its parent in hardware exactly while it has a live entry. One that has none
 * is on &clipper_vm.empty: either vm_prepare made it and vm_map will fill it, or vm_unmap emptied
 * it. vm_flush frees those that are empty then, because after it the card can't be in the midst of
 * reading them. So what vm_prepare made is good until the next vm_flush, nothing has to be undone
 * when a bind fails halfway, and page tables never outgrow what is mapped.
 */

#include <linux/dma-mapping.h>

#include "clipper.h"

#define CLIPPER_ROOT_LEVEL	(CLP_PT_LEVELS - 1)
#define CLIPPER_LARGE_LEVEL	1
#define CLIPPER_PT_SIZE		(CLP_PT_ENTRIES * sizeof(__le64))

static u64 clipper_pt_entry_size(unsigned int level)
{
	return BIT_ULL(CLP_PAGE_SHIFT + level * ilog2(CLP_PT_ENTRIES));
}

static unsigned int clipper_pt_index(unsigned int level, u64 va)
{
	return (va >> (CLP_PAGE_SHIFT + level * ilog2(CLP_PT_ENTRIES))) % CLP_PT_ENTRIES;
}

static struct clipper_pt *clipper_pt_create(struct halyard_device *hdev, unsigned int level)
{
	unsigned int children = level ? CLP_PT_ENTRIES : 0;
	struct clipper_pt *pt;

	/* Charged to the client, whose mappings they serve. */
	pt = kzalloc(struct_size(pt, children, children), GFP_KERNEL_ACCOUNT);
	if (!pt)
		return NULL;

	pt->entries = (__le64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!pt->entries)
		goto err_free;

	pt->dma = dma_map_single(hdev->dev, pt->entries, CLIPPER_PT_SIZE, DMA_TO_DEVICE);
	if (dma_mapping_error(hdev->dev, pt->dma))
		goto err_free_page;

	INIT_LIST_HEAD(&pt->link);
	pt->level = level;

	return pt;

err_free_page:
	free_page((unsigned long)pt->entries);
err_free:
	kfree(pt);
	return NULL;
}

static void clipper_pt_destroy(struct halyard_device *hdev, struct clipper_pt *pt)
{
	list_del(&pt->link);
	if (pt->parent)
		pt->parent->children[pt->index] = NULL;
	dma_unmap_single(hdev->dev, pt->dma, CLIPPER_PT_SIZE, DMA_TO_DEVICE);
	free_page((unsigned long)pt->entries);
	kfree(pt);
}

/* Frees a table and all below it. Its depth, and so the recursion's, is CLP_PT_LEVELS. */
static void clipper_pt_destroy_tree(struct halyard_device *hdev, struct clipper_pt *pt)
{
	unsigned int i;

	for (i = 0; pt->level && i < CLP_PT_ENTRIES; i++)
		if (pt->children[i])
			clipper_pt_destroy_tree(hdev, pt->children[i]);
	clipper_pt_destroy(hdev, pt);
}

/* Tells the CPU's caches and the card of @count entries from @index. */
static void clipper_pt_sync(struct halyard_device *hdev, struct clipper_pt *pt, unsigned int index,
			    unsigned int count)
{
	dma_sync_single_for_device(hdev->dev, pt->dma + index * sizeof(__le64),
				   count * sizeof(__le64), DMA_TO_DEVICE);
	dma_wmb(); /* a table is whole before anything points to it */
}

/*
 * Writes @count entries from @index: @entry, and each next one @step more; all live or all zero.
 * A store each, as the card may be reading.
 */
static void clipper_pt_write(struct halyard_vm *vm, struct clipper_pt *pt, unsigned int index,
			     unsigned int count, u64 entry, u64 step)
{
	struct clipper_vm *cvm = vm->priv;
	u16 before = pt->live;
	unsigned int i;

	lockdep_assert_held(&vm->lock);

	for (i = index; i < index + count; i++, entry += step) {
		pt->live += !!entry - !!pt->entries[i];
		WRITE_ONCE(pt->entries[i], cpu_to_le64(entry));
	}
	clipper_pt_sync(vm->hdev, pt, index, count);

	if (!pt->parent || !before == !pt->live)
		return;
	if (pt->live)
		list_del_init(&pt->link);
	else
		list_add(&pt->link, &cvm->empty[pt->level]);
}

/* Links a table that has become live to its parent, and so on upwards. */
static void clipper_pt_attach(struct halyard_vm *vm, struct clipper_pt *pt)
{
	for (; pt->parent && !pt->parent->entries[pt->index]; pt = pt->parent)
		clipper_pt_write(vm, pt->parent, pt->index, 1, pt->dma | CLP_PTE_VALID, 0);
}

/* Takes a table that has become empty from its parent, and so on upwards. */
static void clipper_pt_detach(struct halyard_vm *vm, struct clipper_pt *pt)
{
	for (; pt->parent && !pt->live; pt = pt->parent)
		clipper_pt_write(vm, pt->parent, pt->index, 1, 0, 0);
}

/* The table of @level for @va, or the lowest above it that there is. */
static struct clipper_pt *clipper_pt_find(struct clipper_vm *cvm, u64 va, unsigned int level)
{
	struct clipper_pt *pt = cvm->root;

	while (pt->level > level) {
		struct clipper_pt *child = pt->children[clipper_pt_index(pt->level, va)];

		if (!child)
			break;
		pt = child;
	}

	return pt;
}

static bool clipper_pt_is_large(struct clipper_pt *pt, unsigned int index)
{
	return pt->level == CLIPPER_LARGE_LEVEL &&
	       le64_to_cpu(pt->entries[index]) & CLP_PTE_LARGE;
}

/* Bytes from @va to the end of what one table of @level spans, at most @size. */
static u64 clipper_pt_span(unsigned int level, u64 va, u64 size)
{
	u64 span = clipper_pt_entry_size(level + 1);

	return min(size, span - (va & (span - 1)));
}

/**
 * clipper_vm_init - &halyard_chip_ops.vm_init
 * @vm: new, or one that outlived a reset of the card and has its tables still
 *
 * The context is loaded when a queue needs it.
 *
 * Return: 0, or -ENOMEM.
 */
int clipper_vm_init(struct halyard_vm *vm)
{
	struct clipper_vm *cvm = vm->priv;
	unsigned int i;

	if (cvm->root)
		return 0;

	for (i = 0; i < ARRAY_SIZE(cvm->empty); i++)
		INIT_LIST_HEAD(&cvm->empty[i]);
	cvm->root = clipper_pt_create(vm->hdev, CLIPPER_ROOT_LEVEL);

	return cvm->root ? 0 : -ENOMEM;
}

/**
 * clipper_vm_load - make the card know an address space
 * @vm: address space; loaded at most once after each start of the card
 */
void clipper_vm_load(struct halyard_vm *vm)
{
	struct clipper_device *cdev = to_clipper(vm->hdev);
	struct clipper_vm *cvm = vm->priv;
	u32 base = CLP_CTX(vm->hw_id);

	if (cvm->generation == cdev->generation)
		return;

	halyard_write64(vm->hdev, base + CLP_CTX_PGD_LO, cvm->root->dma);
	halyard_write(vm->hdev, base + CLP_CTX_CONTROL, CLP_CTX_CONTROL_ENABLE);
	cvm->generation = cdev->generation;
}

/*
 * 0 also when there is nothing to flush: the card has not loaded the context, or is unplugged and
 * reaches no memory.
 */
static int clipper_tlb_flush(struct halyard_vm *vm)
{
	struct clipper_device *cdev = to_clipper(vm->hdev);
	struct clipper_vm *cvm = vm->priv;
	int ret = -ETIMEDOUT;
	int idx;

	if (cvm->generation != cdev->generation || !drm_dev_enter(&vm->hdev->drm, &idx))
		return 0;

	/* If not, a reset has failed: what the card does is not known. */
	if (cdev->ready) {
		halyard_write(vm->hdev, CLP_TLB_FLUSH, vm->hw_id);
		ret = clipper_await(vm->hdev, CLP_TLB_STATUS, CLP_TLB_STATUS_BUSY, 0, CLP_NO_QUEUE);
	}
	drm_dev_exit(idx);

	return ret ? -ETIMEDOUT : 0;
}

/* Disables the context: the card reads its tables no more when 0 is returned. */
static int clipper_vm_unload(struct halyard_vm *vm)
{
	struct clipper_device *cdev = to_clipper(vm->hdev);
	struct clipper_vm *cvm = vm->priv;
	int idx;

	if (cvm->generation != cdev->generation || !drm_dev_enter(&vm->hdev->drm, &idx))
		return 0;

	if (cdev->ready)
		halyard_write(vm->hdev, CLP_CTX(vm->hw_id) + CLP_CTX_CONTROL, 0);
	drm_dev_exit(idx);

	return clipper_tlb_flush(vm);
}

/**
 * clipper_vm_fini - &halyard_chip_ops.vm_fini
 * @vm: address space
 */
void clipper_vm_fini(struct halyard_vm *vm)
{
	struct clipper_device *cdev = to_clipper(vm->hdev);
	struct clipper_vm *cvm = vm->priv;

	if (!clipper_vm_unload(vm)) {
		clipper_pt_destroy_tree(vm->hdev, cvm->root);
	} else {
		list_add(&cvm->root->link, &cdev->orphans);
		halyard_device_fault(vm->hdev, "TLB flush timed out");
	}
	cvm->root = NULL;
}

/**
 * clipper_mmu_release_orphans - free page tables that the card held on to
 * @hdev: the card, just reset or unplugged
 */
void clipper_mmu_release_orphans(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	struct clipper_pt *root, *next;

	list_for_each_entry_safe(root, next, &cdev->orphans, link)
		clipper_pt_destroy_tree(hdev, root);
}

/**
 * clipper_vm_prepare - &halyard_chip_ops.vm_prepare
 * @vm: address space
 * @va: start of the range
 * @size: of the range
 *
 * Tables of all levels: a large page that is unmapped in part needs the lowest, too.
 *
 * Return: 0, or -ENOMEM.
 */
int clipper_vm_prepare(struct halyard_vm *vm, u64 va, u64 size)
{
	struct clipper_vm *cvm = vm->priv;
	u64 step;

	lockdep_assert_held(&vm->lock);

	for (; size; va += step, size -= step) {
		struct clipper_pt *pt = clipper_pt_find(cvm, va, 0);

		while (pt->level) {
			struct clipper_pt *child = clipper_pt_create(vm->hdev, pt->level - 1);

			if (!child)
				return -ENOMEM;
			child->parent = pt;
			child->index = clipper_pt_index(pt->level, va);
			pt->children[child->index] = child;
			list_add(&child->link, &cvm->empty[child->level]);
			pt = child;
		}
		step = clipper_pt_span(0, va, size);
	}

	return 0;
}

/**
 * clipper_vm_map - &halyard_chip_ops.vm_map
 * @vm: address space
 * @va: start of the range, which is prepared and not mapped
 * @dma: bus address of the first byte
 * @size: of the range
 * @prot: HALYARD_PROT_*
 */
void clipper_vm_map(struct halyard_vm *vm, u64 va, dma_addr_t dma, u64 size, u32 prot)
{
	u64 flags = CLP_PTE_VALID | (prot & HALYARD_PROT_WRITE ? CLP_PTE_WRITE : 0) |
		    (prot & HALYARD_PROT_USER ? CLP_PTE_USER : 0);
	const u64 large = clipper_pt_entry_size(CLIPPER_LARGE_LEVEL);
	struct clipper_vm *cvm = vm->priv;
	u64 step;

	for (; size; va += step, dma += step, size -= step) {
		bool is_large = IS_ALIGNED(va | dma, large) && size >= large;
		unsigned int level = is_large ? CLIPPER_LARGE_LEVEL : 0;
		struct clipper_pt *pt = clipper_pt_find(cvm, va, level);

		step = is_large ? large : clipper_pt_span(0, va, size);
		if (WARN_ON_ONCE(pt->level != level))
			return;
		if (is_large)
			clipper_pt_write(vm, pt, clipper_pt_index(level, va), 1,
					 dma | flags | CLP_PTE_LARGE, 0);
		else
			clipper_pt_write(vm, pt, clipper_pt_index(0, va), step >> CLP_PAGE_SHIFT,
					 dma | flags, BIT_ULL(CLP_PAGE_SHIFT));
		clipper_pt_attach(vm, pt);
	}
}

/* Replaces a large page by a table of small ones. The card sees either, never a gap. */
static struct clipper_pt *clipper_pt_split(struct halyard_vm *vm, struct clipper_pt *pt,
					   unsigned int index)
{
	struct clipper_pt *child = pt->children[index];
	u64 leaf = le64_to_cpu(pt->entries[index]) & ~CLP_PTE_LARGE;

	if (WARN_ON_ONCE(!child))
		return NULL;

	clipper_pt_write(vm, child, 0, CLP_PT_ENTRIES, leaf, BIT_ULL(CLP_PAGE_SHIFT));
	clipper_pt_write(vm, pt, index, 1, child->dma | CLP_PTE_VALID, 0);

	return child;
}

/**
 * clipper_vm_unmap - &halyard_chip_ops.vm_unmap
 * @vm: address space
 * @va: start of the range
 * @size: of the range
 */
void clipper_vm_unmap(struct halyard_vm *vm, u64 va, u64 size)
{
	const u64 large = clipper_pt_entry_size(CLIPPER_LARGE_LEVEL);
	struct clipper_vm *cvm = vm->priv;
	u64 step;

	for (; size; va += step, size -= step) {
		struct clipper_pt *pt = clipper_pt_find(cvm, va, CLIPPER_LARGE_LEVEL);
		unsigned int index = clipper_pt_index(pt->level, va);

		/* To the end of this entry; above the level of large pages it is empty. */
		step = clipper_pt_span(pt->level - 1, va, size);
		if (pt->level > CLIPPER_LARGE_LEVEL || !pt->entries[index])
			continue;

		if (clipper_pt_is_large(pt, index) && step == large) {
			clipper_pt_write(vm, pt, index, 1, 0, 0);
		} else {
			pt = clipper_pt_is_large(pt, index) ? clipper_pt_split(vm, pt, index) :
							      pt->children[index];
			if (!pt)
				return;
			clipper_pt_write(vm, pt, clipper_pt_index(0, va), step >> CLP_PAGE_SHIFT,
					 0, 0);
		}
		clipper_pt_detach(vm, pt);
	}
}

/**
 * clipper_vm_flush - &halyard_chip_ops.vm_flush
 * @vm: address space
 *
 * Return: 0, or -ETIMEDOUT.
 */
int clipper_vm_flush(struct halyard_vm *vm)
{
	struct clipper_vm *cvm = vm->priv;
	struct clipper_pt *pt, *next;
	unsigned int level;
	int ret;

	lockdep_assert_held(&vm->lock);

	ret = clipper_tlb_flush(vm);
	if (ret)
		return ret;

	/* From the bottom, as what is below an empty table is empty, too. */
	for (level = 0; level < ARRAY_SIZE(cvm->empty); level++)
		list_for_each_entry_safe(pt, next, &cvm->empty[level], link)
			clipper_pt_destroy(vm->hdev, pt);

	return 0;
}

/**
 * clipper_mmu_dump - add to a snapshot the entries that lead to an address
 * @vm: address space
 * @address: the address
 * @dump: to be added to
 */
void clipper_mmu_dump(struct halyard_vm *vm, u64 address, struct halyard_dump *dump)
{
	struct clipper_vm *cvm = vm->priv;
	struct clipper_pt *pt = cvm->root;
	unsigned int index;

	lockdep_assert_held(&vm->lock);

	halyard_dump_section(dump, "page walk");
	halyard_dump_value(dump, address, "address");
	while (pt) {
		index = clipper_pt_index(pt->level, address);
		halyard_dump_value(dump, le64_to_cpu(pt->entries[index]), "level %u entry %u",
				   pt->level, index);
		if (!pt->level || !pt->entries[index] || clipper_pt_is_large(pt, index))
			break;
		pt = pt->children[index];
	}
}
