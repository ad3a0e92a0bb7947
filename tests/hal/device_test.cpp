// SPDX-License-Identifier: MIT
// Discovery, facts, errors, structs of other versions.
#include <poll.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class DeviceTest : public HalTest {};

TEST(Version, IsTheHeaders) {
  EXPECT_EQ(halyard_version(),
            static_cast<std::uint32_t>(HALYARD_VERSION_MAJOR << 16 | HALYARD_VERSION_MINOR << 8 |
                                       HALYARD_VERSION_PATCH));
}

TEST(Status, EveryOneHasItsName) {
  EXPECT_STREQ(halyard_status_name(HALYARD_OK), "HALYARD_OK");
  for (int i = HALYARD_OK; i <= HALYARD_DEVICE_ERROR; ++i) {
    EXPECT_THAT(halyard_status_name(static_cast<halyard_status>(i)),
                testing::StartsWith("HALYARD_"));
  }
  EXPECT_STREQ(halyard_status_name(static_cast<halyard_status>(31)), "unknown");
}

TEST(Dtype, HasItsSize) {
  EXPECT_EQ(halyard_dtype_size(f32), 4U);
  EXPECT_EQ(halyard_dtype_size(bf16), 2U);
  EXPECT_EQ(halyard_dtype_size(u8), 1U);
  EXPECT_EQ(halyard_dtype_size(static_cast<halyard_dtype>(7)), 0U);
}

TEST_F(DeviceTest, IsListedAsItDescribesItself) {
  const auto mine = device_.info();
  bool found = false;
  for (const auto& info : enumerate()) {
    if (std::string_view(info.path) != mine.path) continue;
    found = true;
    EXPECT_EQ(info.usable, 1U) << info.problem;
    EXPECT_STREQ(info.chip, mine.chip);
    EXPECT_STREQ(info.platform, on_sim() ? "sim" : "drm");
    EXPECT_EQ(info.chip_revision, mine.chip_revision);
    EXPECT_GT(info.memory_size, 0U);
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(halyard_diagnose(nullptr, nullptr), 0U) << "a usable device needs no explanation";
}

TEST_F(DeviceTest, OpensByPathAndByKind) {
  const auto info = device_.info();
  EXPECT_STREQ(Device::open(info.path).info().path, info.path);
  EXPECT_STREQ(Device::open(info.chip).info().chip, info.chip);
  EXPECT_STREQ(Device::open().info().platform, info.platform);
}

TEST(Open, OfWhatIsNotThereSaysSo) {
  auto error = error_of([] { return Device::open("/dev/accel/accel77"); });
  EXPECT_EQ(error.code(), HALYARD_NO_DEVICE);
  EXPECT_THAT(error.what(), testing::HasSubstr("/dev/accel/accel77"));
  error = error_of([] { return Device::open("nosuchchip"); });
  EXPECT_EQ(error.code(), HALYARD_NO_DEVICE);
  EXPECT_THAT(error.what(), testing::HasSubstr("nosuchchip"));
}

TEST(Open, OfANodeOfAnotherKindIsRefused) {
  EXPECT_EQ(error_of([] { return Device::open("/dev/null"); }).code(), HALYARD_NO_DEVICE);
}

TEST(Platform, UnknownNameIsRefused) {
  const char* before = std::getenv("HALYARD_PLATFORM");
  const std::string saved = before != nullptr ? before : "";
  setenv("HALYARD_PLATFORM", "cloud", 1);
  const auto error = error_of([] { return enumerate(); });
  if (saved.empty()) {
    unsetenv("HALYARD_PLATFORM");
  } else {
    setenv("HALYARD_PLATFORM", saved.c_str(), 1);
  }
  EXPECT_EQ(error.code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_THAT(error.what(), testing::HasSubstr("cloud"));
}

TEST_F(DeviceTest, HasEngines) {
  const auto engines = device_.engines();
  ASSERT_FALSE(engines.empty());
  for (const auto& engine : engines) {
    EXPECT_GT(engine.count, 0U);
    EXPECT_GT(std::strlen(engine.name), 0U);
  }
}

TEST_F(DeviceTest, TimeAdvancesWithTheHosts) {
  std::uint64_t device_before = 0, host_before = 0, device_after = 0, host_after = 0;
  ASSERT_EQ(halyard_device_get_time(device_.get(), &device_before, &host_before), HALYARD_OK);
  std::this_thread::sleep_for(kMoment);
  ASSERT_EQ(halyard_device_get_time(device_.get(), &device_after, &host_after), HALYARD_OK);
  EXPECT_GE(host_after - host_before, static_cast<std::uint64_t>(kMoment.count()));
  EXPECT_GT(device_after, device_before);
}

TEST_F(DeviceTest, CountsJobsOfReleasedQueuesToo) {
  const auto before = device_.jobs();
  {
    auto queue = device_.create_queue();
    for (int i = 0; i < 5; ++i)
      queue.barrier().wait(kPatience);
    EXPECT_EQ(device_.jobs().completed, before.completed + 5);
  }
  EXPECT_EQ(device_.jobs().completed, before.completed + 5);
  EXPECT_EQ(device_.jobs().failed, before.failed);
}

TEST(Monitor, HasADescriptorAndTimesOut) {
  halyard_monitor* monitor = nullptr;
  ASSERT_EQ(halyard_monitor_create(&monitor), HALYARD_OK);
  pollfd descriptor{halyard_monitor_fd(monitor), POLLIN, 0};
  EXPECT_EQ(poll(&descriptor, 1, 0), 0);
  auto event = detail::sized<halyard_monitor_event>();
  EXPECT_EQ(halyard_monitor_next(monitor, 0, &event), HALYARD_TIMEOUT);
  EXPECT_EQ(halyard_monitor_next(monitor, detail::deadline(1ms), &event), HALYARD_TIMEOUT);
  halyard_monitor_release(monitor);
  halyard_monitor_release(nullptr);
}

// ---- structs of other versions -------------------------------------------------------------

TEST_F(DeviceTest, OlderCallerGetsWhatItKnows) {
  struct Old {
    std::size_t size;
    char path[64];
    char guard[64];
  } old{};
  old.size = offsetof(Old, guard);
  std::memset(old.guard, 0x5a, sizeof(old.guard));
  ASSERT_EQ(halyard_device_get_info(device_.get(), reinterpret_cast<halyard_device_info*>(&old)),
            HALYARD_OK);
  EXPECT_STREQ(old.path, device_.info().path);
  EXPECT_EQ(old.size, offsetof(Old, guard));
  EXPECT_EQ(old.guard[0], 0x5a) << "written past the caller's size";
}

TEST_F(DeviceTest, NewerCallerGetsZeroesForWhatIsNotKnown) {
  struct Newer {
    halyard_engine_info info;
    std::uint64_t later;
  };
  std::array<Newer, 8> list{};
  list[0].info.size = sizeof(Newer);
  for (auto& entry : list)
    entry.later = 7;
  std::size_t count = list.size();
  ASSERT_EQ(halyard_device_get_engines(device_.get(), &list[0].info, &count), HALYARD_OK);
  const auto engines = device_.engines();
  ASSERT_EQ(count, engines.size());
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_STREQ(list[i].info.name, engines[i].name) << "the caller's size is the stride";
    EXPECT_EQ(list[i].later, 0U);
  }
}

TEST_F(DeviceTest, NewerMemberThatIsInUseIsRefused) {
  struct Newer {
    halyard_queue_desc desc;
    std::uint64_t later;
  } newer{};
  newer.desc.size = sizeof(newer);
  halyard_queue* queue = nullptr;
  ASSERT_EQ(halyard_queue_create(device_.get(), &newer.desc, &queue), HALYARD_OK);
  halyard_queue_release(queue);
  newer.later = 1;
  queue = nullptr;
  EXPECT_EQ(halyard_queue_create(device_.get(), &newer.desc, &queue), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(queue, nullptr) << "outputs are unchanged on failure";
}

TEST_F(DeviceTest, SizeThatIsNotSetIsRefused) {
  halyard_device_info info{};
  EXPECT_EQ(halyard_device_get_info(device_.get(), &info), HALYARD_INVALID_ARGUMENT);
  halyard_queue_desc desc{};
  halyard_queue* queue = nullptr;
  EXPECT_EQ(halyard_queue_create(device_.get(), &desc, &queue), HALYARD_INVALID_ARGUMENT);
}

TEST_F(DeviceTest, TooLittleRoomIsFilledAndTold) {
  const auto program = device_.compile(add_relu_graph(4));
  std::size_t count = 0;
  ASSERT_EQ(halyard_program_get_bindings(program.get(), nullptr, &count), HALYARD_OK);
  ASSERT_EQ(count, 2U);
  auto one = detail::sized<halyard_binding_info>();
  std::size_t room = 1;
  ASSERT_EQ(halyard_program_get_bindings(program.get(), &one, &room), HALYARD_OK);
  EXPECT_EQ(room, count);
  EXPECT_GT(std::strlen(one.name), 0U);
}

// ---- null and last error -------------------------------------------------------------------

TEST_F(DeviceTest, NullIsRefusedByName) {
  halyard_buffer* buffer = nullptr;
  EXPECT_EQ(halyard_buffer_create(nullptr, 1, 0, &buffer), HALYARD_INVALID_ARGUMENT);
  EXPECT_THAT(last_error().message, testing::HasSubstr("device"));
  EXPECT_EQ(halyard_buffer_create(device_.get(), 1, 0, nullptr), HALYARD_INVALID_ARGUMENT);
  EXPECT_THAT(last_error().message, testing::HasSubstr("out"));
  EXPECT_EQ(halyard_buffer_map(nullptr), nullptr);
  EXPECT_EQ(last_error().status, HALYARD_INVALID_ARGUMENT);
}

TEST_F(DeviceTest, ReleasingNullDoesNothing) {
  halyard_device_release(nullptr);
  halyard_buffer_release(nullptr);
  halyard_timeline_release(nullptr);
  halyard_graph_release(nullptr);
  halyard_program_release(nullptr);
  halyard_queue_release(nullptr);
  halyard_profile_release(nullptr);
  EXPECT_EQ(halyard_device_retain(nullptr), nullptr);
}

TEST_F(DeviceTest, LastErrorBelongsToItsThread) {
  halyard_buffer* buffer = nullptr;
  ASSERT_EQ(halyard_buffer_create(device_.get(), 0, 0, &buffer), HALYARD_INVALID_ARGUMENT);
  std::thread([] { EXPECT_EQ(halyard_last_error(nullptr), HALYARD_OK); }).join();
  EXPECT_EQ(halyard_last_error(nullptr), HALYARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace halyard::test
