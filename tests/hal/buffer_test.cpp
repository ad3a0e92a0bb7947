// SPDX-License-Identifier: MIT
// Memory: allocate, map, wrap, share, copy, fill.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class MemoryTest : public HalTest {};
class MappingTest : public HalTest {};
class SharingTest : public HalTest {};

const std::size_t kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

/// Pages of this process.
class Pages {
 public:
  explicit Pages(std::size_t count)
      : size_(count * kPage),
        data_(static_cast<std::byte*>(
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~Pages() { munmap(data_, size_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::span<std::uint32_t> words() const {
    return {reinterpret_cast<std::uint32_t*>(data_), size_ / 4};
  }

 private:
  std::size_t size_;
  std::byte* data_;
};

TEST_F(MemoryTest, IsZeroedAndRoundedUpToPages) {
  const auto buffer = device_.allocate(1);
  EXPECT_EQ(buffer.size(), kPage);
  const auto bytes = buffer.map();
  EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == std::byte{0}; }));
}

TEST_F(MappingTest, MapsToOnePlace) {
  const auto buffer = device_.allocate(10 * kPage);
  EXPECT_EQ(buffer.map().data(), buffer.map().data());
}

TEST_F(MemoryTest, SizesThatCannotBeAreRefused) {
  EXPECT_EQ(error_of([&] { return device_.allocate(0); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return device_.allocate(UINT64_MAX); }).code(), HALYARD_OUT_OF_MEMORY);
  EXPECT_EQ(error_of([&] { return device_.allocate(std::uint64_t{1} << 62U); }).code(),
            HALYARD_OUT_OF_MEMORY);
}

TEST_F(MemoryTest, UnknownFlagsAreRefused) {
  halyard_buffer* out = nullptr;
  EXPECT_EQ(halyard_buffer_create(device_.get(), 1, 1, &out), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(halyard_buffer_create(device_.get(), 1, 0x80000000, &out), HALYARD_INVALID_ARGUMENT);
  Pages pages(1);
  EXPECT_EQ(halyard_buffer_wrap(device_.get(), pages.bytes().data(), kPage, 2, &out),
            HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(out, nullptr);
}

TEST_F(MemoryTest, FillsAndCopies) {
  const auto a = device_.allocate(4 * kPage), b = device_.allocate(4 * kPage);
  queue_.fill(a, 0, a.size(), 0x01020304);
  queue_.fill(a, 64, 8, 0xdeadbeef);
  queue_.copy(b, 3, a, 1, a.size() - 5).wait(kPatience);
  const auto from = a.map(), to = b.map();
  EXPECT_TRUE(std::equal(from.begin() + 1, from.end() - 4, to.begin() + 3));
  EXPECT_EQ(to[0], std::byte{0});
  EXPECT_EQ(to[to.size() - 1], std::byte{0});
  EXPECT_EQ(a.map<std::uint32_t>()[16], 0xdeadbeefU);
  EXPECT_EQ(a.map<std::uint32_t>()[18], 0x01020304U);
}

TEST_F(MemoryTest, CopiesOnEveryKindOfEngine) {
  for (const auto& engine : device_.engines()) {
    auto queue = device_.create_queue(engine.engine_class);
    const auto a = buffer<std::uint32_t>({1, 2, 3}), b = device_.allocate(12);
    queue.copy(b, 0, a, 0, 12).wait(kPatience);
    EXPECT_EQ(b.map<std::uint32_t>()[2], 3U) << engine.name;
  }
}

TEST_F(MemoryTest, CopiesMuchMoreThanALargePage) {
  const std::uint64_t bytes = (3U << 20U) + kPage;
  const auto a = device_.allocate(bytes), b = device_.allocate(bytes);
  auto words = a.map<std::uint32_t>();
  std::iota(words.begin(), words.end(), 0U);
  queue_.copy(b, 0, a, 0, bytes).wait(kPatience);
  EXPECT_TRUE(std::equal(words.begin(), words.end(), b.map<std::uint32_t>().begin()));
}

TEST_F(MemoryTest, RangesOutsideAreRefused) {
  const auto a = device_.allocate(kPage), b = device_.allocate(kPage);
  const auto refused = [&](auto body) {
    EXPECT_EQ(error_of(body).code(), HALYARD_INVALID_ARGUMENT);
  };
  refused([&] { queue_.copy(a, 0, b, 0, 0); });
  refused([&] { queue_.copy(a, 0, b, 0, kPage + 1); });
  refused([&] { queue_.copy(a, 1, b, 0, kPage); });
  refused([&] { queue_.copy(a, 0, b, 1, kPage); });
  refused([&] { queue_.copy(a, UINT64_MAX, b, 0, 2); });
  refused([&] { queue_.copy(a, 0, a, 100, 200); });
  refused([&] { queue_.fill(a, 2, 4, 0); });
  refused([&] { queue_.fill(a, 0, 6, 0); });
  refused([&] { queue_.fill(a, 0, 0, 0); });
  refused([&] { queue_.fill(a, kPage, 4, 0); });
  expect_works(queue_);
}

TEST_F(MemoryTest, TouchingRangesOfOneBufferAreNotOverlapping) {
  const auto a = buffer<std::uint32_t>({1, 2, 3, 4});
  queue_.copy(a, 8, a, 0, 8).wait(kPatience);
  EXPECT_EQ(a.map<std::uint32_t>()[3], 2U);
}

TEST_F(MemoryTest, ManyOfAllSizesDoNotDisturbOneAnother) {
  std::vector<Buffer> buffers;
  for (std::uint32_t i = 0; i < 200; ++i) {
    buffers.push_back(device_.allocate((i % 7 + 1) * kPage));
    queue_.fill(buffers.back(), 0, buffers.back().size(), i);
    if (i % 3 == 0) buffers[i / 2] = buffers.back();
  }
  queue_.barrier().wait(kPatience);
  for (const auto& buffer : buffers) {
    const auto words = buffer.map<std::uint32_t>();
    EXPECT_TRUE(std::all_of(words.begin(), words.end(), [&](auto w) { return w == words[0]; }));
  }
}

TEST_F(MemoryTest, MemoryIsGivenBack) {
  const auto used = device_.info().memory_used;
  {
    const auto buffer = touched(64 * kPage);
    EXPECT_GE(device_.info().memory_used, used + 64 * kPage);
  }
  EXPECT_EQ(device_.info().memory_used, used);
}

// ---- the caller's memory -------------------------------------------------------------------

TEST_F(MappingTest, WorksOnTheCallersMemoryInPlace) {
  Pages pages(3);
  const auto wrapped = device_.wrap(pages.bytes());
  EXPECT_EQ(wrapped.map().data(), pages.bytes().data());
  EXPECT_EQ(wrapped.size(), 3 * kPage);
  host_queue().fill(wrapped, kPage, kPage, 42).wait(kPatience);
  EXPECT_EQ(pages.words()[0], 0U);
  EXPECT_EQ(pages.words()[kPage / 4], 42U);
  EXPECT_EQ(pages.words()[2 * kPage / 4], 0U);
}

TEST_F(MappingTest, ReadOnlyMemoryIsReadButNotWritten) {
  Pages pages(1);
  pages.words()[0] = 17;
  ASSERT_EQ(mprotect(pages.bytes().data(), kPage, PROT_READ), 0);
  const auto wrapped = device_.wrap(pages.bytes(), true);
  const auto other = device_.allocate(kPage);
  host_queue().copy(other, 0, wrapped, 0, kPage).wait(kPatience);
  EXPECT_EQ(other.map<std::uint32_t>()[0], 17U);
  EXPECT_EQ(error_of([&] { return queue_.copy(wrapped, 0, other, 0, kPage); }).code(),
            HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return queue_.fill(wrapped, 0, 4, 0); }).code(),
            HALYARD_INVALID_ARGUMENT);
  const auto program = device_.compile(add_relu_graph(4));
  EXPECT_EQ(error_of([&] {
              queue_.submit(program, {{"x", other}, {"y", wrapped}});
            }).code(),
            HALYARD_INVALID_ARGUMENT);
}

TEST_F(MappingTest, WrapsOnlyWholePages) {
  Pages pages(2);
  const auto refused = [&](std::size_t offset, std::uint64_t size) {
    halyard_buffer* out = nullptr;
    EXPECT_EQ(halyard_buffer_wrap(device_.get(), pages.bytes().data() + offset, size, 0, &out),
              HALYARD_INVALID_ARGUMENT);
    EXPECT_EQ(out, nullptr);
  };
  refused(0, 0);
  refused(0, kPage - 1);
  refused(8, kPage);
  refused(0, UINT64_MAX - kPage + 1);
  halyard_buffer* out = nullptr;
  EXPECT_EQ(halyard_buffer_wrap(device_.get(), nullptr, kPage, 0, &out), HALYARD_INVALID_ARGUMENT);
}

TEST_F(SharingTest, WrappedMemoryIsNotExported) {
  Pages pages(1);
  const auto wrapped = device_.wrap(pages.bytes());
  const auto code = error_of([&] { return wrapped.export_dmabuf(); }).code();
  EXPECT_TRUE(code == HALYARD_UNSUPPORTED || code == HALYARD_INVALID_ARGUMENT);
}

TEST_F(MemoryTest, HostMemoryIsCopiedAndBoundWhereProgramsReachIt) {
  const auto host = device_.allocate_host(kPage), near = device_.allocate(kPage);
  host.map<std::uint32_t>()[0] = 23;
  host_queue().copy(near, 4, host, 0, 4).wait(kPatience);
  host_queue().copy(host, 8, near, 4, 4).wait(kPatience);
  EXPECT_EQ(host.map<std::uint32_t>()[2], 23U);
  const auto program = device_.compile(add_relu_graph(4));
  if (device_.memory()[0].is_host != 0) {
    queue_.submit(program, {{"x", host}, {"y", near}}).wait(kPatience);
    return;
  }
  const auto error = error_of([&] { return queue_.submit(program, {{"x", host}, {"y", near}}); });
  EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED);
  EXPECT_THAT(error.what(), testing::HasSubstr("binding x"));
}

TEST_F(MemoryTest, MemoryIsAccountedByRegion) {
  const auto bytes = [&](std::size_t region) { return device_.memory()[region].used; };
  const auto regions = device_.memory();
  ASSERT_FALSE(regions.empty());
  const auto last = regions.size() - 1;
  const auto before = bytes(0);
  const auto near = device_.allocate(64 * kPage);
  queue_.fill(near, 0, near.size(), 0).wait(kPatience);  // then it is where jobs work
  EXPECT_GE(bytes(0), before + 64 * kPage);
  const auto there = bytes(last);
  const auto host = device_.allocate_host(64 * kPage);
  const auto contents = host.map();
  std::fill(contents.begin(), contents.end(), std::byte{0});
  EXPECT_GE(bytes(last), there + 64 * kPage);
  EXPECT_EQ(regions[last].is_host, 1U);
}

// ---- sharing -------------------------------------------------------------------------------

TEST_F(SharingTest, SharesOneMemoryByDescriptor) {
  const auto made = device_.allocate(2 * kPage);
  const int fd = made.export_dmabuf();
  const auto imported = device_.import_dmabuf(fd);
  close(fd);
  EXPECT_EQ(imported.size(), made.size());
  queue_.fill(imported, 0, kPage, 5).wait(kPatience);
  EXPECT_EQ(made.map<std::uint32_t>()[0], 5U);
}

TEST_F(SharingTest, ImportOutlivesWhatItWasMadeOf) {
  Buffer imported;
  {
    const auto made = buffer<std::uint32_t>({77});
    const int fd = made.export_dmabuf();
    imported = device_.import_dmabuf(fd);
    close(fd);
  }
  const auto copy = device_.allocate(4);
  queue_.copy(copy, 0, imported, 0, 4).wait(kPatience);
  EXPECT_EQ(copy.map<std::uint32_t>()[0], 77U);
}

TEST_F(SharingTest, ImportedTwiceIsReleasedTwice) {
  const auto made = buffer<std::uint32_t>({3});
  const int fd = made.export_dmabuf();
  auto first = device_.import_dmabuf(fd);
  auto second = device_.import_dmabuf(fd);
  close(fd);
  first = Buffer();
  queue_.fill(second, 0, 4, 9).wait(kPatience);
  second = Buffer();
  queue_.fill(made, 4, 4, 10).wait(kPatience);
  EXPECT_EQ(made.map<std::uint32_t>()[0], 9U);
  EXPECT_EQ(made.map<std::uint32_t>()[1], 10U);
}

TEST_F(SharingTest, SharesBetweenTwoOpenDevices) {
  const auto other = open_device();
  const auto made = buffer<std::uint32_t>({1, 2});
  const int fd = made.export_dmabuf();
  const auto imported = other.import_dmabuf(fd);
  close(fd);
  auto queue = other.create_queue();
  queue.fill(imported, 4, 4, 8).wait(kPatience);
  const auto copy = device_.allocate(8);
  queue_.copy(copy, 0, made, 0, 8).wait(kPatience);
  EXPECT_EQ(copy.map<std::uint32_t>()[0], 1U);
  EXPECT_EQ(copy.map<std::uint32_t>()[1], 8U);
}

TEST_F(SharingTest, DescriptorsThatAreNoBuffersAreRefused) {
  EXPECT_EQ(error_of([&] { return device_.import_dmabuf(-1); }).code(), HALYARD_INVALID_ARGUMENT);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  EXPECT_EQ(error_of([&] { return device_.import_dmabuf(null); }).code(), HALYARD_INVALID_ARGUMENT);
  close(null);
}

TEST_F(MemoryTest, BelongsToItsDevice) {
  const auto other = open_device();
  const auto foreign = other.allocate(kPage), own = device_.allocate(kPage);
  EXPECT_EQ(error_of([&] { return queue_.copy(own, 0, foreign, 0, 4); }).code(),
            HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return queue_.fill(foreign, 0, 4, 0); }).code(),
            HALYARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace halyard::test
