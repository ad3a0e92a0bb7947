// SPDX-License-Identifier: GPL-2.0-only
/* What devcoredump gets of a failure, read where user space reads it. */

#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/vmalloc.h>

#include <drm/halyard_dump.h>

#include "mock.h"
#include "mock_chip.h"

#define DUMP_SIZE_MAX	SZ_1M

static const struct halyard_fault dump_fault = {
	.cause = DRM_HALYARD_FAULT_UNMAPPED,
	.error = -EFAULT,
	.address = MOCK_VA_START,
	.write = true,
	.command = 7,
	.tag = 0xabcd,
};

/**
 * struct dump - a dump that was read
 * @data: all of it
 * @size: bytes
 */
struct dump {
	u8 *data;
	size_t size;
};

/* Where who loaded the module finds files: tests run in kernel threads, which need not find any. */
static struct path dump_root;

static int dump_suite_init(struct kunit_suite *suite)
{
	int ret = mock_suite_init(suite);

	if (!ret)
		get_fs_root(current->fs, &dump_root);
	return ret;
}

static void dump_suite_exit(struct kunit_suite *suite)
{
	path_put(&dump_root);
	mock_suite_exit(suite);
}

static void dump_free(void *data)
{
	vfree(data);
}

static struct file *dump_open(struct mock *mock)
{
	char *path = kunit_kzalloc(mock->test, PATH_MAX, GFP_KERNEL);
	unsigned long deadline = jiffies + MOCK_PATIENCE;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(mock->test, path);
	snprintf(path, PATH_MAX, "sys/devices/platform/%s/devcoredump/data",
		 dev_name(&mock->pdev->dev));
	do {
		file = file_open_root(&dump_root, path, O_RDWR, 0);
		if (!IS_ERR(file))
			return file;
		msleep(20);
	} while (time_before(jiffies, deadline));
	KUNIT_FAIL_AND_ABORT(mock->test, "there is no dump: %ld", PTR_ERR(file));

	return NULL;
}

/* Waits for the device's dump, reads it, and has it dropped. */
static struct dump dump_get(struct mock *mock)
{
	struct kunit *test = mock->test;
	struct file *file = dump_open(mock);
	struct dump dump = { .data = vzalloc(DUMP_SIZE_MAX) };
	loff_t at = 0;
	ssize_t ret;

	KUNIT_ASSERT_NOT_NULL(test, dump.data);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, dump_free, dump.data), 0);
	do {
		ret = kernel_read(file, dump.data + at, DUMP_SIZE_MAX - at, &at);
	} while (ret > 0);
	KUNIT_EXPECT_EQ(test, ret, 0);
	dump.size = at;
	at = 0;
	KUNIT_EXPECT_EQ(test, kernel_write(file, "0", 1, &at), 1);
	__fput_sync(file);

	return dump;
}

static const struct drm_halyard_dump_section *dump_at(const struct dump *dump, size_t at)
{
	return (const struct drm_halyard_dump_section *)(dump->data + at);
}

/* The section of a name, or NULL; the dump has been walked up to its end. */
static const struct drm_halyard_dump_section *dump_find(struct kunit *test, const struct dump *dump,
							const char *name)
{
	const struct drm_halyard_dump_header *header = (const void *)dump->data;
	const struct drm_halyard_dump_section *section, *found = NULL;
	size_t at = sizeof(*header);
	u32 count = 0;

	KUNIT_ASSERT_GE(test, dump->size, sizeof(*header));
	KUNIT_ASSERT_EQ(test, le64_to_cpu(header->magic), DRM_HALYARD_DUMP_MAGIC);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(header->version), DRM_HALYARD_DUMP_VERSION);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(header->header_size), sizeof(*header));
	KUNIT_ASSERT_EQ(test, le64_to_cpu(header->size), dump->size);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(header->pad), 0U);
	for (; at < dump->size; count++) {
		KUNIT_ASSERT_LE(test, at + sizeof(*section), dump->size);
		section = dump_at(dump, at);
		if (!found && !strcmp(section->name, name))
			found = section;
		at += sizeof(*section) + ALIGN(le64_to_cpu(section->size), DRM_HALYARD_DUMP_ALIGN);
	}
	KUNIT_ASSERT_EQ(test, at, dump->size);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(header->sections), count);

	return found;
}

static const void *dump_data(struct kunit *test, const struct dump *dump, const char *name,
			     enum drm_halyard_dump_type type, size_t *size)
{
	const struct drm_halyard_dump_section *section = dump_find(test, dump, name);

	KUNIT_ASSERT_NOT_NULL_MSG(test, section, "there is no section '%s'", name);
	KUNIT_ASSERT_EQ(test, le32_to_cpu(section->type), (u32)type);
	*size = le64_to_cpu(section->size);

	return section + 1;
}

/* A section of text has this line. */
static void dump_expect_says(struct kunit *test, const struct dump *dump, const char *name,
			     const char *line)
{
	size_t size;
	const char *text = dump_data(test, dump, name, DRM_HALYARD_DUMP_TEXT, &size);
	const char *at = strnstr(text, line, size);

	KUNIT_EXPECT_TRUE_MSG(test, at && (at == text || at[-1] == '\n') &&
			      at[strlen(line)] == '\n', "no line '%s'", line);
}

static u64 dump_value(struct kunit *test, const struct dump *dump, const char *section,
		      const char *name)
{
	const struct drm_halyard_dump_value *values;
	size_t size, i;

	values = dump_data(test, dump, section, DRM_HALYARD_DUMP_VALUES, &size);
	for (i = 0; i < size / sizeof(*values); i++)
		if (!strcmp(values[i].name, name))
			return le64_to_cpu(values[i].value);
	KUNIT_FAIL(test, "section '%s' has no '%s'", section, name);

	return 0;
}

/* The second of three jobs fails. */
static struct dump dump_of_second(struct kunit *test, struct mock_pair *fix)
{
	struct mock *mock = fix->mock;
	u32 done[3], i;

	for (i = 0; i < 3; i++)
		done[i] = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 3));
	mock_complete(mock, 0, 1);
	mock_fault(mock, 0, 2, &dump_fault);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -EFAULT);

	return dump_get(mock);
}

static void dump_of_fault(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct dump dump = dump_of_second(test, fix);
	const struct mock_payload *payload;
	size_t size;

	dump_expect_says(test, &dump, "device", "reason: a job failed");
	dump_expect_says(test, &dump, "device", "chip: mock");
	dump_expect_says(test, &dump, "device", "revision: 1.0");
	dump_expect_says(test, &dump, "queue", "number: 0");
	dump_expect_says(test, &dump, "queue", "class: mock");
	dump_expect_says(test, &dump, "queue", "cause: unmapped");
	dump_expect_says(test, &dump, "queue", "error: -14");
	dump_expect_says(test, &dump, "queue", "address: 0x100000");
	dump_expect_says(test, &dump, "queue", "access: write");
	dump_expect_says(test, &dump, "queue", "command: 7");
	dump_expect_says(test, &dump, "queue", "tag: 0xabcd");
	dump_expect_says(test, &dump, "queue", "job: 2");
	dump_expect_says(test, &dump, "queue", "started: 3");
	dump_expect_says(test, &dump, "queue", "done: 1");

	payload = dump_data(test, &dump, "payload", DRM_HALYARD_DUMP_BYTES, &size);
	KUNIT_ASSERT_EQ(test, size, sizeof(*payload));
	KUNIT_EXPECT_EQ(test, payload->cookie, (u64)fix->queues[0]);
	dump_data(test, &dump, "ring", DRM_HALYARD_DUMP_BYTES, &size);
	KUNIT_EXPECT_EQ(test, size, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dump_value(test, &dump, "registers", "STOPPED"), 0ULL);
	KUNIT_EXPECT_NULL(test, dump_find(test, &dump, "job memory"));
	KUNIT_EXPECT_NULL(test, dump_find(test, &dump, "firmware"));
	dump_data(test, &dump, "queues", DRM_HALYARD_DUMP_TEXT, &size);
	KUNIT_EXPECT_GT(test, size, 0UL);
}

static void dump_of_hang(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = mock_submit_signalling(mock, fix->queues[1]);
	struct dump dump;

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_hang(mock, 1, true);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), -ETIME);
	dump = dump_get(mock);
	dump_expect_says(test, &dump, "queue", "number: 1");
	dump_expect_says(test, &dump, "queue", "cause: timeout");
	KUNIT_EXPECT_NULL(test, dump_find(test, &dump, "page walk"));
}

static void dump_walks_page_tables(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct dump dump = dump_of_second(test, fix);

	KUNIT_EXPECT_EQ(test, dump_value(test, &dump, "page walk", "address"), MOCK_VA_START);
	KUNIT_EXPECT_EQ(test, dump_value(test, &dump, "page walk", "entry"), 0ULL);
}

/* Who has the lock may be waiting for what recovery holds. */
static void dump_awaits_no_address_space(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct halyard_vm *vm = fix->mock->dev->queues[0]->queue->vm;
	struct dump dump;

	mutex_lock(&vm->lock);
	dump = dump_of_second(test, fix);
	mutex_unlock(&vm->lock);
	dump_expect_says(test, &dump, "page walk", "none: the address space was being changed");
}

static void dump_of_device(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct dump dump;
	u32 done[2], i;

	mock_submit_both(fix, done);
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	dump = dump_get(mock);
	dump_expect_says(test, &dump, "device", "reason: test");
	KUNIT_EXPECT_NULL(test, dump_find(test, &dump, "queue"));
	/* Before the reset. */
	KUNIT_EXPECT_EQ(test, dump_value(test, &dump, "registers", "STOPPED"), 0ULL);

	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, i, 1));
		mock_complete(mock, i, 1);
		KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[i]), 0);
	}
}

/* Nothing has failed. */
static void dump_none_of_restart(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct dump dump;

	halyard_restart_device(mock->hdev, "restart");
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	/* Had there been one it would have been kept, and not this. */
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	dump = dump_get(mock);
	dump_expect_says(test, &dump, "device", "reason: test");
}

/* What follows from the first failure does not hide it. */
static void dump_keeps_first(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct dump dump;
	u32 done[2];

	mock_submit_both(fix, done);
	mock_fault(mock, 0, 1, &dump_fault);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -EFAULT);
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	dump = dump_get(mock);
	dump_expect_says(test, &dump, "device", "reason: a job failed");
	dump_expect_says(test, &dump, "queue", "number: 0");
}

static void dump_of_lost_device(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct dump dump;

	mock_fail(mock, MOCK_START, U32_MAX);
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	/* It outlives the device. */
	halyard_device_unplug(mock->hdev);
	dump = dump_get(mock);
	dump_expect_says(test, &dump, "device", "reason: test");
}

/* Sections that find no room are cut off or left out, and said to be. */
static void dump_is_cut_off(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	const struct drm_halyard_dump_section *section;
	struct dump dump;

	fix->mock->dev->talkative = true;
	dump = dump_of_second(test, fix);
	section = dump_find(test, &dump, "registers");
	KUNIT_ASSERT_NOT_NULL(test, section);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(section->flags), DRM_HALYARD_DUMP_TRUNCATED);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(section->size) % sizeof(struct drm_halyard_dump_value),
			0ULL);
	KUNIT_EXPECT_GT(test, le64_to_cpu(section->size), (u64)SZ_16K);
	KUNIT_EXPECT_NULL(test, dump_find(test, &dump, "page walk"));
}

/* What the device ran is the copy that was checked. */
static void dump_of_job_memory(struct kunit *test)
{
	struct mock *mock = mock_another(test, &mock_bare_chip);
	u32 vm = mock_vm_create(mock, mock->file);
	u32 queue = mock_queue_create(mock, mock->file, vm);
	u32 done = mock_submit_signalling(mock, queue);
	const struct mock_job_mem *mem;
	struct dump dump;
	size_t size;

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_fault(mock, 0, 1, &dump_fault);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), -EFAULT);
	dump = dump_get(mock);
	mem = dump_data(test, &dump, "job memory", DRM_HALYARD_DUMP_BYTES, &size);
	KUNIT_ASSERT_GE(test, size, sizeof(*mem));
	KUNIT_EXPECT_EQ(test, mem->payload.cookie, (u64)queue);
	/* It has no page tables to be walked. */
	KUNIT_EXPECT_NULL(test, dump_find(test, &dump, "page walk"));
}

static void dump_of_firmware(struct kunit *test)
{
	struct mock *mock = mock_another(test, &mock_firmware_chip);
	struct dump dump;

	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	dump = dump_get(mock);
	dump_expect_says(test, &dump, "firmware", "file: halyard/no-such-firmware.fw");
	dump_expect_says(test, &dump, "firmware", "state: there is no such file in /lib/firmware");
}

static struct kunit_case dump_cases[] = {
	KUNIT_CASE(dump_of_fault),
	KUNIT_CASE(dump_of_hang),
	KUNIT_CASE(dump_walks_page_tables),
	KUNIT_CASE(dump_awaits_no_address_space),
	KUNIT_CASE(dump_of_device),
	KUNIT_CASE(dump_none_of_restart),
	KUNIT_CASE(dump_keeps_first),
	KUNIT_CASE(dump_of_lost_device),
	KUNIT_CASE(dump_is_cut_off),
	KUNIT_CASE(dump_of_job_memory),
	KUNIT_CASE(dump_of_firmware),
	{}
};

struct kunit_suite halyard_dump_suite = {
	.name = "halyard-dump",
	.suite_init = dump_suite_init,
	.suite_exit = dump_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = dump_cases,
};
