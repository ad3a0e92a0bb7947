// SPDX-License-Identifier: MIT
#include "container.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <type_traits>

#include "digest.hpp"
#include "graph_infer.hpp"

namespace halyard::hal {

namespace {

constexpr std::string_view kMagic = "HALYPROG";
constexpr std::uint32_t kFormat = 1;
/// Longest name of a binding and of a command: halyard_binding_info and halyard_error have room for
/// no more.
constexpr std::size_t kMaxBindingName = 63, kMaxCommandName = 255;

class Writer {
 public:
  explicit Writer(std::span<std::byte> out) : out_(out) {}

  void bytes(std::span<const std::byte> data) {
    digest_.update(data);
    put(data);
  }
  template <class T>
  requires std::is_integral_v<T>
  void number(T value) { bytes(std::as_bytes(std::span<const T, 1>(&value, 1))); }
  void string(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    bytes(std::as_bytes(std::span(text)));
  }
  void blob(std::span<const std::byte> data) {
    number(static_cast<std::uint64_t>(data.size()));
    bytes(data);
  }
  std::size_t finish() {
    put(digest_.finish());
    return size_;
  }

 private:
  void put(std::span<const std::byte> data) {
    if (size_ < out_.size()) {
      const auto room = out_.subspan(size_);
      std::copy_n(data.begin(), std::min(room.size(), data.size()), room.begin());
    }
    size_ += data.size();
  }

  std::span<std::byte> out_;
  std::size_t size_ = 0;
  Digest digest_;
};

void write_binding(Writer& writer, const BindingSlot& slot) {
  writer.string(slot.name);
  writer.number(static_cast<std::uint32_t>(slot.desc.dtype));
  writer.number(slot.desc.rank);
  for (const auto dim : slot.desc.dims)
    writer.number(dim);
  writer.number(slot.bytes);
  writer.number(std::uint32_t{slot.output});
}

void write_image(Writer& writer, const ImageView& view, bool with_constants) {
  const auto& image = view.image;
  writer.number(image.scratch_bytes);
  writer.number(image.profile_bytes);
  writer.number(static_cast<std::uint32_t>(image.bindings.size()));
  for (const auto& slot : image.bindings)
    write_binding(writer, slot);
  writer.number(static_cast<std::uint32_t>(image.command_names.size()));
  for (const auto& name : image.command_names) {
    writer.string(std::string_view(name).substr(0, kMaxCommandName));
  }
  writer.blob(image.stream);
  writer.number(std::uint32_t{with_constants});
  if (with_constants) writer.blob(view.constants);
}

std::size_t binding_size(const BindingSlot& slot) {
  return 4 + slot.name.size() + 4 + 4 + 4 * std::size(slot.desc.dims) + 8 + 4;
}

std::size_t image_size(const ImageView& view, bool with_constants) {
  std::size_t size = 8 + 8 + 4 + 4 + 8 + view.image.stream.size() + 4;
  for (const auto& slot : view.image.bindings)
    size += binding_size(slot);
  for (const auto& name : view.image.command_names) {
    size += 4 + std::min(name.size(), kMaxCommandName);
  }
  return with_constants ? size + 8 + view.constants.size() : size;
}

class Reader {
 public:
  explicit Reader(std::span<const std::byte> file) : file_(file) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(HALYARD_MALFORMED,
                "saved program, byte " + std::to_string(position_) + ": " + what);
  }
  std::span<const std::byte> bytes(std::uint64_t count, const char* what) {
    if (count > file_.size() - position_) fail(std::string(what) + " reaches past the end");
    const auto data = file_.subspan(position_, static_cast<std::size_t>(count));
    position_ += data.size();
    return data;
  }
  template <class T>
  T number(const char* what) {
    T value{};
    std::memcpy(&value, bytes(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  std::string string(std::size_t max, const char* what) {
    const auto length = number<std::uint32_t>(what);
    if (length > max) fail(std::string(what) + " has " + std::to_string(length) + " bytes");
    const auto data = bytes(length, what);
    std::string text(reinterpret_cast<const char*>(data.data()), data.size());
    if (text.find('\0') != std::string::npos) fail(std::string(what) + " contains a NUL");
    return text;
  }
  std::vector<std::byte> blob(const char* what) {
    const auto data = bytes(number<std::uint64_t>(what), what);
    return {data.begin(), data.end()};
  }
  bool flag(const char* what) {
    const auto value = number<std::uint32_t>(what);
    if (value > 1) fail(std::string(what) + " is neither 0 nor 1");
    return value == 1;
  }
  /// Every element takes at least `least` bytes: a larger count cannot be meant.
  std::uint32_t count(std::size_t least, const char* what) {
    const auto value = number<std::uint32_t>(what);
    if (value > (file_.size() - position_) / least) fail(std::string(what) + " is too large");
    return value;
  }
  [[nodiscard]] std::size_t left() const { return file_.size() - position_; }

 private:
  std::span<const std::byte> file_;
  std::size_t position_ = 0;
};

/// Memory of no shape has rank 0 and is of bytes.
halyard_tensor_desc read_desc(Reader& reader) {
  halyard_tensor_desc desc{};
  const auto dtype = reader.number<std::uint32_t>("a type");
  if (dtype < HALYARD_F32 || dtype > HALYARD_I32) reader.fail("there is no such type");
  desc.dtype = static_cast<halyard_dtype>(dtype);
  desc.rank = reader.number<std::uint32_t>("a rank");
  const bool shapeless = desc.rank == 0 && desc.dtype == HALYARD_U8;
  if (!shapeless && (desc.rank < 1 || desc.rank > HALYARD_MAX_RANK)) {
    reader.fail("the rank is not 1 to 6");
  }
  std::uint64_t bytes = halyard_dtype_size(desc.dtype);
  for (std::uint32_t i = 0; i < HALYARD_MAX_RANK; ++i) {
    desc.dims[i] = reader.number<std::uint32_t>("a dimension");
    if (i >= desc.rank) {
      if (desc.dims[i] != 0) reader.fail("a dimension beyond the rank is not 0");
    } else if (desc.dims[i] == 0) {
      reader.fail("a dimension is 0");
    } else if (bytes > (UINT64_MAX >> 1U) / desc.dims[i]) {
      reader.fail("the shape is larger than memory");
    } else {
      bytes *= desc.dims[i];
    }
  }
  return desc;
}

BindingSlot read_binding(Reader& reader) {
  BindingSlot slot;
  slot.name = reader.string(kMaxBindingName, "a binding's name");
  if (slot.name.empty()) reader.fail("a binding has no name");
  slot.desc = read_desc(reader);
  slot.bytes = reader.number<std::uint64_t>("a binding's size");
  if (slot.desc.rank == 0 && (slot.bytes == 0 || slot.bytes > kMaxTensorBytes)) {
    reader.fail("a binding has not 1 byte to 1 TiB");
  }
  if (slot.desc.rank != 0 && slot.bytes != byte_size(slot.desc)) {
    reader.fail("a binding's size is not its shape's");
  }
  slot.output = reader.flag("a binding's direction");
  return slot;
}

std::vector<BindingSlot> read_bindings(Reader& reader) {
  std::vector<BindingSlot> slots(reader.count(binding_size({}), "the number of bindings"));
  std::set<std::string, std::less<>> names;
  bool outputs = false;
  for (auto& slot : slots) {
    slot = read_binding(reader);
    if (!names.insert(slot.name).second) reader.fail("two bindings have the same name");
    if (outputs && !slot.output && slot.desc.rank != 0) {
      reader.fail("an input follows the outputs");
    }
    outputs = slot.output;
  }
  return slots;
}

/// `first`: the image whose constants are meant when none follow, or null.
ProgramImage read_image(Reader& reader, const ProgramImage* first) {
  ProgramImage image;
  image.scratch_bytes = reader.number<std::uint64_t>("the scratch size");
  image.profile_bytes = reader.number<std::uint64_t>("the profile size");
  image.bindings = read_bindings(reader);
  image.command_names.resize(reader.count(4, "the number of commands"));
  for (auto& name : image.command_names)
    name = reader.string(kMaxCommandName, "a command's name");
  image.stream = reader.blob("the command stream");
  if (reader.flag("the mark of constants")) {
    image.constants = reader.blob("the constants");
  } else if (first != nullptr) {
    image.constants = first->constants;
  } else {
    reader.fail("the first image has no constants");
  }
  return image;
}

void read_head(Reader& reader, std::size_t file_size) {
  const auto magic = reader.bytes(kMagic.size(), "the mark");
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
    reader.fail("this is no saved program");
  }
  const auto format = reader.number<std::uint32_t>("the format version");
  if (format != kFormat) {
    throw Error(HALYARD_VERSION_MISMATCH, "the saved program has format " + std::to_string(format) +
                                              ", this library reads format " +
                                              std::to_string(kFormat));
  }
  const auto abi = reader.number<std::uint32_t>("the plug-in ABI");
  if (abi != kPluginAbi) {
    throw Error(HALYARD_VERSION_MISMATCH, "the saved program was made by plug-in ABI " +
                                              std::to_string(abi) + ", this library has " +
                                              std::to_string(kPluginAbi));
  }
  const auto size = reader.number<std::uint64_t>("the size");
  if (size != file_size) {
    reader.fail("it should have " + std::to_string(size) + " bytes and has " +
                std::to_string(file_size));
  }
}

void check_digest(const Reader& reader, std::span<const std::byte> file) {
  if (file.size() < Digest::kSize) reader.fail("the digest is missing");
  Digest digest;
  digest.update(file.first(file.size() - Digest::kSize));
  const auto expected = digest.finish();
  const auto found = file.last(Digest::kSize);
  if (!std::equal(expected.begin(), expected.end(), found.begin(), found.end())) {
    reader.fail("the contents are damaged: their SHA-256 is not the one at the end");
  }
}

void read_identity(Reader& reader, const ChipIdentity& identity) {
  const auto chip = reader.string(31, "the chip");
  const auto revision = reader.number<std::uint32_t>("the chip's revision");
  if (chip == identity.chip && revision == identity.revision) return;
  const auto version = [](std::string_view name, std::uint32_t number) {
    return std::string(name) + " " + std::to_string(number >> 16U) + "." +
           std::to_string(number & 0xffffU);
  };
  throw Error(HALYARD_VERSION_MISMATCH, "the saved program is for the chip " +
                                            version(chip, revision) + ", this device is " +
                                            version(identity.chip, identity.revision));
}

/// The two images are variants of one program.
void check_variants(const Reader& reader, const LoadedProgram& program) {
  const auto& a = program.plain.bindings;
  const auto& b = program.profiled.bindings;
  const bool same =
      std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.name == y.name && x.bytes == y.bytes && x.output == y.output;
      });
  if (!same) reader.fail("the variant with timestamps has other bindings");
  if (program.plain.profile_bytes != 0) reader.fail("the variant without timestamps takes some");
}

}  // namespace

std::size_t write_container(const ChipIdentity& identity, const ImageView& plain,
                            const ImageView& profiled, std::span<std::byte> out) {
  const bool own_constants = !std::equal(plain.constants.begin(), plain.constants.end(),
                                         profiled.constants.begin(), profiled.constants.end());
  const auto size = kMagic.size() + 4 + 4 + 8 + 4 + identity.chip.size() + 4 +
                    image_size(plain, true) + image_size(profiled, own_constants) + Digest::kSize;
  if (out.empty()) return size;
  Writer writer(out);
  writer.bytes(std::as_bytes(std::span(kMagic)));
  writer.number(kFormat);
  writer.number(kPluginAbi);
  writer.number(std::uint64_t{size});
  writer.string(identity.chip);
  writer.number(identity.revision);
  write_image(writer, plain, true);
  write_image(writer, profiled, own_constants);
  return writer.finish();
}

LoadedProgram read_container(std::span<const std::byte> file, const ChipIdentity& identity) {
  Reader reader(file);
  read_head(reader, file.size());
  check_digest(reader, file);
  read_identity(reader, identity);
  LoadedProgram program;
  program.plain = read_image(reader, nullptr);
  program.profiled = read_image(reader, &program.plain);
  if (reader.left() != Digest::kSize) reader.fail("something follows the last image");
  check_variants(reader, program);
  return program;
}

}  // namespace halyard::hal
