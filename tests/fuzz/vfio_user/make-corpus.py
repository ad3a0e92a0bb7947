#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fuzzers' seed corpus: make-corpus.py FOLDER

Each file is a connection as QEMU would open it, one message after another. In a request the header's error field has
no meaning; the fuzzers take it for the number of file descriptors that come with the message.
"""

import pathlib
import struct
import sys

VERSION, DMA_MAP, DMA_UNMAP, INFO, REGION_INFO, IRQ_INFO, SET_IRQS = 1, 2, 3, 4, 5, 7, 8
READ, WRITE, RESET, WRITE_MULTI, FEATURE = 9, 10, 13, 15, 16
CONFIG = 7


def message(command, payload=b"", fds=0, flags=0):
    return struct.pack("<HHIII", 1, command, 16 + len(payload), flags, fds) + payload


def version(text=b'{"capabilities":{"max_msg_fds":16}}'):
    return message(VERSION, struct.pack("<HH", 0, 0) + text + b"\0")


def dma_map(address, size, offset=0, flags=3, fds=1):
    return message(DMA_MAP, struct.pack("<IIQQQ", 32, flags, offset, address, size), fds)


def dma_unmap(address, size, flags=0):
    return message(DMA_UNMAP, struct.pack("<IIQQ", 24, flags, address, size))


def read(region, offset, count):
    return message(READ, struct.pack("<QII", offset, region, count))


def write(region, offset, data, flags=0):
    return message(WRITE, struct.pack("<QII", offset, region, len(data)) + data, flags=flags)


def set_irqs(flags, index, start, count, fds=0, data=b""):
    return message(SET_IRQS, struct.pack("<IIIII", 20, flags, index, start, count) + data, fds)


def write_multi(*writes):
    body = b"".join(struct.pack("<QII8s", offset, region, len(data), data) for offset, region, data in writes)
    return message(WRITE_MULTI, struct.pack("<Q", len(writes)) + body, flags=0x10)


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


ENABLE = write(CONFIG, 4, u16(6))

SEEDS = {
    "boot": version()
    + message(INFO, struct.pack("<IIII", 16, 0, 0, 0))
    + b"".join(message(REGION_INFO, struct.pack("<IIIIQQ", 32, 0, i, 0, 0, 0)) for i in range(8))
    + read(CONFIG, 0, 4096)
    + b"".join(message(IRQ_INFO, struct.pack("<IIII", 16, 0, i, 0)) for i in (2, 3))
    + set_irqs(0x24, 3, 0, 1, fds=1)
    + message(RESET)
    + ENABLE,
    "dma": version()
    + dma_map(0, 0x100000)
    + dma_unmap(0, 0x100000)
    + dma_map(0, 0xC3000)
    + dma_map(0xC3000, 0x25000, 0xC3000, flags=1)
    + dma_map(0xFFFC0000, 0x40000, flags=1, fds=0)
    + ENABLE
    + write(0, 0x10, struct.pack("<QI", 0xC2FF0, 0x20)[:8])
    + write(0, 0x18, u32(0x20))
    + write(0, 0x1C, u32(1))
    + dma_unmap(0, 0, flags=2),
    "interrupts": version()
    + ENABLE
    + set_irqs(0x24, 2, 0, 4, fds=4)
    + write(0, 8, u32(2), flags=0x10)
    + set_irqs(0x09, 2, 1, 1)
    + write(0, 8, u32(1), flags=0x10)
    + read(0, 0xC000, 8)
    + set_irqs(0x11, 2, 1, 1)
    + set_irqs(0x22, 2, 0, 2, data=b"\1\0")
    + set_irqs(0x24, 2, 1, 2)
    + set_irqs(0x21, 2, 0, 0),
    "config": version()
    + write(CONFIG, 0x10, u32(0xFFFFFFFF))
    + read(CONFIG, 0x10, 4)
    + write(CONFIG, 0x44, u16(3))
    + read(0, 0, 4)
    + write(CONFIG, 0x44, u16(0))
    + write(CONFIG, 0x68, u16(0x8000)),
    "writes": version()
    + ENABLE
    + write_multi((0x40, 0, b"\1\2\3\4"), (0x48, 0, b"12345678"), (0x41, 2, b"\7"))
    + write(2, 0x1000, bytes(64))
    + read(2, 0x1000, 64)
    + message(FEATURE, struct.pack("<II", 8, 0x10001)),
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in SEEDS.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
