# SPDX-License-Identifier: MIT
"""QEMU's own command channel, for what happens to a machine from outside."""

import json
import socket
import time


class Qmp:
    """The channel at a path of options(), once QEMU is there. Commands fail with OSError when QEMU has ended."""

    @staticmethod
    def options(path):
        """What scripts/vm is to be called with."""
        return ["--qemu-arg=-qmp", f"--qemu-arg=unix:{path},server=on,wait=off"]

    def __init__(self, path, seconds=120):
        deadline = time.monotonic() + seconds
        while not path.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"QEMU does not make {path}")
            time.sleep(0.05)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(seconds)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r")
        self._answer()
        self.run("qmp_capabilities")

    def _answer(self):
        """The next line that is no event."""
        for line in self._lines:
            message = json.loads(line)
            if "event" not in message:
                return message
        raise ConnectionError("QEMU has ended")

    def run(self, command, **arguments):
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
