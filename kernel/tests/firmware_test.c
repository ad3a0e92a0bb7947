// SPDX-License-Identifier: GPL-2.0-only
/* A device whose firmware is not there: it can be asked why, and takes no work. */

#include "mock.h"

static struct drm_halyard_query_firmware query_firmware(struct mock *mock)
{
	struct drm_halyard_query_firmware firmware = {};
	struct drm_halyard_dev_query query = {
		.type = DRM_HALYARD_QUERY_FIRMWARE,
		.size = sizeof(firmware),
		.pointer = mock_user(mock, &firmware, sizeof(firmware)),
	};
	int ret = mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_DEV_QUERY, &query);

	KUNIT_ASSERT_EQ(mock->test, ret, 0);
	mock_read_user(mock, &firmware, query.pointer, sizeof(firmware));

	return firmware;
}

static void firmware_is_missed(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_query_firmware firmware = query_firmware(mock);

	KUNIT_EXPECT_STREQ(test, firmware.version, "");
	KUNIT_EXPECT_STREQ(test, firmware.error, "there is no such file in /lib/firmware");
	/* What was started in vain is stopped. */
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 1U);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 1U);
}

static void firmware_keeps_queues_away(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_create create = {
		.vm_id = mock_vm_create(mock, mock->file),
		.priority = DRM_HALYARD_PRIORITY_NORMAL,
	};

	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_QUEUE_CREATE, &create),
			-EHOSTDOWN);
	/* Memory is to be had: a process that waits for better times loses nothing. */
	mock_bo_create(mock, mock->file, PAGE_SIZE);
}

static void firmware_reload_fails(struct kunit *test)
{
	struct mock *mock = test->priv;

	KUNIT_EXPECT_EQ(test, halyard_firmware_reload(mock->hdev), -ENOENT);
	KUNIT_EXPECT_TRUE(test, mock->hdev->core->down);
}

static void firmware_runs_at_last(struct kunit *test)
{
	struct mock *mock = test->priv;

	halyard_firmware_fails(mock->hdev, "a sentence of %d words", 5);
	KUNIT_EXPECT_STREQ(test, query_firmware(mock).error, "a sentence of 5 words");
	KUNIT_EXPECT_TRUE(test, halyard_firmware_failed(mock->hdev));
	halyard_firmware_runs(mock->hdev, "%d.%d", 4, 2);
	KUNIT_EXPECT_STREQ(test, query_firmware(mock).version, "4.2");
	KUNIT_EXPECT_STREQ(test, query_firmware(mock).error, "");
	KUNIT_EXPECT_FALSE(test, halyard_firmware_failed(mock->hdev));
}

static struct kunit_case firmware_cases[] = {
	KUNIT_CASE(firmware_is_missed),
	KUNIT_CASE(firmware_keeps_queues_away),
	KUNIT_CASE(firmware_reload_fails),
	KUNIT_CASE(firmware_runs_at_last),
	{}
};

struct kunit_suite halyard_firmware_suite = {
	.name = "halyard-firmware",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init_firmware,
	.exit = mock_exit,
	.test_cases = firmware_cases,
};
