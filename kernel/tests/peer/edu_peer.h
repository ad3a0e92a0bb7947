/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* What edu_peer.ko offers to tests, as /dev/edu-peer. */

#ifndef EDU_PEER_H
#define EDU_PEER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The device reaches the memory where it is, if it can, also in another device's window. */
#define EDU_PEER_IN_PLACE	0x1

/**
 * struct edu_peer_attach - memory that the file's reads and writes are about from now on
 * @fd: a dma-buf; the file's memory until now is let go, and a negative one asks for no more
 * @flags: EDU_PEER_*
 * @address: out: of the memory's first byte, as the device sees it
 */
struct edu_peer_attach {
	__s32 fd;
	__u32 flags;
	__u64 address;
};

#define EDU_PEER_ATTACH _IOWR('E', 0, struct edu_peer_attach)

#endif
