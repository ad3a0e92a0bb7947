// SPDX-License-Identifier: MIT
#include "failure_test.hpp"

#include <ggml-alloc.h>
#include <ggml-cpp.h>
#include <ggml.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace halyard::ggml {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A second is what a runtime's user should wait; a busy host has this long.
constexpr auto kLimit = 5s;
/// Without progress for this long a job hangs.
constexpr unsigned kHangMs = 500;

/// Products of matrices of ones, one after the other, each divided by its side: always ones.
class Ones {
 public:
  explicit Ones(ggml_backend_t backend) : backend_(backend) {
    ggml_init_params params{kTensors * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr,
                            true};
    context_.reset(ggml_init(params));
    factor_ = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, kSide, kSide);
    graph_ = ggml_new_graph(context_.get());
    auto* value = factor_;
    for (int i = 0; i < kProducts; ++i) {
      value = ggml_scale(context_.get(), ggml_mul_mat(context_.get(), factor_, value),
                         1.0F / static_cast<float>(kSide));
    }
    result_ = value;
    ggml_build_forward_expand(graph_, result_);
    memory_.reset(ggml_backend_alloc_ctx_tensors(context_.get(), backend));
    const std::vector<float> ones(kSide * kSide, 1.0F);
    ggml_backend_tensor_set(factor_, ones.data(), 0, ggml_nbytes(factor_));
  }

  ggml_status compute() {
    const std::vector<float> nothing(kSide * kSide, 0.0F);
    ggml_backend_tensor_set(result_, nothing.data(), 0, ggml_nbytes(result_));
    return ggml_backend_graph_compute(backend_, graph_);
  }
  [[nodiscard]] std::vector<float> result() const {
    std::vector<float> values(kSide * kSide);
    ggml_backend_tensor_get(result_, values.data(), 0, ggml_nbytes(result_));
    return values;
  }

 private:
  static constexpr int kProducts = 8;
  static constexpr std::size_t kSide = 64, kTensors = 2 * kProducts + 1;

  ggml_backend_t backend_;
  ggml_context_ptr context_;
  ggml_backend_buffer_ptr memory_;
  ggml_tensor *factor_ = nullptr, *result_ = nullptr;
  ggml_cgraph* graph_ = nullptr;
};

class FailureTest : public testing::Test {
 public:
  FailureTest(Session& session, const faults::Case& fault) : session_(session), fault_(fault) {}

  void TestBody() override {
    const ggml_backend_ptr backend(ggml_backend_dev_init(session_.device, nullptr));
    ASSERT_NE(backend, nullptr);
    Ones ones(backend.get());
    expect_right(ones);

    // The graph is one job: what it meets is the first there is.
    auto injection = fault_.injections.front();
    injection.skip = "0";
    ASSERT_TRUE(session_.card.inject(injection.line(session_.random)));
    session_.log.clear();
    const auto start = Clock::now();
    std::string reason = "HALYARD_" + fault_.status;
    auto status = ones.compute();
    if (status == GGML_STATUS_SUCCESS) {
      // What the card spoilt came after the end of the job: the queue is lost, the result is not.
      EXPECT_THAT(ones.result(), testing::Each(testing::FloatEq(1.0F)));
      reason = "HALYARD_QUEUE_BANNED";
      status = ones.compute();
    }
    EXPECT_EQ(status, GGML_STATUS_FAILED);
    const auto took = Clock::now() - start;
    EXPECT_LT(took, kLimit);
    EXPECT_THAT(session_.log, testing::HasSubstr(reason));
    std::printf("%s: failed after %lld ms: %s", fault_.name.c_str(),
                static_cast<long long>(took / 1ms), session_.log.c_str());

    expect_right(ones);
  }

 private:
  static void expect_right(Ones& ones) {
    ASSERT_EQ(ones.compute(), GGML_STATUS_SUCCESS);
    EXPECT_THAT(ones.result(), testing::Each(testing::FloatEq(1.0F)));
  }

  Session& session_;
  const faults::Case& fault_;
};

/// One job fails with one injection, and nobody needs more than a new queue.
bool fails_one_job(const faults::Case& fault) {
  return fault.outcome == faults::Outcome::kGuilty && fault.rung == faults::kQueue &&
         fault.injections.size() == 1 && !fault.churn;
}

}  // namespace

void register_tests(Session& session) {
  session.card.set_timeout(kHangMs);
  for (const auto& fault : session.cases) {
    if (!fails_one_job(fault)) continue;
    testing::RegisterTest("Failure", fault.name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [&session, &fault] { return new FailureTest(session, fault); });
  }
}

}  // namespace halyard::ggml
