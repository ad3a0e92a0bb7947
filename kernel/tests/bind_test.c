// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arithmetic of address spaces: what is mapped where after maps and unmaps, split and
 * refused.
 */

#include <linux/dma-resv.h>
#include <linux/prandom.h>

#include <drm/drm_gem.h>

#include "../core/queue.h"
#include "mock.h"

#define BO_PAGES	16
/* All of the BO is mapped here, so that one can tell which page is found elsewhere. */
#define REFERENCE	0x40000000ULL
/* Where tests map, by pages. */
#define WINDOW		0x80000000ULL
#define WINDOW_PAGES	64
#define HOLE		-1

/* An address space, with hardware number 0, and a BO. */
struct bind_fixture {
	struct mock *mock;
	u32 vm;
	u32 bo;
	u32 done;
};

static int bind_call(struct mock *mock, struct drm_halyard_vm_bind *args)
{
	return mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_VM_BIND, args);
}

static int bind_ops(struct bind_fixture *fix, const struct drm_halyard_bind_op *ops, u32 count)
{
	struct mock *mock = fix->mock;
	size_t used = mock->used;
	struct drm_halyard_vm_bind args = {
		.vm_id = fix->vm,
		.ops = {
			.stride = sizeof(*ops),
			.count = count,
			.array = mock_user(mock, ops, count * sizeof(*ops)),
		},
		.done = 77,
	};
	int ret = bind_call(mock, &args);

	fix->done = args.done;
	mock->used = used;

	return ret;
}

static struct drm_halyard_bind_op bind_map_op(struct bind_fixture *fix, u64 va, u64 page, u64 pages)
{
	return (struct drm_halyard_bind_op) {
		.type = DRM_HALYARD_BIND_MAP,
		.handle = fix->bo,
		.bo_offset = page * PAGE_SIZE,
		.va = va,
		.size = pages * PAGE_SIZE,
	};
}

static struct drm_halyard_bind_op bind_unmap_op(u64 va, u64 pages)
{
	return (struct drm_halyard_bind_op) {
		.type = DRM_HALYARD_BIND_UNMAP,
		.va = va,
		.size = pages * PAGE_SIZE,
	};
}

static u64 bind_va(u64 page)
{
	return WINDOW + page * PAGE_SIZE;
}

/* Map pages of the BO at a place in the window; unmap some of the window. */
static int bind_map(struct bind_fixture *fix, u64 at, u64 page, u64 pages)
{
	struct drm_halyard_bind_op op = bind_map_op(fix, bind_va(at), page, pages);

	return bind_ops(fix, &op, 1);
}

static int bind_unmap(struct bind_fixture *fix, u64 at, u64 pages)
{
	struct drm_halyard_bind_op op = bind_unmap_op(bind_va(at), pages);

	return bind_ops(fix, &op, 1);
}

static struct bind_fixture *bind_fixture(struct kunit *test)
{
	struct bind_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct drm_halyard_bind_op op;
	struct mock *mock = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->mock = mock;
	fix->vm = mock_vm_create(mock, mock->file);
	fix->bo = mock_bo_create(mock, mock->file, BO_PAGES * PAGE_SIZE);
	op = bind_map_op(fix, REFERENCE, 0, BO_PAGES);
	KUNIT_ASSERT_EQ(test, bind_ops(fix, &op, 1), 0);

	return fix;
}

static unsigned long bind_entry(struct bind_fixture *fix, u64 va)
{
	void *entry = xa_load(&fix->mock->dev->vms[0]->pages, va >> PAGE_SHIFT);

	return entry ? xa_to_value(entry) : 0;
}

/* Which page of the BO is at a place in the window, or HOLE. */
static int bind_page_at(struct bind_fixture *fix, u64 at)
{
	unsigned long entry = bind_entry(fix, bind_va(at));
	int page;

	for (page = 0; entry && page < BO_PAGES; page++)
		if (entry == bind_entry(fix, REFERENCE + page * PAGE_SIZE))
			return page;

	return entry ? BO_PAGES : HOLE;
}

/* What is expected of the window's beginning; behind it there are holes. */
static void bind_expect(struct kunit *test, struct bind_fixture *fix, const int *pages, u32 count)
{
	u32 at;

	for (at = 0; at < WINDOW_PAGES; at++)
		KUNIT_EXPECT_EQ_MSG(test, bind_page_at(fix, at), at < count ? pages[at] : HOLE,
				    "at page %u", at);
}

#define BIND_EXPECT(test, fix, ...) do {					\
	static const int expected[] = { __VA_ARGS__ };				\
	bind_expect(test, fix, expected, ARRAY_SIZE(expected));			\
} while (0)

static void bind_maps(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);

	KUNIT_EXPECT_EQ(test, bind_map(fix, 1, 3, 2), 0);
	KUNIT_EXPECT_EQ(test, fix->done, 1U);
	BIND_EXPECT(test, fix, HOLE, 3, 4);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 1, 2), 0);
	BIND_EXPECT(test, fix, HOLE);
}

static void bind_protects(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct drm_halyard_bind_op op = bind_map_op(fix, WINDOW, 0, 1);

	op.flags = DRM_HALYARD_BIND_READONLY;
	KUNIT_EXPECT_EQ(test, bind_ops(fix, &op, 1), 0);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 1, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, bind_entry(fix, bind_va(0)) & 7, HALYARD_PROT_USER);
	KUNIT_EXPECT_EQ(test, bind_entry(fix, bind_va(1)) & 7,
			HALYARD_PROT_USER | HALYARD_PROT_WRITE);

	/* What remains of a mapping is as it was. */
	op.va = bind_va(10);
	op.size = 3 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, bind_ops(fix, &op, 1), 0);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 11, 1), 0);
	KUNIT_EXPECT_EQ(test, bind_entry(fix, bind_va(10)) & 7, HALYARD_PROT_USER);
	KUNIT_EXPECT_EQ(test, bind_entry(fix, bind_va(12)) & 7, HALYARD_PROT_USER);
}

static void bind_refuses_overlap(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);

	KUNIT_ASSERT_EQ(test, bind_map(fix, 4, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 4, 0, 4), -EBUSY);	/* the same */
	KUNIT_EXPECT_EQ(test, bind_map(fix, 3, 0, 2), -EBUSY);	/* its first page */
	KUNIT_EXPECT_EQ(test, bind_map(fix, 7, 0, 2), -EBUSY);	/* its last page */
	KUNIT_EXPECT_EQ(test, bind_map(fix, 5, 0, 1), -EBUSY);	/* inside */
	KUNIT_EXPECT_EQ(test, bind_map(fix, 2, 0, 8), -EBUSY);	/* around */
	KUNIT_EXPECT_EQ(test, fix->done, 0U);
	BIND_EXPECT(test, fix, HOLE, HOLE, HOLE, HOLE, 0, 1, 2, 3);

	/* Neighbours. */
	KUNIT_EXPECT_EQ(test, bind_map(fix, 3, 9, 1), 0);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 8, 8, 1), 0);
	BIND_EXPECT(test, fix, HOLE, HOLE, HOLE, 9, 0, 1, 2, 3, 8);
}

static void bind_splits(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);

	KUNIT_ASSERT_EQ(test, bind_map(fix, 0, 0, 8), 0);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 0, 1), 0); /* head */
	BIND_EXPECT(test, fix, HOLE, 1, 2, 3, 4, 5, 6, 7);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 7, 1), 0); /* tail */
	BIND_EXPECT(test, fix, HOLE, 1, 2, 3, 4, 5, 6);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 3, 2), 0); /* middle */
	BIND_EXPECT(test, fix, HOLE, 1, 2, HOLE, HOLE, 5, 6);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 2, 4), 0); /* tail of one, hole, head of the next */
	BIND_EXPECT(test, fix, HOLE, 1, HOLE, HOLE, HOLE, HOLE, 6);

	/* A hole is free, and no bigger than it is. */
	KUNIT_EXPECT_EQ(test, bind_map(fix, 2, 10, 5), -EBUSY);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 2, 10, 4), 0);
	BIND_EXPECT(test, fix, HOLE, 1, 10, 11, 12, 13, 6);

	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 0, WINDOW_PAGES), 0); /* all, and holes around */
	BIND_EXPECT(test, fix, HOLE);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 0, WINDOW_PAGES), 0); /* nothing */
}

/* What is mapped stays when all handles are gone. */
static void bind_keeps_bo(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct drm_gem_close close = { .handle = fix->bo };
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_EQ(test, bind_map(fix, 0, 0, 4), 0);
	KUNIT_ASSERT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_GEM_CLOSE, &close), 0);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 1, 1), 0);
	BIND_EXPECT(test, fix, 0, HOLE, 2, 3);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 1, 0, 1), -ENOENT);
}

/**
 * struct bind_range - a map, tried at the edges
 * @name: of the case
 * @va: where
 * @size: bytes
 * @bo_offset: bytes
 * @error: expected
 */
struct bind_range {
	const char *name;
	u64 va;
	u64 size;
	u64 bo_offset;
	int error;
};

static const struct bind_range bind_ranges[] = {
	{ "first page", MOCK_VA_START, PAGE_SIZE, 0, 0 },
	{ "below the first page", MOCK_VA_START - PAGE_SIZE, PAGE_SIZE, 0, -EINVAL },
	{ "across the beginning", MOCK_VA_START - PAGE_SIZE, 2 * PAGE_SIZE, 0, -EINVAL },
	{ "address 0", 0, PAGE_SIZE, 0, -EINVAL },
	{ "last page", MOCK_VA_END - PAGE_SIZE, PAGE_SIZE, 0, 0 },
	{ "across the end", MOCK_VA_END - PAGE_SIZE, 2 * PAGE_SIZE, 0, -EINVAL },
	{ "the driver's own range", MOCK_VA_END, PAGE_SIZE, 0, -EINVAL },
	{ "behind everything", MOCK_KERNEL_VA_END, PAGE_SIZE, 0, -EINVAL },
	{ "last page of all", -PAGE_SIZE, PAGE_SIZE, 0, -EINVAL },
	{ "end overflows to 0", WINDOW, -WINDOW, 0, -EINVAL },
	{ "end overflows past 0", WINDOW, -WINDOW + PAGE_SIZE, 0, -EINVAL },
	{ "largest size", WINDOW, -PAGE_SIZE, 0, -EINVAL },
	{ "size 0", WINDOW, 0, 0, -EINVAL },
	{ "size not aligned", WINDOW, PAGE_SIZE + 1, 0, -EINVAL },
	{ "size less than a page", WINDOW, PAGE_SIZE / 2, 0, -EINVAL },
	{ "address not aligned", WINDOW + 8, PAGE_SIZE, 0, -EINVAL },
	{ "offset not aligned", WINDOW, PAGE_SIZE, 8, -EINVAL },
	{ "all of the BO", WINDOW, BO_PAGES * PAGE_SIZE, 0, 0 },
	{ "more than the BO", WINDOW, (BO_PAGES + 1) * PAGE_SIZE, 0, -EINVAL },
	{ "last page of the BO", WINDOW, PAGE_SIZE, (BO_PAGES - 1) * PAGE_SIZE, 0 },
	{ "across the BO's end", WINDOW, 2 * PAGE_SIZE, (BO_PAGES - 1) * PAGE_SIZE, -EINVAL },
	{ "behind the BO", WINDOW, PAGE_SIZE, BO_PAGES * PAGE_SIZE, -EINVAL },
	{ "offset and size overflow", WINDOW, 2 * PAGE_SIZE, -PAGE_SIZE, -EINVAL },
};

static void bind_range_name(const struct bind_range *range, char *name)
{
	strscpy(name, range->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bind_range, bind_ranges, bind_range_name);

static void bind_edges(struct kunit *test)
{
	const struct bind_range *range = test->param_value;
	struct bind_fixture *fix = bind_fixture(test);
	struct drm_halyard_bind_op op = {
		.type = DRM_HALYARD_BIND_MAP,
		.handle = fix->bo,
		.bo_offset = range->bo_offset,
		.va = range->va,
		.size = range->size,
	};
	u32 prepared = mock_calls(fix->mock, MOCK_VM_PREPARE);

	KUNIT_EXPECT_EQ(test, bind_ops(fix, &op, 1), range->error);
	if (range->error) {
		KUNIT_EXPECT_EQ(test, mock_calls(fix->mock, MOCK_VM_PREPARE), prepared);
		KUNIT_EXPECT_EQ(test, bind_entry(fix, range->va), 0UL);
		return;
	}

	KUNIT_EXPECT_EQ(test, bind_entry(fix, range->va),
			bind_entry(fix, REFERENCE + range->bo_offset));
	op = bind_unmap_op(range->va, range->size / PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, bind_ops(fix, &op, 1), 0);
	KUNIT_EXPECT_EQ(test, bind_entry(fix, range->va), 0UL);
}

/* An unmap is no more allowed outside of user space's addresses than a map. */
static void bind_unmap_edges(struct kunit *test)
{
	const struct bind_range *range = test->param_value;
	struct bind_fixture *fix = bind_fixture(test);
	struct drm_halyard_bind_op op = {
		.type = DRM_HALYARD_BIND_UNMAP,
		.va = range->va,
		.size = range->size,
	};
	bool inside = range->va >= MOCK_VA_START && range->va < MOCK_VA_END &&
		      range->size <= MOCK_VA_END - range->va && range->size &&
		      PAGE_ALIGNED(range->va) && PAGE_ALIGNED(range->size);

	KUNIT_EXPECT_EQ(test, bind_ops(fix, &op, 1), inside ? 0 : -EINVAL);
}

static void bind_refuses_fields(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_vm_bind args = { .vm_id = fix->vm };
	struct drm_halyard_bind_op op;

#define REFUSED(good, member, value, error) do {				\
	op = (good);								\
	op.member = (value);							\
	KUNIT_EXPECT_EQ(test, bind_ops(fix, &op, 1), (error));			\
	KUNIT_EXPECT_EQ(test, bind_page_at(fix, 0), HOLE);			\
} while (0)

	REFUSED(bind_map_op(fix, WINDOW, 0, 1), type, 2, -EINVAL);
	REFUSED(bind_map_op(fix, WINDOW, 0, 1), type, U32_MAX, -EINVAL);
	REFUSED(bind_map_op(fix, WINDOW, 0, 1), flags, 2, -EINVAL);
	REFUSED(bind_map_op(fix, WINDOW, 0, 1), flags, BIT(31), -EINVAL);
	REFUSED(bind_map_op(fix, WINDOW, 0, 1), handle, 0, -ENOENT);
	REFUSED(bind_map_op(fix, WINDOW, 0, 1), handle, 99, -ENOENT);
	REFUSED(bind_map_op(fix, WINDOW, 0, 1), pad, 1, -EINVAL);
	REFUSED(bind_unmap_op(WINDOW, 1), flags, DRM_HALYARD_BIND_READONLY, -EINVAL);
	REFUSED(bind_unmap_op(WINDOW, 1), handle, fix->bo, -EINVAL);
	REFUSED(bind_unmap_op(WINDOW, 1), bo_offset, PAGE_SIZE, -EINVAL);
	REFUSED(bind_unmap_op(WINDOW, 1), pad, 1, -EINVAL);
#undef REFUSED

	args.flags = 1;
	KUNIT_EXPECT_EQ(test, bind_call(mock, &args), -EINVAL);
	args.flags = 0;
	args.pad = 1;
	KUNIT_EXPECT_EQ(test, bind_call(mock, &args), -EINVAL);
	args.pad = 0;
	args.vm_id = 99;
	KUNIT_EXPECT_EQ(test, bind_call(mock, &args), -ENOENT);
}

/* Those before the one that fails stay done. */
static void bind_in_order(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct drm_halyard_bind_op ops[] = {
		bind_map_op(fix, bind_va(0), 0, 4),
		bind_unmap_op(bind_va(1), 2),
		bind_map_op(fix, bind_va(1), 8, 1),
		bind_map_op(fix, bind_va(0), 9, 1), /* occupied */
		bind_map_op(fix, bind_va(2), 10, 1),
	};

	KUNIT_EXPECT_EQ(test, bind_ops(fix, ops, ARRAY_SIZE(ops)), -EBUSY);
	KUNIT_EXPECT_EQ(test, fix->done, 3U);
	BIND_EXPECT(test, fix, 0, 8, HOLE, 3);
	KUNIT_EXPECT_EQ(test, bind_ops(fix, &ops[4], 1), 0);
	BIND_EXPECT(test, fix, 0, 8, 10, 3);
}

/* No memory for page tables: nothing has changed. */
static void bind_prepare_fails(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);

	mock_fail(fix->mock, MOCK_VM_PREPARE, 1);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 0, 0, 4), -ENOMEM);
	BIND_EXPECT(test, fix, HOLE);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 0, 0, 4), 0);
}

/* The device does not confirm that it has let go: it is reset, and then it has. */
static void bind_flush_fails(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_EQ(test, bind_map(fix, 0, 0, 4), 0);
	mock_fail(mock, MOCK_VM_FLUSH, 1);
	KUNIT_EXPECT_EQ(test, bind_unmap(fix, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	BIND_EXPECT(test, fix, HOLE);
	KUNIT_EXPECT_EQ(test, bind_map(fix, 0, 0, 4), 0);
}

/* Stands in the way of recovery, which does one thing after the other. */
struct bind_obstacle {
	struct work_struct work;
	struct completion gone;
};

static void bind_obstruct(struct work_struct *work)
{
	wait_for_completion(&container_of(work, struct bind_obstacle, work)->gone);
}

static unsigned int bind_pins(struct drm_gem_object *obj)
{
	unsigned int pins;

	dma_resv_lock(obj->resv, NULL);
	pins = to_halyard_bo(obj)->pins;
	dma_resv_unlock(obj->resv);

	return pins;
}

/*
 * As long as the device has not confirmed that it has let go, and was not reset either, memory
 * stays mapped for it, and the address space's number is not given to another.
 */
static void bind_quarantines(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_vm_destroy args = { .vm_id = fix->vm };
	struct halyard_core *core = mock->hdev->core;
	struct bind_obstacle obstacle;
	struct drm_gem_object *obj;

	obj = drm_gem_object_lookup(mock->file->private_data, fix->bo);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	INIT_WORK_ONSTACK(&obstacle.work, bind_obstruct);
	init_completion(&obstacle.gone);
	queue_work(core->sched->recovery_wq, &obstacle.work);

	mock_fail(mock, MOCK_VM_FLUSH, 1);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_VM_DESTROY, &args), 0);
	KUNIT_EXPECT_EQ(test, bind_pins(obj), 1U);
	KUNIT_EXPECT_NOT_NULL(test, mock->dev->vms[0]);

	complete(&obstacle.gone);
	halyard_recover_wait(mock->hdev);
	flush_work(&core->quarantine_work);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_EXPECT_EQ(test, bind_pins(obj), 0U);
	KUNIT_EXPECT_NULL(test, mock->dev->vms[0]);

	destroy_work_on_stack(&obstacle.work);
	drm_gem_object_put(obj);
}

static void bind_random_step(struct kunit *test, struct bind_fixture *fix, struct rnd_state *rnd,
			     int *model)
{
	u32 at = prandom_u32_state(rnd) % (WINDOW_PAGES - BO_PAGES);
	u32 pages = 1 + prandom_u32_state(rnd) % BO_PAGES;
	u32 page = prandom_u32_state(rnd) % (BO_PAGES - pages + 1);
	bool occupied = false;
	u32 i;

	if (prandom_u32_state(rnd) % 2) {
		KUNIT_ASSERT_EQ(test, bind_unmap(fix, at, pages), 0);
		for (i = 0; i < pages; i++)
			model[at + i] = HOLE;
		return;
	}

	for (i = 0; i < pages; i++)
		occupied |= model[at + i] != HOLE;
	KUNIT_ASSERT_EQ(test, bind_map(fix, at, page, pages), occupied ? -EBUSY : 0);
	for (i = 0; !occupied && i < pages; i++)
		model[at + i] = page + i;
}

/* Against the plainest model that there is. */
static void bind_random(struct kunit *test)
{
	struct bind_fixture *fix = bind_fixture(test);
	struct rnd_state rnd;
	int *model, i;

	model = kunit_kcalloc(test, WINDOW_PAGES, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	for (i = 0; i < WINDOW_PAGES; i++)
		model[i] = HOLE;
	prandom_seed_state(&rnd, 4711);

	for (i = 0; i < 300; i++) {
		bind_random_step(test, fix, &rnd, model);
		bind_expect(test, fix, model, WINDOW_PAGES);
	}
}

static struct kunit_case bind_cases[] = {
	KUNIT_CASE(bind_maps),
	KUNIT_CASE(bind_protects),
	KUNIT_CASE(bind_refuses_overlap),
	KUNIT_CASE(bind_splits),
	KUNIT_CASE(bind_keeps_bo),
	KUNIT_CASE_PARAM(bind_edges, bind_range_gen_params),
	KUNIT_CASE_PARAM(bind_unmap_edges, bind_range_gen_params),
	KUNIT_CASE(bind_refuses_fields),
	KUNIT_CASE(bind_in_order),
	KUNIT_CASE(bind_prepare_fails),
	KUNIT_CASE(bind_flush_fails),
	KUNIT_CASE(bind_quarantines),
	KUNIT_CASE(bind_random),
	{}
};

struct kunit_suite halyard_bind_suite = {
	.name = "halyard-bind",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = bind_cases,
};
