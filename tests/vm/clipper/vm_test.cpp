// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

// ---- Creation, destruction ----

class Vm : public testing::Test {
 protected:
  Client client_;
};

TEST_F(Vm, CreateFlagsMustBeZero) {
  for (const std::uint32_t flags : {1U, 1U << 31U}) {
    drm_halyard_vm_create argument{.flags = flags, .vm_id = 0};
    EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_VM_CREATE, argument), EINVAL);
  }
}

TEST_F(Vm, DestroyPadMustBeZero) {
  drm_halyard_vm_destroy argument{.vm_id = client_.make_vm(), .pad = 1};
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_VM_DESTROY, argument), EINVAL);
  argument.pad = 0;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_VM_DESTROY, argument), 0);
}

TEST_F(Vm, StaleAndForeignIdsAreRefused) {
  const std::uint32_t stale = client_.make_vm();
  ASSERT_EQ(client_.vm_destroy(stale), 0);
  const Client other;
  std::uint32_t foreign = 0;
  for (int i = 0; i < 3; ++i) {
    foreign = other.make_vm();
  }
  const std::uint32_t bo = client_.make_bo(kPage);
  for (const std::uint32_t id : {0U, stale, foreign, ~0U}) {
    EXPECT_EQ(client_.vm_destroy(id), ENOENT) << id;
    EXPECT_EQ(client_.map_at(id, bo, client_.reserve(kPage), kPage), ENOENT) << id;
  }
}

TEST_F(Vm, QueueKeepsItAlive) {
  const Buffer buffer = client_.make_buffer(kPage);
  const Program program = load(client_, Stream().fill(row(0, 1), 3), {whole(buffer)});
  const std::uint32_t queue = client_.make_queue();
  ASSERT_EQ(client_.vm_destroy(client_.vm()), 0);
  EXPECT_EQ(client_.run(program.job(queue)), 1);
  EXPECT_EQ(buffer.as()[0], 3U);
  EXPECT_EQ(client_.unmap(client_.vm(), buffer.va, kPage), ENOENT);
}

TEST_F(Vm, MappedBufferOutlivesItsHandle) {
  const Buffer buffer = client_.make_buffer(kPage);
  ASSERT_EQ(client_.close_bo(buffer.handle), 0);
  const Program program = load(client_, Stream().fill(row(0, 1), 4), {whole(buffer)});
  EXPECT_EQ(client_.run(program.job(client_.make_queue())), 1);
  EXPECT_EQ(buffer.as()[0], 4U);
}

// ---- VM_BIND: what is refused ----

class Bind : public testing::Test {
 protected:
  static constexpr std::uint64_t kSize = 4 * kPage;

  void SetUp() override {
    vm_ = client_.vm();
    handle_ = client_.make_bo(kSize);
    static_cast<void>(client_.reserve(kPage));  // so that there is something before it
    va_ = client_.reserve(kSize);
  }

  [[nodiscard]] drm_halyard_bind_op map_op() const {
    drm_halyard_bind_op op{};
    op.type = DRM_HALYARD_BIND_MAP;
    op.handle = handle_;
    op.va = va_;
    op.size = kSize;
    return op;
  }

  [[nodiscard]] drm_halyard_bind_op unmap_op() const {
    drm_halyard_bind_op op = map_op();
    op.type = DRM_HALYARD_BIND_UNMAP;
    op.handle = 0;
    return op;
  }

  /// A good MAP with something changed; when that is refused, the good one must still be possible.
  template <typename Spoil>
  int map_with(Spoil spoil) {
    drm_halyard_bind_op op = map_op();
    spoil(op);
    const int error = client_.vm_bind(vm_, op);
    if (error != 0) {
      EXPECT_EQ(client_.vm_bind(vm_, map_op()), 0);
    }
    EXPECT_EQ(client_.vm_bind(vm_, unmap_op()), 0);
    return error;
  }

  template <typename Spoil>
  int unmap_with(Spoil spoil) {
    drm_halyard_bind_op op = unmap_op();
    spoil(op);
    return client_.vm_bind(vm_, op);
  }

  /// VM_BIND with an array as given.
  int bind(const drm_halyard_obj_array& ops) {
    drm_halyard_vm_bind argument{};
    argument.vm_id = vm_;
    argument.ops = ops;
    const int error = client_.call(DRM_IOCTL_HALYARD_VM_BIND, argument);
    done_ = argument.done;
    return error;
  }

  Client client_;
  std::uint32_t vm_ = 0, handle_ = 0, done_ = 0;
  std::uint64_t va_ = 0;
};

using Op = drm_halyard_bind_op;

TEST_F(Bind, GoodMapIsAccepted) {
  EXPECT_EQ(map_with([](Op&) {}), 0);
}

TEST_F(Bind, UnknownTypeIsRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.type = DRM_HALYARD_BIND_UNMAP + 1; }), EINVAL);
}

TEST_F(Bind, UnknownFlagsAreRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.flags = 2; }), EINVAL);
  EXPECT_EQ(map_with([](Op& op) { op.flags = 1U << 31U; }), EINVAL);
}

TEST_F(Bind, OpPadMustBeZero) {
  EXPECT_EQ(map_with([](Op& op) { op.pad = 1; }), EINVAL);
}

TEST_F(Bind, UnalignedAddressIsRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.va += 8; }), EINVAL);
}

TEST_F(Bind, UnalignedSizeIsRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.size -= 8; }), EINVAL);
}

TEST_F(Bind, UnalignedOffsetIsRefused) {
  EXPECT_EQ(map_with([](Op& op) {
              op.bo_offset = 8;
              op.size = kPage;
            }),
            EINVAL);
}

TEST_F(Bind, SizeZeroIsRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.size = 0; }), EINVAL);
}

TEST_F(Bind, RangeThatOverflowsIsRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.va = ~std::uint64_t{0} << 12U; }), EINVAL);
  EXPECT_EQ(map_with([](Op& op) { op.size = ~std::uint64_t{0} << 12U; }), EINVAL);
}

TEST_F(Bind, RangeOutsideOfUserSpaceIsRefused) {
  const drm_halyard_query_device device = client_.device();
  EXPECT_EQ(map_with([&](Op& op) { op.va = device.va_start - kPage; }), EINVAL);
  EXPECT_EQ(map_with([&](Op& op) { op.va = device.va_end; }), EINVAL);
  EXPECT_EQ(map_with([&](Op& op) { op.va = device.va_end - kPage; }), EINVAL);
  EXPECT_EQ(map_with([](Op& op) { op.va = 0; }), EINVAL);
}

TEST_F(Bind, RangeBeyondTheBufferIsRefused) {
  EXPECT_EQ(map_with([](Op& op) { op.size += kPage; }), EINVAL);
  EXPECT_EQ(map_with([](Op& op) { op.bo_offset = kPage; }), EINVAL);
  EXPECT_EQ(map_with([](Op& op) { op.bo_offset = ~std::uint64_t{0} << 12U; }), EINVAL);
}

/// What the process lets the device read only is bound so, or not at all.
TEST_F(Bind, MemoryForReadingIsBoundForReading) {
  const Mapping memory(kPage, -1, 0, PROT_READ | PROT_WRITE);
  drm_halyard_bo_from_userptr argument{.address = memory.address(),
                                       .size = kPage,
                                       .flags = DRM_HALYARD_USERPTR_READONLY,
                                       .handle = 0};
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument), 0);
  EXPECT_EQ(client_.map_at(vm_, argument.handle, va_, kPage), EACCES);
  EXPECT_EQ(client_.map_at(vm_, argument.handle, va_, kPage, DRM_HALYARD_BIND_READONLY), 0);
}

TEST_F(Bind, UnmapTakesNoBuffer) {
  EXPECT_EQ(unmap_with([&](Op& op) { op.handle = handle_; }), EINVAL);
  EXPECT_EQ(unmap_with([](Op& op) { op.bo_offset = kPage; }), EINVAL);
  EXPECT_EQ(unmap_with([](Op& op) { op.flags = DRM_HALYARD_BIND_READONLY; }), EINVAL);
}

TEST_F(Bind, UnmapOpPadMustBeZero) {
  EXPECT_EQ(unmap_with([](Op& op) { op.pad = 1; }), EINVAL);
}

TEST_F(Bind, UnmapRangeIsChecked) {
  EXPECT_EQ(unmap_with([](Op& op) { op.va += 8; }), EINVAL);
  EXPECT_EQ(unmap_with([](Op& op) { op.size -= 8; }), EINVAL);
  EXPECT_EQ(unmap_with([](Op& op) { op.size = 0; }), EINVAL);
  EXPECT_EQ(unmap_with([](Op& op) { op.size = ~std::uint64_t{0} << 12U; }), EINVAL);
  const std::uint64_t end = client_.device().va_end;
  EXPECT_EQ(unmap_with([&](Op& op) { op.va = end; }), EINVAL);
}

TEST_F(Bind, FlagsMustBeZero) {
  const Op op = map_op();
  drm_halyard_vm_bind argument{};
  argument.vm_id = vm_;
  argument.ops = array_of(std::span(&op, 1));
  argument.flags = 1;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_VM_BIND, argument), EINVAL);
}

TEST_F(Bind, PadMustBeZero) {
  const Op op = map_op();
  drm_halyard_vm_bind argument{};
  argument.vm_id = vm_;
  argument.ops = array_of(std::span(&op, 1));
  argument.pad = 1;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_VM_BIND, argument), EINVAL);
}

// ---- Arrays with a stride ----

TEST_F(Bind, EmptyArrayDoesNothing) {
  EXPECT_EQ(bind({.stride = sizeof(Op), .count = 0, .array = 0}), 0);
  EXPECT_EQ(done_, 0U);
}

TEST_F(Bind, StrideSmallerThanTheStructIsRefused) {
  const Op op = map_op();
  const auto address = reinterpret_cast<std::uint64_t>(&op);
  EXPECT_EQ(bind({.stride = sizeof(Op) - 8, .count = 1, .array = address}), EINVAL);
  EXPECT_EQ(bind({.stride = 0, .count = 1, .array = address}), EINVAL);
}

TEST_F(Bind, StrideThatIsNoMultipleOf8IsRefused) {
  const std::array<Op, 2> ops{map_op(), Op{}};
  EXPECT_EQ(bind({.stride = sizeof(Op) + 4,
                  .count = 1,
                  .array = reinterpret_cast<std::uint64_t>(ops.data())}),
            EINVAL);
}

/// An op as a later version of the header may have it.
struct LongOp {
  Op op;
  std::uint64_t more;
};

TEST_F(Bind, LargerStrideIsAcceptedWithZeroTail) {
  const std::array<LongOp, 2> ops{LongOp{map_op(), 0}, LongOp{unmap_op(), 0}};
  EXPECT_EQ(bind({.stride = sizeof(LongOp),
                  .count = 2,
                  .array = reinterpret_cast<std::uint64_t>(ops.data())}),
            0);
  EXPECT_EQ(done_, 2U);
}

TEST_F(Bind, LargerStrideIsRefusedWithOtherTail) {
  const LongOp op{map_op(), 1};
  EXPECT_EQ(
      bind({.stride = sizeof(LongOp), .count = 1, .array = reinterpret_cast<std::uint64_t>(&op)}),
      E2BIG);
  EXPECT_EQ(client_.vm_bind(vm_, map_op()), 0);
}

TEST_F(Bind, TooManyOpsAreRefused) {
  const std::uint32_t max = client_.limits().bind_ops_max;
  const std::vector<Op> ops(max + 1, unmap_op());
  EXPECT_EQ(bind(array_of(std::span(ops))), E2BIG);
  EXPECT_EQ(bind({.stride = sizeof(Op),
                  .count = ~0U,
                  .array = reinterpret_cast<std::uint64_t>(ops.data())}),
            E2BIG);
  EXPECT_EQ(bind(array_of(std::span(ops).first(max))), 0);
}

TEST_F(Bind, BadArrayFaults) {
  EXPECT_EQ(bind({.stride = sizeof(Op), .count = 1, .array = 8}), EFAULT);
}

// ---- What bindings do ----

TEST_F(Bind, OverlapIsBusy) {
  ASSERT_EQ(client_.vm_bind(vm_, map_op()), 0);
  EXPECT_EQ(client_.vm_bind(vm_, map_op()), EBUSY);
  EXPECT_EQ(client_.map_at(vm_, handle_, va_ + kSize - kPage, kPage), EBUSY);
  EXPECT_EQ(client_.map_at(vm_, handle_, va_ - kPage, 2 * kPage), EBUSY);
  EXPECT_EQ(client_.map_at(vm_, handle_, va_ + kSize, kPage), 0);
}

TEST_F(Bind, FailureKeepsWhatWasDone) {
  const std::array<Op, 3> ops{map_op(), map_op(), unmap_op()};
  EXPECT_EQ(bind(array_of(std::span(ops))), EBUSY);
  EXPECT_EQ(done_, 1U);
  EXPECT_EQ(client_.vm_bind(vm_, map_op()), EBUSY);
}

TEST_F(Bind, UnmappingNothingIsFine) {
  EXPECT_EQ(client_.unmap(vm_, va_, kSize), 0);
}

TEST_F(Bind, AddressSpacesAreApart) {
  const std::uint32_t other = client_.make_vm();
  EXPECT_EQ(client_.vm_bind(vm_, map_op()), 0);
  EXPECT_EQ(client_.vm_bind(other, map_op()), 0);
}

TEST_F(Bind, OneBufferAtTwoAddresses) {
  const std::uint64_t second = client_.reserve(kSize);
  ASSERT_EQ(client_.vm_bind(vm_, map_op()), 0);
  ASSERT_EQ(client_.map_at(vm_, handle_, second, kPage, 0, kPage), 0);
  const Program program = load(client_, Stream().fill(row(0, 1), 11), {{second, kPage}});
  EXPECT_EQ(client_.run(program.job(client_.make_queue())), 1);
  EXPECT_EQ(client_.map(handle_, kSize).as<std::uint32_t>()[kPage / 4], 11U);
}

/// Which pages of a range the device reaches, by jobs that write to each; a queue is made for each,
/// as a fault bans it.
std::string reachable(Client& client, std::uint64_t va, const std::vector<std::uint64_t>& pages) {
  std::string result;
  for (const std::uint64_t page : pages) {
    const Program program = load(client, Stream().fill(row(0, 1), 1), {{va + page * kPage, kPage}});
    const std::uint32_t queue = client.make_queue();
    const int status = client.run(program.job(queue));
    result += status == 1 ? '+' : '-';
    EXPECT_TRUE(status == 1 || status == -EFAULT) << status;
    EXPECT_EQ(client.queue_destroy(queue), 0);
  }
  return result;
}

TEST_F(Bind, UnmapSplits) {
  ASSERT_EQ(client_.vm_bind(vm_, map_op()), 0);
  EXPECT_EQ(reachable(client_, va_, {0, 1, 2, 3}), "++++");
  ASSERT_EQ(client_.unmap(vm_, va_ + kPage, kPage), 0);
  EXPECT_EQ(reachable(client_, va_, {0, 1, 2, 3}), "+-++");
  EXPECT_EQ(client_.map_at(vm_, handle_, va_, kPage), EBUSY);
  EXPECT_EQ(client_.map_at(vm_, handle_, va_ + kPage, kPage), 0);
  EXPECT_EQ(reachable(client_, va_, {1}), "+");
}

TEST_F(Bind, UnmapSpansMappingsAndHoles) {
  ASSERT_EQ(client_.map_at(vm_, handle_, va_, 2 * kPage), 0);
  ASSERT_EQ(client_.map_at(vm_, handle_, va_ + 3 * kPage, kPage, 0, 3 * kPage), 0);
  ASSERT_EQ(client_.unmap(vm_, va_ + kPage, 3 * kPage), 0);
  EXPECT_EQ(reachable(client_, va_, {0, 1, 3}), "+--");
}

/// Three large pages, if the host's memory allows; small ones must behave alike.
TEST_F(Bind, LargePagesSplit) {
  constexpr std::uint64_t kPages = kLargePage / kPage;
  const Buffer large = client_.make_buffer(3 * kLargePage);
  ASSERT_EQ(large.va % kLargePage, 0U);
  EXPECT_EQ(reachable(client_, large.va, {0, kPages - 1, kPages, 2 * kPages, 3 * kPages - 1}),
            "+++++");
  ASSERT_EQ(client_.unmap(vm_, large.va + kLargePage + 5 * kPage, kPage), 0);
  EXPECT_EQ(
      reachable(client_, large.va, {kPages, kPages + 4, kPages + 5, kPages + 6, 2 * kPages - 1}),
      "++-++");
  ASSERT_EQ(client_.unmap(vm_, large.va + kPage, 2 * kLargePage), 0);
  EXPECT_EQ(
      reachable(client_, large.va, {0, 1, kPages, 2 * kPages, 2 * kPages + 1, 3 * kPages - 1}),
      "+---++");
  ASSERT_EQ(client_.unmap(vm_, large.va, 3 * kLargePage), 0);
  EXPECT_EQ(reachable(client_, large.va, {0, 3 * kPages - 1}), "--");
  ASSERT_EQ(client_.map_at(vm_, large.handle, large.va, 3 * kLargePage), 0);
  EXPECT_EQ(reachable(client_, large.va, {0, kPages + 5, 3 * kPages - 1}), "+++");
}

TEST_F(Bind, MappingsFarApart) {
  const std::uint64_t end = client_.device().va_end;
  ASSERT_EQ(client_.map_at(vm_, handle_, end - kSize, kSize), 0);
  ASSERT_EQ(client_.map_at(vm_, handle_, end / 2 - 2 * kPage, kSize), 0);
  EXPECT_EQ(reachable(client_, end - kSize, {0, 3}), "++");
  EXPECT_EQ(reachable(client_, end / 2 - 2 * kPage, {0, 1, 2, 3}), "++++");
  ASSERT_EQ(client_.unmap(vm_, client_.device().va_start, end - client_.device().va_start), 0);
  EXPECT_EQ(client_.map_at(vm_, handle_, end - kSize, kSize), 0);
}

TEST_F(Bind, ReadOnlyIsNotWritten) {
  ASSERT_EQ(client_.map_at(vm_, handle_, va_, kSize, DRM_HALYARD_BIND_READONLY), 0);
  EXPECT_EQ(reachable(client_, va_, {0}), "-");
  const Buffer out = client_.make_buffer(kPage);
  client_.map(handle_, kSize).as<std::uint32_t>()[0] = 21;
  const Program program =
      load(client_, Stream().copy(row(0, 1), row(1, 1)), {{va_, kSize}, whole(out)});
  EXPECT_EQ(client_.run(program.job(client_.make_queue())), 1);
  EXPECT_EQ(out.as()[0], 21U);
}

/// Mapping and unmapping while the device works elsewhere in the same address space.
TEST_F(Bind, ChangesWhileJobsRun) {
  const Buffer busy = client_.make_buffer(64 * kPage);
  Stream stream;
  for (std::uint32_t i = 0; i < 64; ++i) {
    stream.fill(row(0, kPage / 4, i * kPage), i);
  }
  const Program program = load(client_, stream, {whole(busy)});
  const std::uint32_t queue = client_.make_queue();
  const std::uint32_t timeline = client_.make_syncobj();
  constexpr std::uint64_t kRounds = 100;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    Job job = program.job(queue);
    job.signal(timeline, round);
    ASSERT_EQ(client_.submit(job), 0);
    ASSERT_EQ(client_.vm_bind(vm_, map_op()), 0);
    ASSERT_EQ(client_.vm_bind(vm_, unmap_op()), 0);
  }
  EXPECT_EQ(client_.wait(timeline, kRounds), 0);
  EXPECT_EQ(client_.query(queue).completed, kRounds);
  EXPECT_EQ(busy.as().back(), 63U);
}

}  // namespace
}  // namespace halyard::test
