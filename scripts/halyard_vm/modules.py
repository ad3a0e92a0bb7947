# SPDX-License-Identifier: MIT
"""Finds kernel modules and their dependencies, in the test kernel's packages and in our build."""

import lzma
import subprocess
from pathlib import Path

from .paths import VmError

# What the guest needs besides our modules: file sharing. virtio itself is built into Debian's kernels.
GUEST_MODULES = ("9pnet_virtio", "9p")
# What tests load with modprobe, where the kernel has it.
TEST_MODULES = ("aer_inject", "vgem")


def module_name(path):
    """foo-bar.ko.xz is the module foo_bar."""
    return Path(path).name.split(".ko")[0].replace("-", "_")


def decompress(path):
    """A module as the kernel takes it."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    return path.read_bytes()


def depends(path):
    result = subprocess.run(["/sbin/modinfo", "-F", "depends", path], stdout=subprocess.PIPE, text=True, check=True)
    return [name.replace("-", "_") for name in result.stdout.strip().split(",") if name]


class ModuleSet:
    """All modules of one kernel, ours included; answers what must be loaded, in which order."""

    def __init__(self, kernel, ours):
        tree = kernel / "root" / "lib" / "modules" / kernel.name
        self._paths = {module_name(path): path for path in tree.glob("**/*.ko*")}
        self._paths.update({module_name(path): path for path in ours})
        builtin = tree / "modules.builtin"
        self._builtin = {module_name(line) for line in builtin.read_text().split()} if builtin.is_file() else set()
        self._depends = {}

    def __contains__(self, name):
        return name in self._paths

    def path(self, name):
        return self._paths[name]

    def depends(self, name):
        """Names of the modules that this one needs, nearest first."""
        if name not in self._depends:
            self._depends[name] = [other for other in depends(self._paths[name]) if other not in self._builtin]
        return self._depends[name]

    def load_order(self, names):
        """The named modules and all they depend on, each after what it needs."""
        order = []
        for name in names:
            self._visit(name, order, ())
        return order

    def _visit(self, name, order, above):
        if name in order or name in self._builtin:
            return
        if name not in self._paths:
            raise VmError(f"the kernel has no module {name} (needed by {above[-1] if above else 'the VM'})")
        if name in above:
            raise VmError(f"modules depend on each other in a circle: {' '.join(above)}")
        for other in self.depends(name):
            self._visit(other, order, (*above, name))
        order.append(name)


def our_modules(build):
    """Modules of ours that are built for this kernel. Those with tests in them are loaded by the tests alone."""
    paths = sorted(path for path in build.glob("**/*.ko"))
    return paths, [module_name(path) for path in paths if "tests" not in path.relative_to(build).parts]
