// SPDX-License-Identifier: GPL-2.0-only
/* Arrays that ioctls point to. */

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

/*
 * No element will ever be larger; without a bound the check of unknown bytes could be made to take
 * for ever.
 */
#define HALYARD_MAX_STRIDE	SZ_4K

/**
 * halyard_uobj_get_array() - copies an array in, whatever size its elements have for the caller
 * @in: where it is
 * @min_stride: bytes of an element in the first version of the uAPI
 * @obj_size: bytes of an element as we know it
 * @max_count: elements that we take
 *
 * An older caller's missing members are zero; a newer caller's unknown ones must be.
 *
 * Return: elements of @obj_size each, to be freed with kvfree(); NULL when the array is empty;
 *	ERR_PTR(-EINVAL) when the stride is malformed, -E2BIG when there are too many elements or
 *	what we do not know is used, -EFAULT, -ENOMEM
 */
void *halyard_uobj_get_array(const struct drm_halyard_obj_array *in, u32 min_stride, u32 obj_size,
			     u32 max_count)
{
	const void __user *user = u64_to_user_ptr(in->array);
	void *objs;
	u32 i;
	int ret;

	if (!in->count)
		return NULL;
	if (in->stride < min_stride || in->stride > HALYARD_MAX_STRIDE || in->stride % 8)
		return ERR_PTR(-EINVAL);
	if (in->count > max_count)
		return ERR_PTR(-E2BIG);

	objs = kvcalloc(in->count, obj_size, GFP_KERNEL);
	if (!objs)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < in->count; i++) {
		ret = copy_struct_from_user(objs + (size_t)i * obj_size, obj_size,
					    user + (size_t)i * in->stride, in->stride);
		if (ret) {
			kvfree(objs);
			return ERR_PTR(ret);
		}
	}
	return objs;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_uobj_get_array);
