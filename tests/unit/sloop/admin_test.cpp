// SPDX-License-Identifier: MIT
/// \file
/// Admin requests: contexts, queues, engines, telemetry, log, and what is refused.

#include <string>
#include <string_view>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class AdminTest : public CardTest {
 protected:
  void refused() { expect_broken({"SLP-A3"}); }
  std::uint32_t ask(std::uint32_t op, std::uint32_t target = 0) {
    const auto response = machine_.request(op, target);
    return response ? response->status : ~0U;
  }
  slp_admin_request buffer_request(std::uint32_t op, std::uint64_t address, std::uint32_t size) {
    slp_admin_request request{};
    request.op = op;
    request.buffer.address = address;
    request.buffer.size = size;
    return request;
  }
};

TEST_F(AdminTest, AnswersComeInOrderAndWrapAround) {
  for (unsigned i = 0; i < 3U << Machine::kOrder; ++i)
    ASSERT_EQ(ask(SLP_ADMIN_NOP), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(machine_.read(SLP_ADMIN_REQUEST_HEAD), 3U << Machine::kOrder);
  EXPECT_EQ(machine_.read(SLP_ADMIN_RESPONSE_TAIL), 3U << Machine::kOrder);
}

TEST_F(AdminTest, ContextsComeAndGo) {
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_CREATE, 3), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_DESTROY, 3), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_CREATE, 3), std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(AdminTest, UnknownOpcode) {
  refused();
  EXPECT_EQ(ask(SLP_NUM_ADMIN_OPS), std::uint32_t{SLP_ADMIN_BAD_OP});
}

TEST_F(AdminTest, ContextsThatAreNotThere) {
  refused();
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_CREATE, SLP_NUM_CONTEXTS), std::uint32_t{SLP_ADMIN_BAD_TARGET});
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_DESTROY, 1), std::uint32_t{SLP_ADMIN_BAD_TARGET});
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_CREATE, 1), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_CREATE, 1), std::uint32_t{SLP_ADMIN_BAD_TARGET});
}

TEST_F(AdminTest, AContextInUseStays) {
  refused();
  TestQueue queue(machine_, 2);
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_DESTROY, 2), std::uint32_t{SLP_ADMIN_IN_USE});
  EXPECT_EQ(queue.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(ask(SLP_ADMIN_CONTEXT_DESTROY, 2), std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(AdminTest, QueuesThatAreNotThere) {
  refused();
  EXPECT_EQ(ask(SLP_ADMIN_QUEUE_DESTROY, 1), std::uint32_t{SLP_ADMIN_BAD_TARGET});
  EXPECT_EQ(ask(SLP_ADMIN_QUEUE_DESTROY, SLP_NUM_QUEUES), std::uint32_t{SLP_ADMIN_BAD_TARGET});
  TestQueue queue(machine_, 1);
  EXPECT_EQ(queue.create(), std::uint32_t{SLP_ADMIN_BAD_TARGET});
}

TEST_F(AdminTest, ReservedFields) {
  refused();
  slp_admin_request request{};
  request.reserved = 1;
  EXPECT_EQ(machine_.request(request)->status, std::uint32_t{SLP_ADMIN_BAD_FIELD});
  for (unsigned i = 0; i < 6; ++i) {
    request = {};
    request.op = SLP_ADMIN_CONTEXT_CREATE;
    request.none[i] = 1;
    EXPECT_EQ(machine_.request(request)->status, std::uint32_t{SLP_ADMIN_BAD_FIELD}) << i;
  }
  EXPECT_EQ(ask(SLP_ADMIN_NOP, 1), std::uint32_t{SLP_ADMIN_BAD_FIELD});
  EXPECT_EQ(ask(SLP_ADMIN_ENGINE_RESET, SLP_NUM_ENGINES), std::uint32_t{SLP_ADMIN_BAD_TARGET});
}

struct QueueCase {
  const char* name;
  void (*change)(slp_queue_config&);
  std::uint32_t status;
};

class QueueRefusal : public AdminTest, public testing::WithParamInterface<QueueCase> {};

TEST_P(QueueRefusal, NamesTheReason) {
  TestQueue queue(machine_, 5);
  ASSERT_EQ(queue.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
  slp_admin_request request = queue.create_request();
  GetParam().change(request.queue);
  EXPECT_EQ(machine_.request(request)->status, GetParam().status);
  refused();
  if (GetParam().status == SLP_ADMIN_BUS) expect_broken({"SLP-A3", "SLP-D1"});
}

INSTANTIATE_TEST_SUITE_P(
    Admin, QueueRefusal,
    testing::Values(
        QueueCase{"OrderLow", [](auto& q) { q.ring_order = SLP_RING_ORDER_MIN - 1; },
                  SLP_ADMIN_BAD_FIELD},
        QueueCase{"OrderHigh", [](auto& q) { q.ring_order = SLP_RING_ORDER_MAX + 1; },
                  SLP_ADMIN_BAD_FIELD},
        QueueCase{"NoContext", [](auto& q) { q.context = 6; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"ContextHigh", [](auto& q) { q.context = SLP_NUM_CONTEXTS; },
                  SLP_ADMIN_BAD_FIELD},
        QueueCase{"Class", [](auto& q) { q.engine_class = 2; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"Priority", [](auto& q) { q.priority = SLP_NUM_PRIORITIES; },
                  SLP_ADMIN_BAD_FIELD},
        QueueCase{"Share", [](auto& q) { q.share = SLP_NUM_SHARES; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"Reserved", [](auto& q) { q.reserved = 1; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"RequestsUnaligned", [](auto& q) { q.requests += 32; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"NoResponses", [](auto& q) { q.responses = 0; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"StatusUnaligned", [](auto& q) { q.status += 8; }, SLP_ADMIN_BAD_FIELD},
        QueueCase{"RequestsUnreachable", [](auto& q) { q.requests = 4096; }, SLP_ADMIN_BUS},
        QueueCase{"ResponsesUnreachable", [](auto& q) { q.responses = 4096; }, SLP_ADMIN_BUS},
        QueueCase{"StatusUnreachable", [](auto& q) { q.status = 4096; }, SLP_ADMIN_BUS}),
    [](const auto& test) { return test.param.name; });

// ---- Telemetry and log -----------------------------------------------------------------------

TEST_F(AdminTest, TelemetryCounts) {
  TestQueue queue(machine_, 1);
  ASSERT_EQ(queue.run_tasks({fill_task(i32(0, {4}), 1), fill_task(i32(0, {4}), 2)}),
            std::uint32_t{SLP_STATUS_OK});
  const std::uint64_t buffer = machine_.pages(4096);
  const auto response = machine_.request(buffer_request(SLP_ADMIN_TELEMETRY, buffer, 4096));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(response->size, sizeof(slp_telemetry));
  const auto& telemetry = machine_.memory<slp_telemetry>(buffer);
  EXPECT_EQ(telemetry.contexts, 1U);
  EXPECT_EQ(telemetry.queues, 1U);
  EXPECT_EQ(telemetry.engines[0].jobs + telemetry.engines[1].jobs, 1U);
  EXPECT_EQ(telemetry.engines[0].commands + telemetry.engines[1].commands, 2U);
  EXPECT_GT(telemetry.engines[0].busy_ns + telemetry.engines[1].busy_ns, 0U);
  EXPECT_GT(telemetry.uptime_ns, 0U);
  EXPECT_GT(telemetry.timestamp, telemetry.uptime_ns);
  EXPECT_GT(telemetry.interrupts, 0U);
}

TEST_F(AdminTest, AShortBufferTakesThatMuch) {
  const std::uint64_t buffer = machine_.pages(4096);
  const auto response = machine_.request(buffer_request(SLP_ADMIN_TELEMETRY, buffer, 16));
  EXPECT_EQ(response->size, 16U);
  EXPECT_EQ(machine_.memory<std::uint64_t>(buffer + 16), 0U);
}

TEST_F(AdminTest, TheLogCanBeReadInPieces) {
  TestQueue queue(machine_, 9);
  const std::uint64_t buffer = machine_.pages(4096);
  std::string text;
  for (;;) {
    auto request = buffer_request(SLP_ADMIN_LOG, buffer, 48);
    request.buffer.offset = text.size();
    const auto response = machine_.request(request);
    ASSERT_TRUE(response);
    ASSERT_EQ(response->offset, text.size());
    if (response->size < 48) break;
    text.append(&machine_.memory<char>(buffer), response->size);
  }
  EXPECT_NE(text.find("sloop inference firmware 1.2.0, protocol 3"), std::string::npos) << text;
  EXPECT_NE(text.find("queue 9 created"), std::string::npos) << text;
}

TEST(FirmwareLog, KeepsTheNewest) {
  sloop::FirmwareLog log;
  const std::string line(1000, 'x');
  for (int i = 0; i < 100; ++i)
    log.append(line);
  log.append("end");
  const auto slice = log.read(0, 100);
  EXPECT_EQ(slice.offset, 100003U - sloop::FirmwareLog::kKept);
  EXPECT_EQ(slice.text.size(), 100U);
  EXPECT_EQ(log.read(100000, 100).text, "end");
  EXPECT_EQ(log.read(200000, 100).offset, 100003U);
  EXPECT_TRUE(log.read(200000, 100).text.empty());
}

TEST_F(AdminTest, BuffersThatAreNone) {
  const std::uint64_t buffer = machine_.pages(4096);
  auto status = [&](const slp_admin_request& request) { return machine_.request(request)->status; };
  EXPECT_EQ(status(buffer_request(SLP_ADMIN_TELEMETRY, buffer + 4, 64)),
            std::uint32_t{SLP_ADMIN_BAD_FIELD});
  EXPECT_EQ(status(buffer_request(SLP_ADMIN_LOG, buffer, 0)), std::uint32_t{SLP_ADMIN_BAD_FIELD});
  auto request = buffer_request(SLP_ADMIN_TELEMETRY, buffer, 64);
  request.buffer.offset = 8;
  EXPECT_EQ(status(request), std::uint32_t{SLP_ADMIN_BAD_FIELD});
  request = buffer_request(SLP_ADMIN_LOG, buffer, 64);
  request.buffer.reserved[6] = 1;
  EXPECT_EQ(status(request), std::uint32_t{SLP_ADMIN_BAD_FIELD});
  EXPECT_EQ(status(buffer_request(SLP_ADMIN_TELEMETRY, 4096, 64)), std::uint32_t{SLP_ADMIN_BUS});
  expect_broken({"SLP-A3", "SLP-D1"});
}

}  // namespace

}  // namespace halyard::emu::test
