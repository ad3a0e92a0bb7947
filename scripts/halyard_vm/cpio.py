# SPDX-License-Identifier: MIT
"""Writes the cpio archive ("newc") that the kernel unpacks as its first file system."""

import stat


class Archive:
    """Collects entries; parents of a path are made as needed. Everything belongs to root."""

    def __init__(self, stream):
        self._stream = stream
        self._inode = 0
        self._directories = set()

    def _write(self, path, mode, data=b""):
        self._inode += 1
        name = path.lstrip("/").encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self._stream.write(header + b"\0" * (-len(header) % 4))
        self._stream.write(data)
        self._stream.write(b"\0" * (-len(data) % 4))

    def directory(self, path):
        path = path.rstrip("/")
        if not path or path in self._directories:
            return
        self.directory(path.rpartition("/")[0])
        self._directories.add(path)
        self._write(path, stat.S_IFDIR | 0o755)

    def file(self, path, data, mode=0o644):
        self.directory(path.rpartition("/")[0])
        self._write(path, stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        self.directory(path.rpartition("/")[0])
        self._write(path, stat.S_IFLNK | 0o777, target.encode())

    def close(self):
        self._write("TRAILER!!!", 0)
