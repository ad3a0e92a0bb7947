# SPDX-License-Identifier: MIT
"""What the tests of the front door share: running scripts in a copy of the tree, and without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))

# Nothing listens there, so whatever apt wants to fetch fails at once, as on a machine without a network.
NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}


def run(*command, env=None, cwd=ROOT, timeout=300):
    """Runs a command; standard output and error together are in `stdout`."""
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def copy_tree(folder):
    """A copy of what the configuration is made of: Kconfig files, chips' folders, configs and scripts."""
    folder = Path(folder)
    shutil.copytree(SCRIPTS, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", folder / "configs")
    for source in [ROOT / "Kconfig", *ROOT.glob("*/Kconfig"), *ROOT.glob("*/*/*/Kconfig")]:
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return folder
