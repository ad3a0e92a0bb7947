// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's "edu", whose engine copies from and to any address of the bus, as another maker's device
 * that shares memory with a card. An open file has the memory of one dma-buf, which it reads and
 * writes by that engine; see edu_peer.h. For tests: the device is not to be unplugged.
 *
 * Registers: docs/specs/edu.rst of QEMU.
 */

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <compat.h>

#include "edu_peer.h"

#define EDU_DMA_SOURCE	0x80
#define EDU_DMA_TARGET	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_COMMAND	0x98
#define EDU_DMA_RUN	BIT(0)
#define EDU_DMA_OUT	BIT(1) /* of the device's buffer, else into it */

/* The device's buffer, in its own addresses. */
#define EDU_BUFFER	0x40000
#define EDU_BUFFER_SIZE	SZ_4K

/**
 * struct edu_peer - the device
 * @pdev: PCI device
 * @regs: its registers
 * @page: of EDU_BUFFER_SIZE, what goes from and to the device's buffer
 * @page_dma: where the device sees @page
 * @misc: what user space opens
 */
struct edu_peer {
	struct pci_dev *pdev;
	void __iomem *regs;
	void *page;
	dma_addr_t page_dma;
	/** @lock: protects the engine and @page */
	struct mutex lock;
	struct miscdevice misc;
};

/**
 * struct edu_peer_file - an open file
 * @peer: the device
 * @attach: to the dma-buf, or NULL
 * @sgt: its memory as the device sees it
 */
struct edu_peer_file {
	struct edu_peer *peer;
	/** @lock: protects the rest */
	struct mutex lock;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
};

static int edu_peer_copy(struct edu_peer *peer, u64 source, u64 target, u32 size, u32 direction)
{
	u32 command;

	lockdep_assert_held(&peer->lock);
	writeq(source, peer->regs + EDU_DMA_SOURCE);
	writeq(target, peer->regs + EDU_DMA_TARGET);
	writeq(size, peer->regs + EDU_DMA_COUNT);
	writeq(direction | EDU_DMA_RUN, peer->regs + EDU_DMA_COMMAND);

	return readl_poll_timeout(peer->regs + EDU_DMA_COMMAND, command, !(command & EDU_DMA_RUN),
				  USEC_PER_MSEC, 10 * USEC_PER_SEC);
}

/* @address is the peer's own or others'; either way it passes through the device's buffer. */
static int edu_peer_fetch(struct edu_peer *peer, dma_addr_t address, u32 size)
{
	return edu_peer_copy(peer, address, EDU_BUFFER, size, 0);
}

static int edu_peer_store(struct edu_peer *peer, dma_addr_t address, u32 size)
{
	return edu_peer_copy(peer, EDU_BUFFER, address, size, EDU_DMA_OUT);
}

/* Limits @size to what is in one piece from @pos on, and fits into the device's buffer. */
static int edu_peer_find(struct edu_peer_file *file, loff_t pos, size_t *size,
			 dma_addr_t *address)
{
	struct scatterlist *sg;
	unsigned int i;

	lockdep_assert_held(&file->lock);
	if (!file->sgt)
		return -ENOTCONN;
	for_each_sgtable_dma_sg(file->sgt, sg, i) {
		if (pos < sg_dma_len(sg)) {
			*size = min3(*size, (size_t)(sg_dma_len(sg) - pos),
				     (size_t)EDU_BUFFER_SIZE);
			*address = sg_dma_address(sg) + pos;
			return 0;
		}
		pos -= sg_dma_len(sg);
	}
	*size = 0;
	return 0;
}

static ssize_t edu_peer_read(struct file *filp, char __user *data, size_t size, loff_t *pos)
{
	struct edu_peer_file *file = filp->private_data;
	struct edu_peer *peer = file->peer;
	dma_addr_t address;
	int ret;

	guard(mutex)(&file->lock);
	guard(mutex)(&peer->lock);
	ret = edu_peer_find(file, *pos, &size, &address);
	if (ret || !size)
		return ret;
	ret = edu_peer_fetch(peer, address, size) ?: edu_peer_store(peer, peer->page_dma, size);
	if (ret)
		return ret;
	if (copy_to_user(data, peer->page, size))
		return -EFAULT;
	*pos += size;
	return size;
}

static ssize_t edu_peer_write(struct file *filp, const char __user *data, size_t size, loff_t *pos)
{
	struct edu_peer_file *file = filp->private_data;
	struct edu_peer *peer = file->peer;
	dma_addr_t address;
	int ret;

	guard(mutex)(&file->lock);
	guard(mutex)(&peer->lock);
	ret = edu_peer_find(file, *pos, &size, &address);
	if (ret)
		return ret;
	if (!size)
		return -ENOSPC;
	if (copy_from_user(peer->page, data, size))
		return -EFAULT;
	ret = edu_peer_fetch(peer, peer->page_dma, size) ?: edu_peer_store(peer, address, size);
	if (ret)
		return ret;
	*pos += size;
	return size;
}

/* Only those exporters move memory under a mapping that have a &dma_buf_ops.pin; ours has none. */
static void edu_peer_moved(struct dma_buf_attachment *attach)
{
	dev_err(attach->dev, "memory has moved under its mapping\n");
}

static const struct dma_buf_attach_ops edu_peer_in_place = {
	.allow_peer2peer = true,
	.halyard_compat_invalidate_mappings = edu_peer_moved,
};

static void edu_peer_detach(struct edu_peer_file *file)
{
	struct dma_buf_attachment *attach = file->attach;
	struct dma_buf *dma_buf;

	lockdep_assert_held(&file->lock);
	if (!attach)
		return;
	dma_buf = attach->dmabuf;
	dma_buf_unmap_attachment_unlocked(attach, file->sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dma_buf, attach);
	dma_buf_put(dma_buf);
	file->attach = NULL;
	file->sgt = NULL;
}

static int edu_peer_attach(struct edu_peer_file *file, struct dma_buf *dma_buf, u32 flags)
{
	bool in_place = flags & EDU_PEER_IN_PLACE;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	lockdep_assert_held(&file->lock);
	attach = dma_buf_dynamic_attach(dma_buf, &file->peer->pdev->dev,
					in_place ? &edu_peer_in_place : NULL, file);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		dma_buf_detach(dma_buf, attach);
		return PTR_ERR(sgt);
	}
	file->attach = attach;
	file->sgt = sgt;
	return 0;
}

static long edu_peer_ioctl(struct file *filp, unsigned int command, unsigned long user)
{
	struct edu_peer_file *file = filp->private_data;
	struct edu_peer_attach args;
	struct dma_buf *dma_buf;
	int ret;

	if (command != EDU_PEER_ATTACH)
		return -ENOTTY;
	if (copy_from_user(&args, (void __user *)user, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~EDU_PEER_IN_PLACE)
		return -EINVAL;

	guard(mutex)(&file->lock);
	edu_peer_detach(file);
	if (args.fd < 0)
		return 0;
	dma_buf = dma_buf_get(args.fd);
	if (IS_ERR(dma_buf))
		return PTR_ERR(dma_buf);
	ret = edu_peer_attach(file, dma_buf, args.flags);
	if (ret) {
		dma_buf_put(dma_buf);
		return ret;
	}
	args.address = sg_dma_address(file->sgt->sgl);
	return copy_to_user((void __user *)user, &args, sizeof(args)) ? -EFAULT : 0;
}

static int edu_peer_open(struct inode *inode, struct file *filp)
{
	struct edu_peer_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	file->peer = container_of(filp->private_data, struct edu_peer, misc);
	mutex_init(&file->lock);
	filp->private_data = file;
	return 0;
}

static int edu_peer_release(struct inode *inode, struct file *filp)
{
	struct edu_peer_file *file = filp->private_data;

	scoped_guard(mutex, &file->lock)
		edu_peer_detach(file);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations edu_peer_fops = {
	.owner = THIS_MODULE,
	.open = edu_peer_open,
	.release = edu_peer_release,
	.read = edu_peer_read,
	.write = edu_peer_write,
	.unlocked_ioctl = edu_peer_ioctl,
	.llseek = default_llseek,
};

static int edu_peer_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_peer *peer = devm_kzalloc(&pdev->dev, sizeof(*peer), GFP_KERNEL);
	int ret;

	if (!peer)
		return -ENOMEM;
	ret = devm_mutex_init(&pdev->dev, &peer->lock) ?: pcim_enable_device(pdev);
	if (ret)
		return ret;
	peer->pdev = pdev;
	peer->regs = pcim_iomap(pdev, 0, 0);
	if (!peer->regs)
		return -ENOMEM;
	pci_set_master(pdev);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	peer->page = dmam_alloc_coherent(&pdev->dev, EDU_BUFFER_SIZE, &peer->page_dma, GFP_KERNEL);
	if (!peer->page)
		return -ENOMEM;

	peer->misc.minor = MISC_DYNAMIC_MINOR;
	peer->misc.name = "edu-peer";
	peer->misc.fops = &edu_peer_fops;
	peer->misc.parent = &pdev->dev;
	pci_set_drvdata(pdev, peer);
	return misc_register(&peer->misc);
}

static void edu_peer_remove(struct pci_dev *pdev)
{
	struct edu_peer *peer = pci_get_drvdata(pdev);

	misc_deregister(&peer->misc);
}

static const struct pci_device_id edu_peer_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_peer_ids);

static struct pci_driver edu_peer_driver = {
	.name = "edu-peer",
	.id_table = edu_peer_ids,
	.probe = edu_peer_probe,
	.remove = edu_peer_remove,
	.driver.suppress_bind_attrs = true,
};
module_pci_driver(edu_peer_driver);

MODULE_DESCRIPTION("QEMU's edu as a device that shares memory with others, for tests");
MODULE_LICENSE("GPL");
HALYARD_IMPORT_NS(DMA_BUF);
