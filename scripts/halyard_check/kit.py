# SPDX-License-Identifier: MIT
"""scripts/new-chip, followed as its user would: a copy of the tree gets a chip, which is built, booted and run."""

import os
import shutil
import subprocess
from pathlib import Path

from .core import RESULTS, ROOT, Result, chips, stage, tracked_files

# Named after this file: a chip is not named outside its folders.
CHIP = f"{Path(__file__).stem}chip"
# What of user space it takes; the rest of it is the same for every chip.
TARGETS = ("halyard-emulator", "halyard-tool", "platform-sim", "conformance", CHIP)
# Those stages whose verdict depends on the chip's sources.
STYLE = ("spdx", "rooms", "clang-format", "checkpatch", "kernel-doc")
LEVEL = 0
SUITE = "build/user/tests/conformance/conformance"


def copy_tree(folder):
    """Our tracked files and nothing else, but what was built there before stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name in ("build", ".git"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    names = "".join(f"{path}\0" for path in tracked_files())
    command = ["rsync", "-a", "--from0", "--files-from=-", f"{ROOT}/", f"{folder}/"]
    subprocess.run(command, input=names.encode(), check=True)


def configure(folder):
    """The new chip alone: it leans on no other."""
    others = [f"# CONFIG_HALYARD_CHIP_{chip.upper()} is not set" for chip in chips()]
    (folder / ".config").write_text("\n".join([*others, f"CONFIG_HALYARD_CHIP_{CHIP.upper()}=y", ""]))


def steps():
    """What is done in the copy, in order, each needing the one before."""
    suite = [SUITE, f"--level={LEVEL}", "--gtest_brief=1"]
    return (
        ("the chip is made", ["scripts/new-chip", CHIP]),
        ("git takes its files", ["sh", "-c", "git init -q && git add -A"]),
        ("it can be configured in", ["sh", "-c", "scripts/kconfig olddefconfig && scripts/kconfig generate"]),
        ("its sources are in our style", ["scripts/check", *STYLE]),
        ("CMake knows it", ["cmake", "--preset", "user"]),
        ("user space builds", ["nice", "cmake", "--build", "build/user", "-j", str(os.cpu_count()), "--target", *TARGETS]),
        ("its driver builds", ["scripts/kbuild", "modules"]),
        ("it runs in process", ["env", f"HALYARD_TEST_DEVICE=sim:{CHIP}", *suite]),
        ("it boots and runs in the VM", ["scripts/vm", "run", "--card", CHIP, "--", *suite]),
    )


@stage("kit", "a chip made by scripts/new-chip builds, boots in the VM and passes the lowest level")
def check_kit(log):
    result = Result()
    folder = RESULTS / "kit"
    copy_tree(folder)
    configure(folder)
    cache = {"CCACHE_BASEDIR": str(folder), "CCACHE_NOHASHDIR": "1"}
    for what, command in steps():
        done = log.run("env", "-C", folder, *command, env=cache)
        result.judge(done.returncode == 0, f"not so: {what}", *done.stdout.splitlines()[-12:])
        if done.returncode:
            break
    return result
