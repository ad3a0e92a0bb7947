# SPDX-License-Identifier: MIT
"""Builds the guest's initial file system: busybox, kernel modules and the guest's init.

The guest's /usr is the host's, read-only over 9p, so programs find their libraries and developers their tools. The image
is therefore small, and changes only with the modules.
"""

import hashlib
import io
import subprocess
import tempfile
from pathlib import Path

from .cpio import Archive
from .modules import GUEST_MODULES, TEST_MODULES, ModuleSet, decompress, our_modules
from .paths import BUILD, VmError, build_directory

BUSYBOX = Path("/bin/busybox")
FIRMWARE = BUILD / "user" / "firmware"  # as it is to lie below /lib/firmware
INIT = Path(__file__).with_name("guest-init")
KEPT_IMAGES = 4

PASSWD = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUP = "root:x:0:\nvideo:x:44:\nrender:x:106:\nuser:x:1000:\nnogroup:x:65534:\n"

# Programs of the host under the name that scripts use in their first line.
SYMLINKS = {
    "/lib64": "usr/lib64",
    "/lib32": "usr/lib32",
    "/lib/x86_64-linux-gnu": "/usr/lib/x86_64-linux-gnu",
    "/lib/ld-linux.so.2": "/usr/lib/ld-linux.so.2",
    "/bin/bash": "/usr/bin/bash",
    "/bin/python3": "/usr/bin/python3",
}
DIRECTORIES = ("/proc", "/sys", "/dev", "/usr", "/tmp", "/run", "/out", "/root", "/etc/alternatives", "/lib/firmware")


def fingerprint(kernel, paths):
    """Changes whenever the image would: modules by size and time, everything else by content."""
    digest = hashlib.sha256(str(kernel).encode())
    for path in sorted([BUSYBOX, *paths]):
        state = path.stat()
        digest.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def applets():
    result = subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    return [name for name in result.stdout.split() if name != "busybox"]


def add_userland(archive):
    for path in DIRECTORIES:
        archive.directory(path)
    archive.file("/init", INIT.read_bytes(), 0o755)
    archive.file("/bin/busybox", BUSYBOX.read_bytes(), 0o755)
    for name in applets():
        archive.symlink(f"/bin/{name}", "busybox")
    for path, target in SYMLINKS.items():
        archive.symlink(path, target)
    archive.symlink("/sbin", "bin")
    archive.symlink("/etc/mtab", "/proc/self/mounts")
    archive.file("/etc/passwd", PASSWD.encode())
    archive.file("/etc/group", GROUP.encode())


def add_modules(archive, kernel, modules, ours, wanted):
    """Modules lie flat in the kernel's folder, with the two lists that init loads and a modules.dep for modprobe."""
    base = modules.load_order(GUEST_MODULES)
    rest = [name for name in modules.load_order(wanted) if name not in base]
    every = modules.load_order([*base, *rest, *ours, *(name for name in TEST_MODULES if name in modules)])
    folder = f"/lib/modules/{kernel.name}"
    dependencies = []
    for name in every:
        archive.file(f"{folder}/{name}.ko", decompress(modules.path(name)))
        chain = reversed(modules.load_order([name])[:-1])
        dependencies.append(f"{name}.ko: {' '.join(f'{other}.ko' for other in chain)}".rstrip() + "\n")
    archive.file(f"{folder}/modules.dep", "".join(dependencies).encode())
    archive.file(f"{folder}/modules.alias", b"")
    archive.file(f"{folder}/modules.symbols", b"")
    archive.file("/etc/halyard/base-modules", "".join(f"{name}\n" for name in base).encode())
    archive.file("/etc/halyard/card-modules", "".join(f"{name}\n" for name in rest).encode())


def firmware_images():
    return sorted(path for path in FIRMWARE.rglob("*") if path.is_file())


def add_firmware(archive):
    """What drivers of emulated cards load."""
    for path in firmware_images():
        archive.file(f"/lib/firmware/{path.relative_to(FIRMWARE)}", path.read_bytes())


def build_image(kernel, instrument=None):
    """Path of the image for this kernel, made when it is not there already."""
    if not BUSYBOX.is_file():
        raise VmError("/bin/busybox is missing; run scripts/setup (package busybox-static)")
    paths, wanted = our_modules(build_directory(kernel, instrument))
    folder = BUILD / "vm" / "images"
    path = folder / f"{fingerprint(kernel, [*paths, *firmware_images()])}.cpio"
    if path.is_file():
        path.touch()
        return path
    modules = ModuleSet(kernel, paths)
    stream = io.BytesIO()
    archive = Archive(stream)
    add_userland(archive)
    add_firmware(archive)
    add_modules(archive, kernel, modules, [path.name.split(".ko")[0].replace("-", "_") for path in paths], wanted)
    archive.close()
    folder.mkdir(parents=True, exist_ok=True)
    # Another run may be making the same image: each writes its own file, and either may stay.
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{path.stem}.", delete=False) as temporary:
        temporary.write(stream.getvalue())
    Path(temporary.name).rename(path)
    for old in sorted(folder.glob("*.cpio"), key=lambda image: image.stat().st_mtime)[:-KEPT_IMAGES]:
        old.unlink(missing_ok=True)
    return path
