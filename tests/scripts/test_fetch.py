# SPDX-License-Identifier: MIT
"""Fetching: the versions that exist, those that do not, and no network."""

import tempfile
import unittest
from pathlib import Path

from support import NO_NETWORK, SCRIPTS, run


class FetchKernel(unittest.TestCase):
    def test_a_version_that_does_not_exist_lists_those_that_do(self):
        result = run(SCRIPTS / "fetch-kernel", "9.9")
        self.assertEqual(result.returncode, 1)
        self.assertIn('there is no kernel "9.9"', result.stdout)
        self.assertRegex(result.stdout, r"\n  6\.12\.\d+\+deb1\d-amd64\n")

    def test_make_passes_the_refusal_on(self):
        result = run("make", "modules", "KERNEL=9.9")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('there is no kernel "9.9"', result.stdout)

    def test_the_beginning_of_a_version_is_enough_but_not_of_a_number(self):
        full = Path(run(SCRIPTS / "fetch-kernel").stdout.splitlines()[-1]).name
        short = full.split("+")[0]
        self.assertEqual(Path(run(SCRIPTS / "fetch-kernel", short).stdout.splitlines()[-1]).name, full)
        self.assertNotEqual(run(SCRIPTS / "fetch-kernel", "6.1").returncode, 0)

    def test_unknown_options_are_refused(self):
        result = run(SCRIPTS / "fetch-kernel", "--frobnicate")
        self.assertEqual(result.returncode, 1)
        self.assertIn("unknown option '--frobnicate'", result.stdout)


class NoNetwork(unittest.TestCase):
    """A first run without a network says in one sentence what it needed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.env = {**NO_NETWORK, "HALYARD_CACHE": folder.name}

    def test_kernel(self):
        result = run(SCRIPTS / "fetch-kernel", "6.12", env=self.env)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot reach the Debian mirror, and the cache has no kernel 6.12; needed once:", result.stdout)

    def test_qemu(self):
        result = run(SCRIPTS / "fetch-qemu", env={**self.env, "PATH": "/usr/bin:/bin"})
        if result.returncode == 0:
            self.skipTest("this host's own QEMU has vfio-user, nothing is fetched")
        self.assertIn("cannot reach the Debian mirror; needed once: qemu-system-x86", result.stdout)

    def test_the_vm_hands_the_reason_on(self):
        result = run(SCRIPTS / "vm", "run", "--", "true", env=self.env)
        self.assertEqual(result.returncode, 125)
        self.assertIn("cannot reach the Debian mirror", result.stdout)
        self.assertIn("vm: scripts/fetch-kernel failed", result.stdout)


class Setup(unittest.TestCase):
    def test_nothing_to_do_is_quick_and_silent(self):
        result = run(SCRIPTS / "setup", timeout=10, env=NO_NETWORK)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def set_up(self, packages, *arguments):
        """Runs the script with another list of packages."""
        with tempfile.TemporaryDirectory() as folder:
            scripts = Path(folder) / "scripts"
            (scripts / "lib").mkdir(parents=True)
            for name in ("setup", "lib/common.sh"):
                (scripts / name).write_bytes((SCRIPTS / name).read_bytes())
            (scripts / "setup").chmod(0o755)
            (scripts / "packages.txt").write_text(packages)
            return run(scripts / "setup", *arguments, env={**NO_NETWORK, "HALYARD_CACHE": folder})

    def test_a_missing_package_without_network_is_named(self):
        result = self.set_up("no-such-package-here  # to be missed\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no-such-package-here", result.stdout)

    def test_what_only_checks_need_is_not_wanted_for_a_run(self):
        packages = "make\n[check]\nno-such-package-here\n"
        self.assertEqual(self.set_up(packages, "run").returncode, 0)
        result = self.set_up(packages)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no-such-package-here", result.stdout)

    def test_an_unknown_set_is_refused(self):
        result = run(SCRIPTS / "setup", "everything")
        self.assertEqual(result.returncode, 1)
        self.assertIn("usage: setup [run]", result.stdout)


if __name__ == "__main__":
    unittest.main()
