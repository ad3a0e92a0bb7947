# SPDX-License-Identifier: MIT
"""The kernel half: module builds for several kernels, and the kernel's own checkers."""

import subprocess
from pathlib import Path

from .core import ROOT, SCRIPTS, Result, files, judge_each, stage

NEWEST = "7.3"
# Kernels that the modules must build against: the host's default, two more of its series, the newest, and ours.
KERNELS = ("", "6.12.95", "6.12.107", NEWEST, "debug")


def kernel_tree(name):
    """The cache directory of a kernel, fetched when missing, or None with the reason."""
    result = subprocess.run(
        [SCRIPTS / "fetch-kernel", *([name] if name else [])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if result.returncode == 0:
        return Path(result.stdout.strip()), None
    lines = [line for line in result.stderr.splitlines() if line.startswith(("fetch-kernel:", "build-kernel:"))]
    return None, lines[0] if lines else "it cannot be fetched"


def modules_for(name, log, result, *options):
    """The tree of a kernel that scripts/fetch-kernel knows by this name, with our modules built for it, or None. The
    options are those of scripts/kbuild."""
    tree, reason = kernel_tree(name)
    if tree is None:
        result.skip(f"kernel {name or '6.12'}: {reason}")
        return None
    done = log.run(SCRIPTS / "kbuild", "--kernel", tree.name, *options)
    if done.returncode:
        result.fail(f"the modules do not build for {tree.name}:", *done.stdout.splitlines()[:10])
        return None
    return tree


def debug_script(name):
    """A checker that comes with the kernel's source; the debug kernel's folder keeps it."""
    tree, reason = kernel_tree("debug")
    return (tree / "kdir" / "scripts" / name, None) if tree else (None, reason)


@stage("modules", "the modules build without warning for each kernel")
def check_modules(log):
    result = Result()
    seen = set()
    for name in KERNELS:
        tree, reason = kernel_tree(name)
        if tree is None:
            result.skip(f"kernel {name or '6.12'}: {reason}")
        elif tree.name not in seen:
            seen.add(tree.name)
            done = log.run(SCRIPTS / "kbuild", "--kernel", tree.name)
            result.judge(done.returncode == 0, *done.stdout.splitlines()[:15])
    return result


@stage("sparse", "kernel sources under sparse")
def check_sparse(log):
    result = Result()
    done = log.run(SCRIPTS / "kbuild", "--sparse")
    result.judge(done.returncode == 0, *done.stdout.splitlines()[:15])
    return result


def kernel_sources():
    return files([".c", ".h"], "kernel", "uapi")


@stage("checkpatch", "kernel style, --strict")
def check_patch(log):
    script, reason = debug_script("checkpatch.pl")
    if script is None:
        result = Result()
        result.skip(f"checkpatch comes with the debug kernel: {reason}")
        return result
    # Files, not patches; there is no kernel tree around them.
    options = ("--no-tree", "--strict", "--terse", "--show-types", "--no-summary")

    def command(path):
        # TRACE_EVENT() and its kind are macros that no C layout fits; the kernel's own trace headers look the same.
        trace = "TRACE_SYSTEM" in (ROOT / path).read_text()
        ignored = ("--ignore", "PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE") if trace else ()
        return (script, *options, *ignored, "--file", path)

    return judge_each(log, kernel_sources(), command)


@stage("kernel-doc", "kernel-doc comments are well-formed")
def check_kernel_doc(log):
    script, reason = debug_script("kernel-doc")
    if script is None:
        result = Result()
        result.skip(f"kernel-doc comes with the debug kernel: {reason}")
        return result
    documented = [path for path in kernel_sources() if "/**" in (ROOT / path).read_text()]
    return judge_each(log, documented, lambda path: (script, "-none", "-Wall", "-Werror", path))
