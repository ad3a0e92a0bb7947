/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_DRM_HALYARD_DUMP_H_
#define _UAPI_DRM_HALYARD_DUMP_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: The dump of a failure
 *
 * When a job is stopped, or the device reset or lost, the kernel takes a snapshot, and offers it as
 * ``/sys/class/devcoredump/devcdN/data``. ``halyard dump FILE`` prints it.
 *
 * A dump is a &struct drm_halyard_dump_header, and then sections up to its end. Each section is a
 * &struct drm_halyard_dump_section and its data, followed by zeros up to a multiple of 8 bytes.
 * All numbers are little-endian. A section says what its data is like, so a reader prints also what
 * it does not know: sections are named by words, not by numbers, and may be added, or left out,
 * without a new version. The version changes when a reader of the old one would go wrong.
 */

/** DRM_HALYARD_DUMP_MAGIC - what a dump begins with: the characters HALYDUMP */
#define DRM_HALYARD_DUMP_MAGIC		0x504d5544594c4148ULL
/** DRM_HALYARD_DUMP_VERSION - of the format */
#define DRM_HALYARD_DUMP_VERSION	1
/** DRM_HALYARD_DUMP_ALIGN - each section begins at a multiple of so many bytes */
#define DRM_HALYARD_DUMP_ALIGN		8

/** struct drm_halyard_dump_header - how a dump begins */
struct drm_halyard_dump_header {
	/** @magic: DRM_HALYARD_DUMP_MAGIC */
	__le64 magic;
	/** @version: DRM_HALYARD_DUMP_VERSION */
	__le32 version;
	/** @header_size: bytes of this struct; the first section begins behind it */
	__le32 header_size;
	/** @size: bytes of the dump */
	__le64 size;
	/** @sections: how many */
	__le32 sections;
	/** @pad: zero */
	__le32 pad;
};

/** enum drm_halyard_dump_type - what a section's data is like */
enum drm_halyard_dump_type {
	/** @DRM_HALYARD_DUMP_TEXT: UTF-8, lines of "name: value" */
	DRM_HALYARD_DUMP_TEXT = 1,
	/** @DRM_HALYARD_DUMP_VALUES: array of &struct drm_halyard_dump_value */
	DRM_HALYARD_DUMP_VALUES = 2,
	/** @DRM_HALYARD_DUMP_BYTES: a copy of memory */
	DRM_HALYARD_DUMP_BYTES = 3,
};

/** struct drm_halyard_dump_section - how a section begins */
struct drm_halyard_dump_section {
	/** @name: what it is about, NUL-terminated */
	char name[24];
	/** @type: &enum drm_halyard_dump_type */
	__le32 type;
	/** @flags: DRM_HALYARD_DUMP_* */
	__le32 flags;
#define DRM_HALYARD_DUMP_TRUNCATED	0x1 /* there was no room for all of it */
	/** @address: BYTES: where the device sees the memory, or 0 */
	__le64 address;
	/** @size: bytes of data */
	__le64 size;
};

/** struct drm_halyard_dump_value - a number and what it is called */
struct drm_halyard_dump_value {
	/** @name: NUL-terminated */
	char name[24];
	/** @value: the number */
	__le64 value;
};

#if defined(__cplusplus)
}
#endif

#endif
