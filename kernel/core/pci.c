// SPDX-License-Identifier: GPL-2.0-only
/* The PCI side of a device: probe and remove, interrupt vectors, errors, resets by the bus. */

#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>

#include "core.h"

/* Who holds a device's lock for long is on the way to end or suspend it. */
#define HALYARD_DEVICE_LOCK_MS	1000

/**
 * struct halyard_irq - an interrupt that was requested
 * @hdev: the device
 * @first: the chip's first vector that it stands for
 * @end: one past the last
 * @wake: bit n: the thread is to call the chip for vector n
 */
struct halyard_irq {
	struct halyard_device *hdev;
	unsigned int first;
	unsigned int end;
	unsigned long wake;
};

static irqreturn_t halyard_irq(int number, void *data)
{
	struct halyard_irq *irq = data;
	const struct halyard_chip_ops *ops = irq->hdev->chip->ops;
	unsigned int vector, all = IRQ_NONE;
	int idx;

	if (!drm_dev_enter(&irq->hdev->drm, &idx))
		return IRQ_NONE;

	for (vector = irq->first; vector < irq->end; vector++) {
		irqreturn_t ret = ops->irq(irq->hdev, vector);

		if (ret == IRQ_WAKE_THREAD)
			set_bit(vector, &irq->wake);
		all |= ret;
	}

	drm_dev_exit(idx);
	return all & IRQ_WAKE_THREAD ? IRQ_WAKE_THREAD : all;
}

static irqreturn_t halyard_irq_thread(int number, void *data)
{
	struct halyard_irq *irq = data;
	const struct halyard_chip_ops *ops = irq->hdev->chip->ops;
	irqreturn_t all = IRQ_NONE;
	unsigned int vector;
	int idx;

	if (!drm_dev_enter(&irq->hdev->drm, &idx))
		return IRQ_NONE;

	for (vector = irq->first; vector < irq->end; vector++) {
		if (test_and_clear_bit(vector, &irq->wake))
			all |= ops->irq_thread(irq->hdev, vector);
	}

	drm_dev_exit(idx);
	return all;
}

/*
 * MSI-X all or not at all: vectors that it lacks would be lost. MSI spreads over what is granted.
 */
static int halyard_pci_alloc_vectors(struct halyard_device *hdev)
{
	unsigned int wanted = hdev->chip->num_vectors;
	struct pci_dev *pdev = to_pci_dev(hdev->dev);
	int granted;

	granted = pci_alloc_irq_vectors(pdev, wanted, wanted, PCI_IRQ_MSIX);
	if (granted < 0)
		granted = pci_alloc_irq_vectors(pdev, 1, wanted, PCI_IRQ_MSI);
	if (granted < 0)
		dev_err(hdev->dev, "no interrupt vectors: %d\n", granted);
	return granted;
}

/**
 * halyard_pci_request_irqs() - gets the device's interrupts
 * @hdev: the device
 *
 * Return: 0, also when the parent is no PCI device, or a negative error
 */
int halyard_pci_request_irqs(struct halyard_device *hdev)
{
	unsigned int wanted = hdev->chip->num_vectors;
	struct halyard_core *core = hdev->core;
	int granted, ret;
	unsigned int i;

	if (!dev_is_pci(hdev->dev))
		return 0;
	if (!wanted || wanted > HALYARD_MAX_VECTORS)
		return -EINVAL;

	granted = halyard_pci_alloc_vectors(hdev);
	if (granted < 0)
		return granted;
	core->num_vectors = granted;
	core->irqs = devm_kcalloc(hdev->dev, granted, sizeof(*core->irqs), GFP_KERNEL);
	if (!core->irqs)
		return -ENOMEM;

	for (i = 0; i < core->num_vectors; i++) {
		struct halyard_irq *irq = &core->irqs[i];
		char *name = devm_kasprintf(hdev->dev, GFP_KERNEL, "%s-%s:%u", hdev->chip->name,
					    dev_name(hdev->dev), i);

		if (!name)
			return -ENOMEM;
		irq->hdev = hdev;
		/* Fewer than the chip has: any of them may stand for any of the chip's. */
		irq->first = core->num_vectors == wanted ? i : 0;
		irq->end = core->num_vectors == wanted ? i + 1 : wanted;
		ret = devm_request_threaded_irq(hdev->dev, pci_irq_vector(to_pci_dev(hdev->dev), i),
						halyard_irq, halyard_irq_thread, 0, name, irq);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * halyard_pci_synchronize_irqs() - waits for interrupts that are being handled
 * @hdev: the device, which raises no more
 */
void halyard_pci_synchronize_irqs(struct halyard_device *hdev)
{
	unsigned int i;

	for (i = 0; i < hdev->core->num_vectors; i++)
		synchronize_irq(pci_irq_vector(to_pci_dev(hdev->dev), i));
}

static int halyard_pci_map(struct halyard_device *hdev)
{
	const struct halyard_chip *chip = hdev->chip;
	struct pci_dev *pdev = to_pci_dev(hdev->dev);

	if (!(pci_resource_flags(pdev, chip->regs_bar) & IORESOURCE_MEM) ||
	    pci_resource_len(pdev, chip->regs_bar) < chip->regs_size) {
		dev_err(hdev->dev, "BAR %u is not the registers of %s\n", chip->regs_bar,
			chip->name);
		return -ENODEV;
	}
	hdev->regs = pcim_iomap_region(pdev, chip->regs_bar, chip->name);
	return PTR_ERR_OR_ZERO(hdev->regs);
}

/**
 * halyard_pci_probe() - makes a device of a card; for &pci_driver.probe
 * @pdev: the card
 * @chip: what it is; constant, of the calling module
 *
 * Return: 0 or a negative error
 */
int halyard_pci_probe(struct pci_dev *pdev, const struct halyard_chip *chip)
{
	struct halyard_device *hdev;
	int ret;

	hdev = halyard_device_alloc(&pdev->dev, chip);
	if (IS_ERR(hdev))
		return PTR_ERR(hdev);
	pci_set_drvdata(pdev, hdev);

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = halyard_pci_map(hdev);
	if (ret)
		return ret;
	pci_set_master(pdev);
	ret = halyard_device_register(hdev);
	if (ret)
		return ret;
	/* What a slot reset restores. */
	pci_save_state(pdev);
	halyard_power_start(hdev);
	return 0;
}
EXPORT_SYMBOL_GPL(halyard_pci_probe);

/**
 * halyard_pci_remove() - for &pci_driver.remove
 * @pdev: the card, of halyard_pci_probe()
 */
void halyard_pci_remove(struct pci_dev *pdev)
{
	halyard_device_unplug(pci_get_drvdata(pdev));
}
EXPORT_SYMBOL_GPL(halyard_pci_remove);

/**
 * halyard_pci_shutdown() - for &pci_driver.shutdown: no DMA into the next kernel
 * @pdev: the card, of halyard_pci_probe()
 */
void halyard_pci_shutdown(struct pci_dev *pdev)
{
	halyard_device_unplug(pci_get_drvdata(pdev));
}
EXPORT_SYMBOL_GPL(halyard_pci_shutdown);

/* ---- resets that others ask the bus for ---- */

/* Power stays on until the reset is over, whatever the device was doing. */
static void halyard_reset_prepare(struct pci_dev *pdev)
{
	struct halyard_device *hdev = pci_get_drvdata(pdev);

	pm_runtime_get_sync(hdev->dev);
	halyard_power_down(hdev);
}

static void halyard_reset_done(struct pci_dev *pdev)
{
	struct halyard_device *hdev = pci_get_drvdata(pdev);

	halyard_power_up(hdev);
	halyard_power_put(hdev);
}

static pci_ers_result_t halyard_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		/* Nothing reaches the card now; after the reset its jobs are run again. */
		halyard_freeze(pci_get_drvdata(pdev));
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		halyard_device_unplug(pci_get_drvdata(pdev));
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t halyard_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	pci_save_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static void halyard_error_resume(struct pci_dev *pdev)
{
	struct halyard_device *hdev = pci_get_drvdata(pdev);

	if (halyard_is_frozen(hdev))
		halyard_thaw(hdev);
	else
		halyard_recover_device(hdev, "PCI error");
}

/* For &pci_driver.err_handler. */
const struct pci_error_handlers halyard_pci_err_handlers = {
	.error_detected = halyard_error_detected,
	.slot_reset = halyard_slot_reset,
	.resume = halyard_error_resume,
	.reset_prepare = halyard_reset_prepare,
	.reset_done = halyard_reset_done,
};
EXPORT_SYMBOL_GPL(halyard_pci_err_handlers);

/*
 * The bus wants the device's lock held around a reset. Remove, shutdown and suspend hold it, too,
 * while they wait for recovery, which is where we come from.
 */
static bool halyard_device_trylock(struct device *dev)
{
	unsigned int waited;

	for (waited = 0; waited < HALYARD_DEVICE_LOCK_MS; waited += 20) {
		if (device_trylock(dev))
			return true;
		msleep(20);
	}
	return false;
}

/*
 * Takes the lock of the device's interrupt vectors. In general memory is allocated under such a
 * lock, and so it must not be taken in the way of fences, where we are. Under this one it was
 * allocated at probe, before there was a fence; lockdep knows nothing finer than the class of all.
 */
static void halyard_pci_restore(struct pci_dev *pdev)
{
	lockdep_off();
	pci_restore_state(pdev);
	lockdep_on();
}

/**
 * halyard_pci_function_reset() - the last rung of recovery but one
 * @hdev: the device; its configuration is as before afterwards
 *
 * Context: process, under &halyard_core.reset_lock
 *
 * Return: 0, -EOPNOTSUPP when the bus has no way, -ENODEV when the card does not answer at all,
 *	-EBUSY when it is being removed or suspended, or what the bus says
 */
int halyard_pci_function_reset(struct halyard_device *hdev)
{
	struct pci_dev *pdev;
	int ret;

	lockdep_assert_held(&hdev->core->reset_lock);
	if (!dev_is_pci(hdev->dev))
		return -EOPNOTSUPP;

	pdev = to_pci_dev(hdev->dev);
	if (!pci_device_is_present(pdev))
		return -ENODEV;
	if (!halyard_device_trylock(hdev->dev))
		return -EBUSY;

	pci_save_state(pdev);
	pci_clear_master(pdev);
	ret = __pci_reset_function_locked(pdev);
	halyard_pci_restore(pdev);

	device_unlock(hdev->dev);
	return ret == -ENOTTY ? -EOPNOTSUPP : ret;
}
