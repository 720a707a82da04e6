"""Prometheus' remote write, as a sender speaks it: its protobuf by hand, snappy by the library that RocksDB brings."""

import ctypes
import ctypes.util
import http.client
import struct

HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
           "X-Prometheus-Remote-Write-Version": "0.1.0", "User-Agent": "tideline-bench"}


class Missing(Exception):
    """What this machine lacks."""


class Snappy:
    """The raw format, which remote write wants."""

    def __init__(self):
        name = ctypes.util.find_library("snappy")
        if name is None:
            raise Missing("libsnappy (package libsnappy1v5)")
        self.lib = ctypes.CDLL(name)
        self.lib.snappy_max_compressed_length.restype = ctypes.c_size_t
        self.lib.snappy_max_compressed_length.argtypes = [ctypes.c_size_t]
        self.lib.snappy_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                             ctypes.POINTER(ctypes.c_size_t)]

    def compress(self, data):
        size = ctypes.c_size_t(self.lib.snappy_max_compressed_length(len(data)))
        out = ctypes.create_string_buffer(size.value)
        if self.lib.snappy_compress(data, len(data), out, ctypes.byref(size)) != 0:
            raise ValueError("snappy_compress failed")
        return out.raw[:size.value]


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _text(field, text):
    data = text.encode()
    return bytes([field << 3 | 2]) + varint(len(data)) + data


class Series:
    """Its labels as protobuf, made once: message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }"""

    SAMPLE_BYTES = 1 + 8 + 1 + 6  # a double, and ms since the epoch between 1971 and 2109

    def __init__(self, name, labels):
        pairs = sorted([("__name__", name), *labels.items()])
        self.labels = b""
        for key, value in pairs:
            label = _text(1, key) + _text(2, value)
            self.labels += b"\x0a" + varint(len(label)) + label

    def samples(self, samples):
        """Samples of it, each as sample_bytes gave it, as a part of a WriteRequest."""
        body = self.labels + b"".join(samples)
        return b"\x0a" + varint(len(body)) + body


def sample_bytes(value, stamp):
    """`stamp`: as stamp_bytes gave it."""
    return b"\x12" + bytes([Series.SAMPLE_BYTES]) + b"\x09" + struct.pack("<d", value) + stamp


def stamp_bytes(milliseconds):
    encoded = varint(milliseconds)
    assert len(encoded) == 6
    return b"\x10" + encoded


class Sender:
    """One connection that is kept."""

    def __init__(self, port, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.path = path

    def send(self, body):
        self.connection.request("POST", self.path, body=body, headers=HEADERS)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status // 100 != 2:
            raise ValueError(f"{self.path} answers {answer.status}: {said[:300].decode(errors='replace')}")

    def close(self):
        self.connection.close()
