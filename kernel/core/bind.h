/* SPDX-License-Identifier: GPL-2.0-only */
/* What an address space, when it goes, has to know of mappings. */
#ifndef HALYARD_BIND_H
#define HALYARD_BIND_H

#include "core.h"

/**
 * struct halyard_mapping - a mapping
 * @va: where, and of what; its &drm_gpuvm_bo keeps the BO
 * @prot: HALYARD_PROT_*
 * @link: in a list of those that were removed; they hold a reference to the BO themselves
 * @quarantined: when the device may still use it
 */
struct halyard_mapping {
	struct drm_gpuva va;
	u32 prot;
	struct list_head link;
	struct halyard_quarantined quarantined;
};

static inline struct halyard_mapping *to_halyard_mapping(struct drm_gpuva *va)
{
	return container_of(va, struct halyard_mapping, va);
}

void halyard_mapping_unlink(struct halyard_mapping *mapping, struct list_head *gone);
void halyard_mappings_put(struct halyard_vm *vm, struct list_head *gone, bool flushed);

/* Of &drm_gpuvm_ops. */
int halyard_step_unmap(struct drm_gpuva_op *op, void *priv);
int halyard_step_remap(struct drm_gpuva_op *op, void *priv);

#endif
