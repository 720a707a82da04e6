#!/usr/bin/env python3
"""Writes golden_recording.inc by docs/ledger-recording.md alone: nothing here is of the product's code.

A record of each kind. Run it again only for a new version of the format: old bytes are there to stay.
"""

import json
import os
import struct
import zlib

MONO = 5_000_000_000_123
WALL = 1_790_000_000_456


def record(kind, body, later=0):
    stamped = struct.pack("<Bqq", kind, MONO + later, WALL + later) + body
    return struct.pack("<II", len(stamped), zlib.crc32(stamped)) + stamped


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def terms(unit):
    amounts = ("capacity", "margin", "system", "highPriority", "offered", "deficit", "committed", "midCharged", "midCommitted",
               "mid", "midOffered", "requested", "prodUsed", "midUsed", "batchUsed", "reservation", "thirdParty", "origin",
               "hostCharged", "hostUsed", "published")
    values = {name: unit * (number + 1) for number, name in enumerate(amounts)}
    return values | {"rule": "usage", "midRule": "safe-capacity", "used": None, "shortfall": None}


def account():
    zone = {"id": 1, "cpu": {"capacity": 16000, "margin": 1, "charged": None, "beUsed": 5, "offered": 7},
            "memory": {"capacity": 64, "margin": 2, "charged": 3, "beUsed": None, "offered": 4}}
    return {"node": "n1", "policy": 7, "dataAgeNs": 1500000000, "cpu": terms(10), "memory": terms(1048576), "zones": [zone]}


def recording():
    head = b"TDLEDGER" + struct.pack("<I", 1)
    head += struct.pack("<I", zlib.crc32(head))
    return b"".join((
        head,
        record(1, text({"epoch": 1790000000, "stretch": 1, "piece": 1, "lost": 0, "aggregateNs": 300000000000})),
        record(2, text({"version": 7, "documents": [{"name": "colocation-config", "text": "{\"enable\": true}"}]}), 1),
        record(3, text({"node": "n1", "incarnation": 18446744073709551615}), 2),
        record(5, b"a report\x00in its writer's bytes", 3),
        record(7, text({"node": "n1", "predictedCpu": 800, "predictedMemory": None, "account": account()}), 4),
        record(4, text({"node": "n1", "incarnation": 0}), 5),
        record(6, text({"node": "n1", "incarnation": 0}), 6)))


def main():
    digits = recording().hex()
    lines = [digits[at:at + 64] for at in range(0, len(digits), 64)]
    with open(f"{os.path.dirname(os.path.abspath(__file__))}/golden_recording.inc", "w", encoding="ascii") as file:
        file.write('R"(' + "\n".join(lines) + ')"\n')


if __name__ == "__main__":
    main()
