#!/usr/bin/env python3
"""Writes golden_chunk.inc, golden_archived.inc, golden_sketches.inc and golden_events.inc by docs/history-format.md and
docs/archive-format.md alone: nothing here is of the product's code.

Three steps of 15 minutes of the pod uid-1: as its chunk, as that of an archive, and its sketches; and three events. Each zstd frame is one raw block, so that
what is in it is seen in the bytes. Run it again only for a new version of the format: old bytes are there to stay.
"""

import os
import struct

MISSING = None
BEGIN = 1699999200
MEMORY_STEP = 8192


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return 2 * number if number >= 0 else -2 * number - 1


def varints(*numbers):
    return b"".join(varint(number) for number in numbers)


def raw_frame(content):
    """RFC 8878: single segment, a content size of one byte, one last raw block."""
    return bytes.fromhex("28b52ffd20") + bytes([len(content)]) + struct.pack("<I", len(content) << 3 | 1)[:3] + content


def plain(step, *values):
    data = b"".join(varint(0 if value is MISSING else value // step + 1) for value in values)
    return bytes([1]) + varint(step) + varint(len(data)) + data


def differences(step, *values):
    data = b""
    last = 0
    for value in values:
        data += varint(0 if value is MISSING else zigzag(value // step - last) + 1)
        last = last if value is MISSING else value // step
    return bytes([2]) + varint(step) + varint(len(data)) + data


def column(field, statistic, values):
    return varint(1024 + 8 * field + statistic) + values


CPU_MEAN = plain(4, 500, MISSING, 740)
MEMORY_MEAN = differences(MEMORY_STEP, 67108864, 67117056, 67108864)
QOS = plain(1, 2, 2, 2)


def body(first, columns):
    times = varints(zigzag(900), zigzag(0))
    return bytes([3]) + varint(zigzag(first)) + varint(len(times)) + times + b"".join(columns)


def own_columns():
    return [column(0, 3, differences(1, 900, 900, 900)),
            column(512, 0, CPU_MEAN),
            column(512, 1, plain(4, 480, MISSING, 700)),
            column(512, 2, plain(4, 520, MISSING, 800)),
            column(513, 0, MEMORY_MEAN),
            column(513, 3, plain(1, 900, 450, 900)),
            column(519, 0, QOS)]


def chunk(name, first, columns):
    head = bytes([1, len(name)]) + name + varint(3) + varint(len(columns))
    frame = raw_frame(body(first, columns))
    start = b"TDC\x01"
    return start + struct.pack("<I", crc32c(start + head + frame)) + head + frame


def sketches():
    content = varints(3, 2)
    content += varints(512, 3, 0, 3)
    content += varints(zigzag(156), 1, 1, zigzag(15), 2, 3)
    content += varints(199, 499, 199, 99, 699, 99)
    content += varints(513, 1, 1, 1)
    content += varints(zigzag(704), zigzag(0), zigzag(0))
    content += varints(899, 449, 899)
    frame = raw_frame(content)
    start = b"TDS\x01"
    return start + struct.pack("<I", crc32c(start + frame)) + frame


def sized(text):
    return varint(len(text)) + text


def events():
    """An eviction, in the same ms a change of a file by a mechanism that no build knows, and a gap two seconds later."""
    content = varint(3)
    content += varints(1700000000123, 8, 140) + sized(b"batch/sort-1") + sized(b"") + sized("für dienste".encode())
    content += varints(0, 200, 60000) + sized(b"cpu.max") + sized(b"max 100000") + sized(b"50000 100000")
    content += varints(2000, 3, 44) + sized(b"n1") + sized(b"") + sized(b"5 reports dropped before 17 of incarnation 7")
    return b"TDE\x01" + raw_frame(content)


def write(name, data):
    digits = data.hex()
    lines = [digits[at:at + 64] for at in range(0, len(digits), 64)]
    with open(f"{os.path.dirname(os.path.abspath(__file__))}/{name}", "w", encoding="ascii") as file:
        file.write('R"(' + "\n".join(lines) + ')"\n')


def main():
    write("golden_chunk.inc", chunk(b"uid-1", BEGIN, own_columns()))
    common = [varint(2) + CPU_MEAN, varint(4) + MEMORY_MEAN, varint(9) + QOS]
    write("golden_archived.inc", chunk(b"n1/pod/uid-1", BEGIN + 900, common + own_columns()))
    write("golden_sketches.inc", sketches())
    write("golden_events.inc", events())


if __name__ == "__main__":
    main()
