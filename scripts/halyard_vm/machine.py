# SPDX-License-Identifier: MIT
"""The virtual machine: QEMU's command line, its channels to the guest, and its end."""

import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from .paths import ROOT, VmError, script_output, start_process

# The guest knows each channel by its place here: /dev/vport0p1 and so on.
CHANNELS = ("control", "stdout", "stderr")
# Not for the guest: how long QEMU waits for a card's answer. The host may be busy, or the emulator in a debugger.
CARD_TIMEOUT_MS = 60000

KERNEL_PARAMETERS = (
    "console=ttyS0 quiet panic=-1 oops=panic mitigations=off nokaslr "
    # What the boot can go without. Measuring the delay loop takes 0.7 s; this value stands for a time-stamp counter of
    # 5 GHz, so that udelay() is never shorter than asked for.
    "lpj=20000000 cryptomgr.notests apparmor=0 initcall_blacklist=crypto_kdf108_init,init_encrypted,jent_mod_init "
    # The host is shared and emulates: what takes this long in the guest is a hang, what takes less may be the host.
    "rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60"
)


@dataclass
class Setup:
    """What a machine is made of. Memory in MiB."""

    kernel: Path
    image: Path
    folder: Path
    sockets: Path
    out: Path
    mode: str
    memory: int = 2048
    cpus: int = 2
    load_modules: bool = True
    icount: bool = False
    mounts: list = field(default_factory=list)
    cards: list = field(default_factory=list)
    qemu_arguments: list = field(default_factory=list)
    kernel_arguments: list = field(default_factory=list)


def quoted(path):
    """A path as the value of an option of QEMU's, where a comma is doubled."""
    return str(path).replace(",", ",,")


def share(tag, path, readonly):
    access = "on" if readonly else "off"
    return [
        "-fsdev", f"local,id=fs-{tag},path={quoted(path)},security_model=none,readonly={access},multidevs=remap",
        "-device", f"virtio-9p-pci,fsdev=fs-{tag},mount_tag={tag}",
    ]  # fmt: skip


def accelerator(setup):
    if not setup.icount:
        return ["-accel", "tcg,thread=multi", "-smp", str(setup.cpus)]
    # One nanosecond of guest time per guest instruction: results do not depend on the host's load.
    return ["-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0,sleep=off"]


def qemu_command(setup):
    """QEMU's whole command line. Guest memory is shared, so a card's DMA is a plain memory access in its process."""
    append = [KERNEL_PARAMETERS, f"halyard_mode={setup.mode}", *setup.kernel_arguments]
    if not setup.load_modules:
        append.append("halyard_modules=no")
    command = [
        script_output("fetch-qemu"), *accelerator(setup), "-cpu", "max", "-m", f"{setup.memory}M",
        "-object", f"memory-backend-memfd,id=m0,size={setup.memory}M,share=on",
        "-machine", "q35,memory-backend=m0", "-nodefaults", "-display", "none", "-no-reboot",
        "-kernel", setup.kernel / "vmlinuz", "-initrd", setup.image, "-append", " ".join(append),
        "-chardev", f"file,id=console,path={quoted(setup.folder / 'console.log')}", "-serial", "chardev:console",
        "-device", "virtio-serial-pci",
    ]  # fmt: skip
    for number, name in enumerate(CHANNELS, start=1):
        command += ["-chardev", f"socket,id={name},path={quoted(setup.sockets / name)}"]
        command += ["-device", f"virtserialport,chardev={name},name={name},nr={number}"]
    if setup.mode == "shell":
        command += ["-chardev", f"socket,id=terminal,path={quoted(setup.sockets / 'terminal')}"]
        command += ["-device", "virtconsole,chardev=terminal,nr=0"]
    command += share("usr", "/usr", True)
    command += share("alternatives", "/etc/alternatives", True)
    command += share("top", ROOT, True)
    command += share("control", setup.folder / "control", False)
    command += share("out", setup.out, False)
    for number, path in enumerate(setup.mounts):
        command += share(f"mount{number}", path, True)
    # A slot for each card, with the hotplug of PCI Express in place of ACPI's: the bus behind it can be reset, which
    # brings back a card whose link is lost.
    command += ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
    for number, card in enumerate(setup.cards):
        command += ["-device", f"pcie-root-port,id=slot{number},chassis={number + 1},slot={number + 1}"]
        device = {
            "driver": "vfio-user-pci",
            "bus": f"slot{number}",
            "socket": {"path": str(card.socket), "type": "unix"},
            "x-msg-timeout": CARD_TIMEOUT_MS,
        }
        command += ["-device", json.dumps(device)]
    return [str(word) for word in [*command, *setup.qemu_arguments]]


class Machine:
    """Runs one machine to its end and passes the guest's output through.

    Attributes after run(): `status` is the command's exit status or None when the guest did not tell one,
    `failure` what the guest could not do, `timed_out`; `booted`, `loaded` and `finished` are seconds since the start.
    """

    def __init__(self, setup):
        self._setup = setup
        self._process = None
        self._started = 0.0
        self._control = b""
        self._sinks = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
        self.status = None
        self.failure = None
        self.timed_out = False
        self.booted = self.loaded = self.finished = None

    def _listen(self, names):
        listeners = {}
        for name in names:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self._setup.sockets / name))
            listener.listen(1)
            listeners[name] = listener
        return listeners

    def _accept(self, listeners):
        """QEMU connects to every channel before the guest runs; if it ends first, its own words say why."""
        connections = {}
        for name, listener in listeners.items():
            listener.settimeout(0.1)
            while name not in connections:
                try:
                    connections[name] = listener.accept()[0]
                except TimeoutError as error:
                    if self._process.poll() is not None:
                        log = (self._setup.folder / "qemu.log").read_text(errors="replace").strip()
                        raise VmError(f"QEMU did not start: {log}") from error
            listener.close()
        return connections

    def start(self):
        """Starts QEMU and returns its channels by name."""
        names = [*CHANNELS, *(["terminal"] if self._setup.mode == "shell" else [])]
        listeners = self._listen(names)
        command = qemu_command(self._setup)
        (self._setup.folder / "qemu.command").write_text("\n".join(command) + "\n")
        self._started = time.monotonic()
        with (self._setup.folder / "qemu.log").open("wb") as log:
            self._process = start_process(command, log)
        return self._accept(listeners)

    def elapsed(self):
        return time.monotonic() - self._started

    def run(self, channels, deadline):
        """Serves the channels until QEMU has ended or `deadline` (seconds since the start) is over."""
        with selectors.DefaultSelector() as selector:
            for name in CHANNELS:
                selector.register(channels[name], selectors.EVENT_READ, name)
            while selector.get_map():
                if self.elapsed() > deadline:
                    self.timed_out = True
                    break
                for key, _ in selector.select(0.2):
                    if not self._serve(key.data, key.fileobj):
                        selector.unregister(key.fileobj)
        self.stop()

    def _serve(self, name, channel):
        try:
            data = channel.recv(65536)
        except ConnectionResetError:
            data = b""
        if name == "control":
            self._heed(data)
        elif data:
            self._sinks[name].write(data)
            self._sinks[name].flush()
        return bool(data)

    def _heed(self, data):
        *lines, self._control = (self._control + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "booted":
                self.booted = self.elapsed()
            elif word == "loaded":
                self.loaded = self.elapsed()
            elif word == "exit":
                self.status = int(rest)
                self.finished = self.elapsed()
            elif word == "failed":
                self.failure = rest

    def stop(self):
        """Ends QEMU if it has not ended by itself."""
        if self._process is None:
            return
        try:
            self._process.wait(0 if self.timed_out else 20)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def kill(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def qemu_failed(self):
        """QEMU's exit status if it is not that of a guest that switched itself off."""
        status = self._process.returncode
        return status if status and not self.timed_out else 0

    def peak_memory(self):
        """Peak resident memory in MiB of the largest of our processes that have ended, QEMU and the emulators."""
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def relay_terminal(channel):
    """Connects the user's terminal to the guest's until the guest closes it."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    saved = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(channel, selectors.EVENT_READ)
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is channel:
                        data = channel.recv(65536)
                        if not data:
                            return
                        os.write(sys.stdout.fileno(), data)
                    else:
                        channel.sendall(os.read(descriptor, 4096))
    except ConnectionResetError:
        return
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)
