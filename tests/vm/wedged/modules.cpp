// SPDX-License-Identifier: MIT
#include "modules.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "client.hpp"

namespace halyard::test {

std::vector<std::string> our_modules() {
  std::ifstream list("/etc/halyard/card-modules");
  std::vector<std::string> names;
  for (std::string name; list >> name;)
    if (name.starts_with("halyard")) names.push_back(name);
  return names;
}

int unload_module(const std::string& name) {
  return syscall(SYS_delete_module, name.c_str(), O_NONBLOCK) == 0 ? 0 : errno;
}

void load_module(const std::string& name) {
  utsname kernel{};
  require(uname(&kernel) == 0 ? 0 : errno, "uname");
  const std::string path = std::string("/lib/modules/") + kernel.release + '/' + name + ".ko";
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  require(syscall(SYS_finit_module, file.get(), "", 0) == 0 ? 0 : errno, path.c_str());
}

}  // namespace halyard::test
