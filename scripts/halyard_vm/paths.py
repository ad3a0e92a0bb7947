# SPDX-License-Identifier: MIT
"""Where things are, and the error that carries an exit status."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
SCRIPTS = ROOT / "scripts"

EXIT_KERNEL = 120
EXIT_CHECKER = 121
EXIT_TIMEOUT = 124
EXIT_RUNNER = 125


class VmError(Exception):
    """The run cannot start or go on; the text is one sentence for the user."""

    def __init__(self, text, status=EXIT_RUNNER):
        super().__init__(text)
        self.status = status


def script_output(name, *arguments):
    """What a script of ours prints on standard output; its own words on standard error explain a failure."""
    result = subprocess.run([SCRIPTS / name, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise VmError(f"scripts/{name} failed (see above)")
    return result.stdout.strip()


def kernel_directory(version):
    """The cache directory of a test kernel (see scripts/fetch-kernel)."""
    return Path(script_output("fetch-kernel", *([version] if version else [])))


def build_directory(kernel, instrument=None):
    """Where scripts/kbuild has put our modules."""
    return BUILD / "kernel" / "-".join(filter(None, (kernel.name, instrument)))


def start_process(command, log):
    """Starts QEMU or an emulator. A signal to our terminal does not reach it, but our own end, however it comes, does."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *map(str, command)],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
