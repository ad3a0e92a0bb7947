# SPDX-License-Identifier: MIT
"""The VM runner: what it refuses, what it passes on, and what makes a run fail."""

import io
import tempfile
import unittest
from pathlib import Path

from support import SCRIPTS, run

from halyard_check.core import BUILD, enabled_chips
from halyard_vm.cards import Card, kernel_arguments, stop_all
from halyard_vm.console import complaints, races_of_others
from halyard_vm.cpio import Archive
from halyard_vm.paths import VmError

# An emulator that listens, and whose report and exit status the test chooses.
EMULATOR = """#!/usr/bin/python3
import signal, socket, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
listener = socket.socket(socket.AF_UNIX)
listener.bind(arguments["--socket-path"])
listener.listen()
signal.sigwait([signal.SIGTERM])
open(arguments["--report"], "w").write({report!r})
sys.exit({status})
"""


def vm(*arguments):
    return run(SCRIPTS / "vm", *arguments)


class Refusals(unittest.TestCase):
    def test_no_emulator_listens(self):
        result = vm("run", "--attach", "/nonexistent/card", "--no-modules", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("no emulator listens on /nonexistent/card", result.stdout)

    def test_the_emulator_is_not_built(self):
        result = vm("run", "--card", "any", "--emulator", "/nonexistent/emulator", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("there is no emulator /nonexistent/emulator; build it with `make user`", result.stdout)

    def test_the_emulator_ends_at_once(self):
        result = vm("run", "--card", "any", "--emulator", "/bin/false", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("the emulator ended at once with status 1", result.stdout)

    def test_the_kernel_does_not_exist(self):
        result = vm("run", "--kernel", "9.9", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn('there is no kernel "9.9"', result.stdout)

    def test_a_shell_needs_a_terminal(self):
        result = vm("shell")
        self.assertEqual(result.returncode, 125)
        self.assertIn("needs a terminal", result.stdout)

    def test_numbers_must_be_above_zero(self):
        for option in ("--memory", "--cpus", "--timeout"):
            result = vm("run", option, "0", "--", "true")
            self.assertEqual(result.returncode, 2)
            self.assertIn("0 is not above zero", result.stdout)

    def test_qemu_does_not_start(self):
        result = vm("run", "--no-modules", "--qemu-arg=-frobnicate", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("QEMU did not start", result.stdout)
        self.assertIn("frobnicate", result.stdout)


class Machine(unittest.TestCase):
    """These boot a guest, without a card."""

    def test_output_status_and_shared_folder(self):
        with tempfile.TemporaryDirectory(prefix="a,comma=") as folder:
            result = vm("run", "--no-modules", "--share", folder, "--", "sh", "-c", "echo 'a  b'; echo x >/out/y; exit 7")
            self.assertEqual(result.returncode, 7, result.stdout)
            self.assertEqual((Path(folder) / "y").read_text(), "x\n")
        self.assertIn("a  b\n", result.stdout)

    def test_a_kernel_warning_fails_a_command_that_succeeded(self):
        result = vm("run", "--no-modules", "--", "sh", "-c", "echo 'WARNING: CPU: 0 at nowhere' >/dev/kmsg")
        self.assertEqual(result.returncode, 120)
        self.assertIn("the guest kernel complained 1 times", result.stdout)
        self.assertIn("at nowhere", result.stdout)

    def test_a_panic_ends_the_run(self):
        result = vm("run", "--no-modules", "--", "sh", "-c", "echo c >/proc/sysrq-trigger")
        self.assertEqual(result.returncode, 120)
        self.assertIn("without an exit status", result.stdout)

    def test_the_time_limit_ends_a_hang(self):
        result = vm("run", "--no-modules", "--timeout", "12", "--", "sleep", "1000")
        self.assertEqual(result.returncode, 124)
        self.assertIn("the time limit is over", result.stdout)
        self.assertIn("console, logs and reports are kept in", result.stdout)

    def test_the_tree_is_read_only(self):
        result = vm("run", "--no-modules", "--", "sh", "-c", "touch ./written")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Read-only file system", result.stdout)


class UdevRule(unittest.TestCase):
    """With the rule, members of the group render may use a card; without it only root."""

    COMMAND = """
        before=$(stat -c '%G %a' /dev/accel/accel0)
        mkdir -p /etc/udev/rules.d && cp scripts/60-halyard.rules /etc/udev/rules.d/
        ln -s /usr/bin/udevadm /tmp/systemd-udevd && /tmp/systemd-udevd --daemon 2>/dev/null
        udevadm trigger --action=add --subsystem-match=accel && udevadm settle
        echo "before: $before; after: $(stat -c '%G %a' /dev/accel/accel0)"
    """

    def test_group_and_mode(self):
        chips = enabled_chips()
        if not chips or not (BUILD / "user" / "bin" / "halyard-emulator").is_file():
            self.skipTest("no emulated card is built")
        result = vm("run", "--card", chips[0], "--", "sh", "-c", self.COMMAND)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("before: root 600; after: render 660", result.stdout)


class Cards(unittest.TestCase):
    """The protocol checker's findings decide, whatever the command said."""

    def run_card(self, report, status):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            emulator = folder / "emulator"
            emulator.write_text(EMULATOR.format(report=report, status=status))
            emulator.chmod(0o755)
            card = Card(0, "any", folder, folder, emulator, [], None)
            card.start()
            return stop_all([card])

    def test_a_clean_card(self):
        self.assertEqual(self.run_card('{"findings": []}', 0), ([], 0))

    def test_findings_fail_the_run(self):
        finding = '{"findings": [{"rule": "ABC-Q3", "text": "doorbell past the tail", "count": 2}]}'
        lines, status = self.run_card(finding, 4)
        self.assertEqual(status, 121)
        self.assertEqual(lines, ["card 0 (any): rule ABC-Q3 broken 2 times: doorbell past the tail"])

    def test_a_status_without_findings_fails_the_run(self):
        lines, status = self.run_card('{"findings": []}', 4)
        self.assertEqual(status, 121)
        self.assertIn("ended at its end with status 4", lines[0])

    def test_a_report_that_is_no_report_fails_the_run(self):
        lines, status = self.run_card("nonsense", 0)
        self.assertEqual(status, 121)
        self.assertIn("report cannot be read", lines[0])

    def test_a_crash_fails_the_run(self):
        lines, status = self.run_card('{"findings": []}', 1)
        self.assertEqual(status, 121)
        self.assertIn("status 1", lines[0])

    def test_an_emulator_that_is_gone_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            card = Card(0, "any", Path(name), Path(name), Path("/bin/true"), [], None)
            with self.assertRaisesRegex(VmError, "ended at once with status 0"):
                card.start()


class KernelArguments(unittest.TestCase):
    def test_each_word_once(self):
        with_file = [path.parent.name for path in (SCRIPTS.parent / "kernel" / "chips").glob("*/kernel.args")]
        words = kernel_arguments(with_file)
        self.assertTrue(words)
        self.assertEqual(kernel_arguments(with_file * 2), words)
        self.assertFalse([word for word in words if "#" in word])

    def test_a_chip_without_file(self):
        self.assertEqual(kernel_arguments(["no-such-chip"]), [])


class Console(unittest.TestCase):
    BAD = (
        "WARNING: CPU: 1 PID: 77 at drivers/x.c:12 f+0x1/0x2",
        "BUG: KASAN: slab-use-after-free in f+0x1/0x2",
        "Oops: Oops: 0000 [#1] PREEMPT SMP",
        "WARNING: possible circular locking dependency detected",
        "UBSAN: array-index-out-of-bounds in x.c:3:4",
        "INFO: task cat:77 blocked for more than 120 seconds.",
        "refcount_t: underflow; use-after-free.",
        "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        "BUG: scheduling while atomic: cat/77/0x00000002",
        "x: Unknown symbol drm_gem_object_free (err -2)",
    )
    GOOD = (
        "x: loading out-of-tree module taints kernel.",
        "x: module verification failed: signature and/or required key missing - tainting kernel",
        "ACPI: PM: Preparing to enter system sleep state S5",
        "Spectre V2 : WARNINGS are off",
    )

    def test_every_kind_of_complaint_is_seen(self):
        for line in self.BAD:
            self.assertEqual(complaints(f"[    1.0] {line}")[1], 1, line)

    def test_ordinary_lines_are_not(self):
        self.assertEqual(complaints("\n".join(self.GOOD)), ([], 0))

    def test_what_follows_is_shown_once(self):
        shown, count = complaints("one\nWARNING: x\nBUG: y\ntrace\n")
        self.assertEqual((shown, count), (["WARNING: x", "BUG: y", "trace"], 2))

    # As 6.12 printed it.
    RACE = """[   65.784] ==================================================================
[   65.785][  T135] BUG: KCSAN: data-race in __call_rcu_common.constprop.0 / mas_walk
[   65.786][  T135]
[   65.787][  T135] write to 0xffff888002cfa308 of 8 bytes by task 132 on cpu 0:
[   65.788][  T135]  __call_rcu_common.constprop.0+0x45/0x440
[   65.789][  T135]  mas_store_prealloc+0x369/0x7b0FIRST
[   65.790][  T135]
[   65.791][  T135] read to 0xffff888002cfa308 of 8 bytes by task 135 on cpu 1:
[   65.792][  T135]  mas_walk+0x20d/0x330
[   65.793][  T135]  lock_vma_under_rcu+0x80/0x1f0SECOND
[   65.794][  T135]
[   65.795][  T135] Reported by Kernel Concurrency Sanitizer on:
[   65.796][  T135] ==================================================================
"""

    def race(self, first="", second=""):
        return self.RACE.replace("FIRST", first).replace("SECOND", second)

    def test_a_race_in_which_nothing_of_ours_took_part_is_told_but_no_complaint(self):
        text = self.race() + "[   66.0] WARNING: x\n"
        self.assertEqual(complaints(text), (["[   66.0] WARNING: x"], 1))
        self.assertEqual(races_of_others(text), ["data-race in __call_rcu_common.constprop.0 / mas_walk"])

    def test_a_race_with_a_frame_of_ours_in_either_stack_is_a_complaint(self):
        for frame in ("f+0x1/0x2 [halyard]", "f+0x1/0x2 [edu_peer]", "__dma_fence_signal.part.0+0x1/0x2", "? drm_ioctl+0x1/0x2"):
            for text in (self.race(first=f"\n[ 1.0]  {frame}"), self.race(second=f"\n[ 1.0]  {frame}")):
                self.assertEqual(complaints(text)[1], 1, frame)
                self.assertEqual(races_of_others(text), [], frame)

    def test_a_race_whose_report_was_cut_off_is_a_complaint(self):
        text = self.race().rstrip("\n=")
        self.assertEqual(complaints(text)[1], 1)
        self.assertEqual(races_of_others(text), [])

    def test_two_races_are_judged_apart(self):
        ours = self.race(first="\n[ 1.0]  f+0x1/0x2 [halyard]")
        for text in (self.race() + ours, ours + self.race()):
            self.assertEqual((complaints(text)[1], len(races_of_others(text))), (1, 1))


class Cpio(unittest.TestCase):
    def test_the_archive_is_what_cpio_reads(self):
        stream = io.BytesIO()
        archive = Archive(stream)
        archive.file("/a/b/c", b"12345", 0o755)
        archive.symlink("/a/l", "b/c")
        archive.directory("/a/b")
        archive.close()
        data = stream.getvalue()
        self.assertEqual(len(data) % 4, 0)
        self.assertEqual(data.count(b"070701"), 5)  # a, a/b, a/b/c, a/l, trailer: parents once each
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.cpio"
            path.write_bytes(data)
            listing = run("busybox", "cpio", "-tvF", path).stdout
        self.assertRegex(listing, r"-rwxr-xr-x .* 5 .* a/b/c")


if __name__ == "__main__":
    unittest.main()
