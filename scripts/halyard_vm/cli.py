# SPDX-License-Identifier: MIT
"""The command line of scripts/vm."""

import argparse
import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from .cards import Card, ForeignCard, default_emulator, kernel_arguments, stop_all
from .console import complaints, races_of_others
from .image import build_image
from .machine import Machine, Setup, relay_terminal
from .paths import BUILD, EXIT_KERNEL, EXIT_RUNNER, EXIT_TIMEOUT, ROOT, VmError, kernel_directory

KEPT_RUNS = 20

DESCRIPTION = """\
Boots a stock QEMU with emulated cards, loads the modules and runs a command (or a shell) in the guest.
The guest sees the host's /usr and this repository read-only at the same paths, and /out, a writable
folder that it shares with the host. Without KVM and without root."""

EPILOG = f"""\
The exit status is the command's own, but
  {EXIT_KERNEL}  the command succeeded, yet the guest kernel complained (WARNING, BUG, lockdep, KASAN, ...)
  121  the command succeeded, yet a card's protocol checker has findings or an emulator failed
  {EXIT_TIMEOUT}  the time limit ended the machine
  {EXIT_RUNNER}  the machine could not be started or broke down"""


def positive(text):
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def folder(text):
    path = Path(text).resolve()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return path


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="vm", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--card", metavar="CHIP[,NAME=VALUE...]", action="append", default=[], help="an emulated card; repeat for several")
    common.add_argument("--attach", metavar="SOCKET", action="append", default=[], help="a card whose emulator runs already")
    common.add_argument("--memory", metavar="MIB", type=positive, default=2048, help="guest memory (%(default)s)")
    common.add_argument("--cpus", metavar="N", type=positive, default=2, help="guest processors (%(default)s)")
    common.add_argument("--kernel", metavar="VERSION", default=os.environ.get("KERNEL", ""), help="test kernel, see scripts/fetch-kernel")
    common.add_argument("--instrument", choices=("kcov", "gcov", "overlay"), help="modules built with scripts/kbuild --instrument or --overlay")
    common.add_argument("--share", metavar="DIR", type=Path, help="folder that is /out in the guest")
    common.add_argument("--mount", metavar="DIR", type=folder, action="append", default=[], help="folder of the host that the guest sees, too")
    common.add_argument("--keep-console", metavar="FILE", type=Path, help="copy of the guest kernel's console")
    common.add_argument("--emulator", metavar="FILE", type=Path, default=default_emulator(), help="the emulator's program")
    common.add_argument("--emulator-arg", metavar="ARG", action="append", default=[], help="passed to every emulator")
    common.add_argument("--qemu-arg", metavar="ARG", action="append", default=[], help="passed to QEMU")
    common.add_argument("--append", metavar="ARG", action="append", default=[], help="added to the kernel's command line")
    common.add_argument("--trace", metavar="DIR", type=Path, help="each card records its trace there")
    common.add_argument("--icount", action="store_true", help="count instructions instead of time; one processor")
    common.add_argument("--no-modules", action="store_true", help="leave it to the command to load the modules")
    common.add_argument("--times", action="store_true", help="print at the end how long each part took")
    commands = parser.add_subparsers(dest="mode", required=True)
    run = commands.add_parser("run", parents=[common], help="run a command and return its exit status")
    run.add_argument("--timeout", metavar="S", type=positive, default=600, help="time limit of the whole run (%(default)s)")
    run.add_argument("command", nargs="+", metavar="COMMAND")
    commands.add_parser("shell", parents=[common], help="an interactive shell in the guest")
    return parser.parse_args(arguments)


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def try_lock(folder):
    """An open file that holds the folder's lock until this process ends, or None when its run is still going on."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def run_folder():
    """A folder for this run's files, and its lock; those of old runs go, but not under a run that still goes on."""
    base = BUILD / "vm" / "runs"
    base.mkdir(parents=True, exist_ok=True)
    old = sorted((path for path in base.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in old[:-KEPT_RUNS]:
        with contextlib.suppress(OSError):
            lock = try_lock(path)
            if lock is not None:
                with lock:
                    shutil.rmtree(path, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=time.strftime("%H%M%S-"), dir=base))
    return folder, try_lock(folder)


def write_control(folder, arguments):
    """What the guest reads at start."""
    control = folder / "control"
    control.mkdir()
    (control / "top").write_text(f"{ROOT}\n")
    (control / "mounts").write_text("".join(f"mount{number} {path}\n" for number, path in enumerate(arguments.mount)))
    size = shutil.get_terminal_size()
    (control / "size").write_text(f"{size.lines} {size.columns}\n")
    if arguments.mode == "run":
        (control / "command").write_text(f"exec {shlex.join(arguments.command)}\n")


def make_cards(arguments, folder, sockets):
    cards = [
        Card(number, chip, folder, sockets, arguments.emulator, arguments.emulator_arg, arguments.trace)
        for number, chip in enumerate(arguments.card)
    ]
    return cards + [ForeignCard(len(cards) + number, path) for number, path in enumerate(arguments.attach)]


def make_setup(arguments, folder, sockets):
    for path in (arguments.share, arguments.trace):
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
    out = (arguments.share or folder / "out").resolve()
    out.mkdir(exist_ok=True)
    kernel = kernel_directory(arguments.kernel)
    return Setup(
        kernel=kernel,
        image=build_image(kernel, arguments.instrument),
        folder=folder,
        sockets=sockets,
        out=out,
        mode=arguments.mode,
        memory=arguments.memory,
        cpus=arguments.cpus,
        load_modules=not arguments.no_modules,
        icount=arguments.icount,
        mounts=arguments.mount,
        cards=make_cards(arguments, folder, sockets),
        qemu_arguments=arguments.qemu_arg,
        kernel_arguments=[*kernel_arguments(arguments.card), *arguments.append],
    )


def judge(machine, console, folder):
    """The run's exit status so far, with words for whatever is wrong."""
    lines, count = complaints(console)
    for race in races_of_others(console):
        say(f"the kernel's own, with nothing of ours in it: {race}")
    if count:
        say(f"the guest kernel complained {count} times:")
        print("\n".join(lines), file=sys.stderr)
    if machine.timed_out:
        say("the time limit is over; last words of the guest kernel:")
        print("\n".join(console.splitlines()[-10:]), file=sys.stderr)
        return EXIT_TIMEOUT
    if machine.failure:
        say(f"the guest failed {machine.failure}; last words of its kernel:")
        print("\n".join(console.splitlines()[-10:]), file=sys.stderr)
        return EXIT_RUNNER
    if machine.status is None:
        say(f"the guest ended without an exit status of the command (QEMU's log: {folder / 'qemu.log'})")
        return EXIT_KERNEL if count else EXIT_RUNNER
    if machine.qemu_failed():
        say(f"QEMU ended with status {machine.qemu_failed()} (log: {folder / 'qemu.log'})")
        return machine.status or EXIT_RUNNER
    return machine.status or (EXIT_KERNEL if count else 0)


def print_times(machine):
    if machine.finished is None:
        return
    say(
        f"boot {machine.booted:.1f} s, modules {machine.loaded - machine.booted:.1f} s, "
        f"command {machine.finished - machine.loaded:.1f} s; boot to result {machine.finished:.1f} s, "
        f"largest process {machine.peak_memory()} MiB"
    )


def drive(arguments, folder, sockets):
    """One machine from its cards' start to the verdict."""
    write_control(folder, arguments)
    setup = make_setup(arguments, folder, sockets)
    machine = Machine(setup)
    try:
        for card in setup.cards:
            card.start()
        channels = machine.start()
        if arguments.mode == "shell":
            relay_terminal(channels["terminal"])
            machine.run(channels, machine.elapsed() + 30)
        else:
            machine.run(channels, arguments.timeout)
    finally:
        machine.kill()
        findings, checker_status = stop_all(setup.cards)
    console = (folder / "console.log").read_text(errors="replace")
    status = judge(machine, console, folder)
    for line in findings:
        say(line)
    if arguments.times:
        print_times(machine)
    return status or checker_status


def main(arguments=None):
    arguments = parse_arguments(arguments)
    if arguments.mode == "shell" and not sys.stdin.isatty():
        say("the shell needs a terminal; `vm run` does not")
        return EXIT_RUNNER
    # A run that is told to end still stops its machine and its cards.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder, lock = run_folder()
    status = EXIT_RUNNER
    try:
        # Socket paths are short whatever the repository's path is.
        with tempfile.TemporaryDirectory(prefix="halyard-") as sockets:
            status = drive(arguments, folder, Path(sockets))
    except VmError as error:
        say(str(error))
        status = error.status
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    finally:
        console = folder / "console.log"
        if arguments.keep_console and console.is_file():
            shutil.copyfile(console, arguments.keep_console)
        if status == 0:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
        elif console.is_file():
            say(f"console, logs and reports are kept in {folder}")
        lock.close()
    return status
