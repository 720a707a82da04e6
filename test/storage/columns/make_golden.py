#!/usr/bin/env python3
"""Writes golden_archive.inc and golden_extras.inc by docs/archive-format.md alone: nothing here is of the product's code.

Two chunks: web-1, whose zstd frame is one raw block, so that its body is seen in the bytes; and batch, a frame of libzstd at level 9, with
a column that no build knows. In the other file web-1 is followed by bytes that are no chunk: sketches, events of the cluster, and a kind that
no build knows. Run it again only for a new version of the format: old bytes are there to stay.
"""

import ctypes
import os
import struct


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


def sized(data):
    return varint(len(data)) + data


def times(encoding, first, data):
    return bytes([encoding]) + varint(zigzag(first)) + sized(data)


def column(number, encoding, step, data):
    return varint(number) + bytes([encoding]) + varint(step) + sized(data)


def raw_frame(content):
    """RFC 8878: single segment, a content size of one byte, one last raw block."""
    return bytes.fromhex("28b52ffd20") + bytes([len(content)]) + struct.pack("<I", len(content) << 3 | 1)[:3] + content


def zstd_frame(content):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(len(content) + 512)
    size = library.ZSTD_compress(room, ctypes.c_size_t(len(room)), content, ctypes.c_size_t(len(content)), 9)
    return room.raw[:size]


def chunk(kind, name, rows, columns, frame):
    head = bytes([kind, len(name)]) + name + varint(rows) + varint(columns)
    start = b"TDC\x01"
    return start + struct.pack("<I", crc32c(start + head + frame)) + head + frame


def entry(kind, name, first, last, rows, data):
    return (bytes([kind, len(name)]) + name + varint(zigzag(first)) + varint(last - first) + varint(rows)
            + varint(len(data)) + struct.pack("<I", crc32c(data)))


def web():
    body = times(3, 1372637004, varints(600, 0, 0, 2))
    body += column(1, 2, 4, varints(1001, 1, 1, 1, 1))
    body += column(2, 1, 4, varints(9, 0, 11, 4, 4))
    body += column(3, 2, 16831741, varints(1001, 1, 1, 1, 1))
    body += column(4, 1, 16831741, varints(7, 7, 12, 13, 13))
    return chunk(1, b"web-1", 5, 4, raw_frame(body))


def batch():
    rows = 40
    body = times(2, 1372636800, varints(*[0, 60] * (rows // 2))[:-1])
    body += column(1, 1, 1, varints(*[501, 1001] * (rows // 2)))
    body += column(7, 2, 1, varints(zigzag(1372636830) + 1, *[1, zigzag(60) + 1] * (rows // 2))[:-1])
    body += column(8, 1, 1, varints(*[2, 41] * (rows // 2)))
    body += column(999, 1, 1, varints(*[6, 7] * (rows // 2)))
    return chunk(3, b"batch", rows, 4, zstd_frame(body))


def archive(version, entries):
    """entries: kind, name, first time, last time, rows, bytes."""
    header = b"tideline" + struct.pack("<I", version)
    header += struct.pack("<I", crc32c(header))
    index = sized(b'{"source":"golden"}') + varint(len(entries))
    index += b"".join(entry(*each) for each in entries)
    body = header + b"".join(each[5] for each in entries)
    footer = struct.pack("<QQI", len(body), len(index), crc32c(index))
    footer += struct.pack("<I", crc32c(footer)) + b"tide-end"
    return body + index + footer


def write(name, data):
    digits = data.hex()
    lines = [digits[at:at + 64] for at in range(0, len(digits), 64)]
    with open(f"{os.path.dirname(os.path.abspath(__file__))}/{name}", "w", encoding="ascii") as file:
        file.write('R"(' + "\n".join(lines) + ')"\n')


def main():
    first = (1, b"web-1", 1372637004, 1372638205, 5, web())
    write("golden_archive.inc", archive(1, [first, (3, b"batch", 1372636800, 1372637940, 40, batch())]))
    write("golden_extras.inc", archive(3, [first, (64, b"web-1", 1372637004, 1372638205, 5, b"sketches"),
                                           (65, b"/", 1372637000, 1372637000, 1, b"an event"),
                                           (127, b"web-1", -1, 0, 2, b"")]))


if __name__ == "__main__":
    main()
