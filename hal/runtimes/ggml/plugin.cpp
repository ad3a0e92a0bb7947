// SPDX-License-Identifier: MIT
// What ggml finds in the shared object.
//
// ggml's enumerations and structs are those of the header that this was built with. Other versions
// insert operations in the midst: the host's names are compared before anything is used.

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "device.hpp"
#include "log.hpp"

namespace halyard::ggml {
namespace {

/// Bytes before each tensor in ggml's memory.
constexpr std::size_t kObjectHead = 32;

struct Known {
  ggml_op op;
  const char* name;
};
constexpr std::array<Known, 5> kOperations = {{{GGML_OP_ADD, "ADD"},
                                               {GGML_OP_MUL_MAT, "MUL_MAT"},
                                               {GGML_OP_SOFT_MAX, "SOFT_MAX"},
                                               {GGML_OP_FLASH_ATTN_EXT, "FLASH_ATTN_EXT"},
                                               {GGML_OP_GLU, "GLU"}}};

/// Why the host's ggml is not the one that this was built for; empty when it is.
std::string mismatch() {
  for (const auto& [op, name] : kOperations) {
    if (std::strcmp(ggml_op_name(op), name) != 0) return std::string("operation ") + name;
  }
  if (std::strcmp(ggml_type_name(GGML_TYPE_BF16), "bf16") != 0) return "type bf16";
  if (ggml_tensor_overhead() != sizeof(ggml_tensor) + kObjectHead) return "size of a tensor";
  return {};
}

class Registry {
 public:
  Registry() : handle_{kApiVersion, interface(), this} {
    std::map<std::string, int> ordinals;
    for (const auto& info : enumerate()) {
      if (info.usable == 0) continue;
      const std::string chip = info.chip;
      devices_.push_back(
          std::make_unique<GgmlDevice>(info, chip + std::to_string(ordinals[chip]++), &handle_));
    }
  }

  [[nodiscard]] ggml_backend_reg_t handle() { return &handle_; }

 private:
  static Registry& of(ggml_backend_reg_t reg) { return *static_cast<Registry*>(reg->context); }
  static const char* get_name(ggml_backend_reg_t /*reg*/) { return "Halyard"; }
  static size_t get_device_count(ggml_backend_reg_t reg) { return of(reg).devices_.size(); }
  static ggml_backend_dev_t get_device(ggml_backend_reg_t reg, size_t index) {
    return of(reg).devices_.at(index)->handle();
  }
  static ggml_backend_reg_i interface() {
    return {.get_name = get_name,
            .get_device_count = get_device_count,
            .get_device = get_device,
            .get_proc_address = nullptr};
  }

  ggml_backend_reg handle_;
  std::vector<std::unique_ptr<GgmlDevice>> devices_;
};

}  // namespace
}  // namespace halyard::ggml

extern "C" {

/// For ggml, when it loads the plug-in. Null, with the reason in ggml's log, when it cannot be
/// used.
__attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
  using namespace halyard::ggml;
  try {
    if (const auto what = mismatch(); !what.empty()) {
      log(GGML_LOG_LEVEL_ERROR, std::string("ggml ") + ggml_version() +
                                    " is not the version that this was built for: " + what +
                                    " differs");
      return nullptr;
    }
    static Registry registry;
    return registry.handle();
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, error.what());
    return nullptr;
  }
}

/// Among several back ends for the same: 0 is none that works here.
__attribute__((visibility("default"))) int ggml_backend_score() {
  try {
    for (const auto& info : halyard::enumerate()) {
      if (info.usable != 0) return 1;
    }
  } catch (const std::exception&) {
    // Without a platform there is no device either.
  }
  return 0;
}

}  // extern "C"
