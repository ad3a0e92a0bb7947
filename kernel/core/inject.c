// SPDX-License-Identifier: GPL-2.0-only
/* The file "inject" in debugfs: one line written arms one injection. */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <halyard/inject.h>

#include "core.h"

/* The block of a device that sleeps is reached when it is awake. */
static int halyard_inject_enter(struct halyard_device *hdev, int *idx)
{
	int ret;

	ret = halyard_power_get(hdev);
	if (ret)
		return ret;
	ret = hdev->core->injector->enter(hdev, idx);
	if (ret)
		halyard_power_put(hdev);
	return ret;
}

static void halyard_inject_exit(struct halyard_device *hdev, int idx)
{
	hdev->core->injector->exit(hdev, idx);
	halyard_power_put(hdev);
}

static int halyard_inject_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	const struct halyard_injector *injector = hdev->core->injector;
	unsigned int i;
	int idx, ret;

	ret = halyard_inject_enter(hdev, &idx);
	if (ret)
		return ret;
	seq_printf(m, "fired %u\n", injector->fired(hdev));
	halyard_inject_exit(hdev, idx);

	seq_puts(m, "write: KIND TARGET SKIP COUNT ARG; TARGET -1 is any; kinds:");
	for (i = 0; i < injector->num_names; i++)
		seq_printf(m, " %s", injector->names[i]);
	seq_putc(m, '\n');
	return 0;
}

static int halyard_inject_open(struct inode *inode, struct file *file)
{
	return single_open(file, halyard_inject_show, inode->i_private);
}

static int halyard_inject_parse(const struct halyard_injector *injector, const char *line,
				struct halyard_injection *injection)
{
	char name[32];
	int target = -1, kind;

	if (sscanf(line, "%31s %d %u %u %u", name, &target, &injection->skip, &injection->count,
		   &injection->arg) < 1)
		return -EINVAL;
	kind = match_string(injector->names, injector->num_names, name);
	if (kind < 0)
		return kind;
	injection->kind = kind;
	injection->target = target;
	return 0;
}

static ssize_t halyard_inject_write(struct file *file, const char __user *buffer, size_t size,
				    loff_t *offset)
{
	struct halyard_device *hdev = file_inode(file)->i_private;
	const struct halyard_injector *injector = hdev->core->injector;
	struct halyard_injection injection = { .count = 1 };
	char line[80];
	int idx, ret;

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buffer, size))
		return -EFAULT;
	line[size] = '\0';

	ret = halyard_inject_parse(injector, line, &injection);
	if (!ret)
		ret = halyard_inject_enter(hdev, &idx);
	if (ret)
		return ret;
	injector->arm(hdev, &injection);
	halyard_inject_exit(hdev, idx);
	return size;
}

static const struct file_operations halyard_inject_fops = {
	.owner = THIS_MODULE,
	.open = halyard_inject_open,
	.read = seq_read,
	.write = halyard_inject_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * halyard_inject_init() - adds the file, where error injection is configured
 * @hdev: the device; from &halyard_chip_ops.init
 * @injector: its error-injection block
 */
void halyard_inject_init(struct halyard_device *hdev, const struct halyard_injector *injector)
{
	if (!IS_ENABLED(CONFIG_HALYARD_ERROR_INJECTION))
		return;
	hdev->core->injector = injector;
	debugfs_create_file("inject", 0600, hdev->drm.debugfs_root, hdev, &halyard_inject_fops);
}
EXPORT_SYMBOL_GPL(halyard_inject_init);
