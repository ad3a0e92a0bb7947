/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file "inject" in debugfs, by which tests reach the error-injection block of an emulated card.
 * For what a chip builds with CONFIG_HALYARD_DEBUGFS.
 */
#ifndef HALYARD_INJECT_H
#define HALYARD_INJECT_H

#include <halyard/chip.h>

/**
 * struct halyard_injection - what shall go wrong
 * @kind: index into &halyard_injector.names
 * @target: queue or engine, U32_MAX: any
 * @skip: matching events to let pass first
 * @count: events to spoil
 * @arg: depends on @kind
 */
struct halyard_injection {
	u32 kind;
	u32 target;
	u32 skip;
	u32 count;
	u32 arg;
};

/**
 * struct halyard_injector - a chip's error-injection block; constant
 * @names: of kinds, by number
 * @num_names: entries of @names
 * @enter: makes registers accessible until @exit; 0 or a negative error. @idx is for
 *	drm_dev_enter().
 * @exit: undoes @enter
 * @arm: arms an injection
 * @fired: events spoilt since then
 */
struct halyard_injector {
	const char *const *names;
	unsigned int num_names;
	int (*enter)(struct halyard_device *hdev, int *idx);
	void (*exit)(struct halyard_device *hdev, int idx);
	void (*arm)(struct halyard_device *hdev, const struct halyard_injection *injection);
	u32 (*fired)(struct halyard_device *hdev);
};

void halyard_inject_init(struct halyard_device *hdev, const struct halyard_injector *injector);

#endif
