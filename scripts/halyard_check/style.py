# SPDX-License-Identifier: MIT
"""Rules that need no build: licences, the borders between the rooms, style."""

import py_compile
import re
import tempfile
from pathlib import Path

from .core import ROOT, SCRIPTS, Result, chips, files, is_script, judge_each, other_clang, stage, tracked_files

TAG = re.compile(rb"SPDX-License-Identifier: (GPL-2\.0-only|MIT|\(GPL-2\.0-only OR MIT\))(?![\w.-])")
# Data of others keep their licence; it stands in a file beside them.
DATA_TAG = re.compile(rb"SPDX-License-Identifier: (MIT|CC-BY-4\.0)(?![\w.-])")
TAG_LINES = 3


def has_tag(path):
    """In the file's own first lines, or in FILE.license, or in FOLDER.license for a folder of data."""
    for sidecar in (ROOT / f"{path}.license", ROOT / f"{path.parent}.license"):
        if sidecar.is_file():
            return bool(DATA_TAG.search(sidecar.read_bytes()))
    pattern = DATA_TAG if path.suffix == ".license" else TAG
    return bool(pattern.search(b"\n".join((ROOT / path).read_bytes()[:2000].splitlines()[:TAG_LINES]) + b"\n"))


@stage("spdx", "every file names its licence")
def check_spdx(_log):
    result = Result()
    exempt = {Path("LICENSE"), *(path for path in tracked_files() if path.parts[0] == "LICENSES")}
    for path in tracked_files():
        if path not in exempt:
            result.judge(has_tag(path), f"{path}: no SPDX-License-Identifier in its first {TAG_LINES} lines")
    return result


def may_name(path, chip):
    """A chip is named in its own folders, in its own documentation and tests, and in the list of PCI ids."""
    if path.parts[0] in ("Documentation", "README.md", "CONTRIBUTING.md", "CHANGES.md"):
        return True
    if path == Path("kernel/chips/pci_ids.h"):
        return True
    if path.parts[0] == "uapi":
        return path.name == f"halyard_{chip}.h"
    return any(chip in part for part in path.parts)


def source_lines(path):
    try:
        return (ROOT / path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def chip_leaks(chip):
    word = re.compile(rf"(?<![a-z]){chip}(?![a-z])", re.IGNORECASE)
    for path in tracked_files():
        if may_name(path, chip) or path.suffix in (".bin", ".npz"):
            continue
        for number, line in enumerate(source_lines(path), start=1):
            if word.search(line):
                yield f"{path}:{number}: the chip {chip} is named outside its folders"


# What a room's files must not contain, and why.
BORDERS = (
    (r"^kernel/", r"LINUX_VERSION_CODE|\bKERNEL_VERSION\(", "kernel versions are probed for in kernel/compat"),
    (r"^kernel/(core|include|compat)/", r'#include\s+["<](\.\./)*chips/', "the core does not know the chips"),
    (r"^emulator/", r'#include\s+["<](halyard/halyard\.|(\.\./)*hal/)', "the emulator does not know the HAL"),
    (r"^hal/src/(?!platform/sim)", r'#include\s+["<](chips/|engine/|vfio_user/)', "only the platform sim knows the emulator"),
    (r"^hal/runtimes/", r'#include\s+["<](\.\./)*(src|platform)/', "runtimes see hal/include only"),
    (r"^(?!scripts/halyard_check/)", r"https?://(deb|registry|snapshot|security)\.", "no host of a package registry"),
)


@stage("rooms", "who may name and include whom")
def check_rooms(_log):
    result = Result()
    for chip in chips():
        leaks = list(chip_leaks(chip))
        result.judge(not leaks, *leaks[:10])
    borders = [(re.compile(place), re.compile(pattern), why) for place, pattern, why in BORDERS]
    borders.append((re.compile(""), re.compile(re.escape(f"{ROOT}/")), "no path of this machine"))
    for place, pattern, why in borders:
        hits = [
            f"{path}:{number}: {why}"
            for path in tracked_files()
            if place.search(str(path))
            for number, line in enumerate(source_lines(path), start=1)
            if pattern.search(line)
        ]
        result.judge(not hits, *hits[:10])
    return result


@stage("budget", "lines of chip-specific kernel code, and their limits")
def check_budget(log):
    done = log.run(SCRIPTS / "budget")
    result = Result()
    result.notes = [line for line in done.stdout.splitlines() if not line.startswith("budget:")]
    result.judge(done.returncode == 0, *[line for line in done.stdout.splitlines() if line.startswith("budget:")])
    return result


@stage("shellcheck", "shell scripts")
def check_shell(log):
    scripts = [path for path in tracked_files() if is_script(path, b"sh")]
    scripts += [path for path in files([".sh"], "scripts") if path not in scripts]
    return judge_each(log, scripts, lambda path: ("shellcheck", "-x", path))


@stage("python", "Python scripts compile")
def check_python(_log):
    result = Result()
    with tempfile.TemporaryDirectory() as folder:
        for path in tracked_files():
            if path.suffix == ".py" or is_script(path, b"python3"):
                try:
                    py_compile.compile(str(ROOT / path), cfile=f"{folder}/x.pyc", doraise=True)
                    result.passed += 1
                except py_compile.PyCompileError as error:
                    result.fail(f"{path}: {error.msg}")
    return result


@stage("clang-format", "layout of C++ sources")
def check_format(log):
    other = other_clang(log, "clang-format")
    if other:
        return other
    sources = files([".cpp", ".hpp", ".h", ".c"], "hal", "emulator", "tests")
    return judge_each(log, sources, lambda path: ("clang-format", "--dry-run", "-Werror", path))
