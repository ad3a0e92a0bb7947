// SPDX-License-Identifier: MIT
#include "streams_test.hpp"

#include <ggml-alloc.h>
#include <ggml-cpp.h>
#include <ggml.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace halyard::ggml {
namespace {

constexpr std::size_t kElements = 100'000;

/// Numbers in a device's memory, and a graph that adds as much to each of them.
class Numbers {
 public:
  Numbers(ggml_backend_t backend, float first) : backend_(backend) {
    const ggml_init_params params{4 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr,
                                  true};
    context_.reset(ggml_init(params));
    values_ = ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, kElements);
    one_ = ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, 1);
    graph_ = ggml_new_graph(context_.get());
    ggml_build_forward_expand(graph_, ggml_add_inplace(context_.get(), values_, one_));
    memory_.reset(ggml_backend_alloc_ctx_tensors(context_.get(), backend));
    set(first);
    const float one = 1;
    ggml_backend_tensor_set(one_, &one, 0, sizeof one);
  }

  [[nodiscard]] ggml_tensor* tensor() const { return values_; }
  void set(float value) {
    const std::vector<float> values(kElements, value);
    ggml_backend_tensor_set_async(backend_, values_, values.data(), 0, ggml_nbytes(values_));
  }
  void add_one() {
    ASSERT_EQ(ggml_backend_graph_compute_async(backend_, graph_), GGML_STATUS_SUCCESS);
  }
  [[nodiscard]] std::vector<float> get() const {
    std::vector<float> values(kElements);
    ggml_backend_tensor_get_async(backend_, values_, values.data(), 0, ggml_nbytes(values_));
    ggml_backend_synchronize(backend_);
    return values;
  }

 private:
  ggml_backend_t backend_;
  ggml_context_ptr context_;
  ggml_backend_buffer_ptr memory_;
  ggml_tensor *values_ = nullptr, *one_ = nullptr;
  ggml_cgraph* graph_ = nullptr;
};

/// A stream on each of two devices, or two on one.
class PairTest : public testing::Test {
 public:
  PairTest(const Session& session, ggml_backend_dev_t first, ggml_backend_dev_t second)
      : session_(session), devices_{first, second} {}

 protected:
  void SetUp() override {
    for (const auto index : {0, 1}) {
      backends_[index].reset(ggml_backend_dev_init(devices_[index], nullptr));
      ASSERT_NE(backends_[index], nullptr);
    }
  }

  [[nodiscard]] ggml_backend_t first() const { return backends_[0].get(); }
  [[nodiscard]] ggml_backend_t second() const { return backends_[1].get(); }
  [[nodiscard]] bool one_device() const { return devices_[0] == devices_[1]; }

  void copy(const Numbers& from, const Numbers& to) const {
    ggml_backend_tensor_copy_async(first(), second(), from.tensor(), to.tensor());
  }
  /// Jobs that both devices have done.
  [[nodiscard]] unsigned long jobs() const {
    return jobs_of(devices_[0]) + (one_device() ? 0 : jobs_of(devices_[1]));
  }

 private:
  /// A back end tells them at its end.
  [[nodiscard]] unsigned long jobs_of(ggml_backend_dev_t device) const {
    std::remove(session_.statistics.c_str());
    ggml_backend_ptr(ggml_backend_dev_init(device, nullptr)).reset();
    std::ifstream file(session_.statistics);
    std::string name;
    unsigned long count = 0;
    file >> name >> count;
    EXPECT_EQ(name, std::string(ggml_backend_dev_name(device)) + ":");
    return count;
  }

  const Session& session_;
  ggml_backend_dev_t devices_[2];
  ggml_backend_ptr backends_[2];
};

class CopyTest : public PairTest {
 public:
  using PairTest::PairTest;

  /// Between two graphs on the one side and two on the other.
  void TestBody() override {
    const auto before = jobs();
    Numbers from(first(), 1), to(second(), 50);
    from.add_one();
    to.add_one();
    copy(from, to);
    from.add_one();
    to.add_one();
    EXPECT_THAT(from.get(), testing::Each(3));
    EXPECT_THAT(to.get(), testing::Each(3));
    constexpr unsigned kGraphs = 4;
    EXPECT_EQ(jobs() - before, kGraphs + 1) << "neither device has copied";
  }
};

class EventTest : public PairTest {
 public:
  using PairTest::PairTest;

  void TestBody() override {
    Numbers from(first(), 1), to(second(), 50);
    const ggml_backend_event_ptr event(ggml_backend_event_new(ggml_backend_get_device(second())));
    ASSERT_NE(event, nullptr);
    ggml_backend_event_synchronize(event.get());  // of nothing
    copy(from, to);
    ggml_backend_event_record(event.get(), second());
    ggml_backend_event_wait(first(), event.get());
    from.add_one();  // not before it was copied
    ggml_backend_event_synchronize(event.get());
    std::vector<float> values(kElements);
    ggml_backend_tensor_get(to.tensor(), values.data(), 0, ggml_nbytes(to.tensor()));
    EXPECT_THAT(values, testing::Each(1));
    EXPECT_THAT(from.get(), testing::Each(2));
  }
};

class HostCopyTest : public PairTest {
 public:
  using PairTest::PairTest;

  void TestBody() override {
    const Numbers from(first(), 7), to(second(), 50);
    ggml_backend_tensor_copy(from.tensor(), to.tensor());
    EXPECT_THAT(to.get(), testing::Each(7));
  }
};

class CapabilitiesTest : public PairTest {
 public:
  using PairTest::PairTest;

  /// Graphs are waited for: a host that is told otherwise would have to learn of failures
  /// elsewhere.
  void TestBody() override {
    ggml_backend_dev_props props;
    ggml_backend_dev_get_props(ggml_backend_get_device(first()), &props);
    EXPECT_TRUE(props.caps.events);
    EXPECT_FALSE(props.caps.async);
  }
};

template <class Test>
void add(const char* suite, const Session& session, ggml_backend_dev_t first,
         ggml_backend_dev_t second) {
  const auto name = std::string(ggml_backend_dev_name(first)) + "_" + ggml_backend_dev_name(second);
  testing::RegisterTest(
      suite, name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
      [&session, first, second]() -> testing::Test* { return new Test(session, first, second); });
}

}  // namespace

void register_tests(const Session& session) {
  for (auto* first : session.devices) {
    add<CapabilitiesTest>("Capabilities", session, first, first);
    for (auto* second : session.devices) {
      add<CopyTest>("Copy", session, first, second);
      add<EventTest>("Event", session, first, second);
      add<HostCopyTest>("HostCopy", session, first, second);
    }
  }
}

}  // namespace halyard::ggml
