"""The house's law in one place: which room may include what. A row is added when a room is."""

import dataclasses

PURE, EDGE, ACTOR, PROGRAM = "pure", "edge", "actor", "program"


@dataclasses.dataclass(frozen=True)
class Room:
    kind: str
    namespace: str           # "" for programs, whose code is their own
    may_include: tuple = ()  # rooms, besides itself; "x/*" = every room below x


MODEL = "messages/model"
ROOMS = {
    MODEL: Room(PURE, "model"),
    "messages/clock": Room(EDGE, "clock", (MODEL,)),
    "messages/log": Room(EDGE, "log", (MODEL,)),
    "messages/schema": Room(EDGE, "schema"),
    "messages/codec": Room(EDGE, "codec", (MODEL, "messages/schema")),
    "messages/certs": Room(EDGE, "certs", (MODEL,)),
    "messages/link": Room(EDGE, "link", (MODEL, "messages/schema", "messages/codec", "messages/log", "messages/clock")),
    # A client's requests over HTTP, plain or through TLS.
    "messages/http": Room(EDGE, "http", (MODEL, "messages/codec", "messages/link")),
    # Frames with lengths and checksums, for files that are appended to and outlive a killed process.
    "node-actor/frames": Room(PURE, "frames", (MODEL,)),
    "node-actor/kernel": Room(EDGE, "kernel", (MODEL, "messages/log", "messages/clock")),
    "node-actor/sense": Room(PURE, "sense", (MODEL,)),
    "node-actor/decide": Room(PURE, "decide", (MODEL,)),
    "node-actor/guard": Room(EDGE, "guard", (
        MODEL, "node-actor/frames", "node-actor/kernel", "messages/log", "messages/clock")),
    "node-actor/spool": Room(EDGE, "spool", (
        MODEL, "node-actor/frames", "messages/codec", "messages/log", "messages/clock")),
    # The node's own certificate, from the coordinator's bootstrap port to its files.
    "node-actor/enrol": Room(EDGE, "enrol", (
        MODEL, "messages/codec", "messages/certs", "messages/link", "messages/log", "messages/clock")),
    # What decide took and said, as lines, for the node to write and for replay to read.
    "node-actor/recording": Room(PURE, "recording", (MODEL, "node-actor/decide")),
    "node-actor/actor": Room(ACTOR, "node", (
        MODEL, "messages/codec", "messages/link", "messages/log", "messages/clock", "node-actor/sense",
        "node-actor/decide", "node-actor/recording", "node-actor/kernel", "node-actor/guard", "node-actor/spool",
        "node-actor/enrol")),
    # Hosts in virtual time with the node's own sense and decide code, what they are loaded with, and what goes wrong.
    "node-actor/simulation": Room(PURE, "simulation", (MODEL, "node-actor/sense", "node-actor/decide")),
    # tideline-fleet: many simulated nodes in one process.
    "node-actor/fleet": Room(PROGRAM, "rehearsal", (
        "messages/*", "node-actor/sense", "node-actor/decide", "node-actor/simulation", "node-actor/spool")),
    "node-actor": Room(PROGRAM, "", ("node-actor/*", "messages/*")),
    # Series as columns of integers, and files of them.
    "storage/columns": Room(PURE, "columns", (MODEL,)),
    "storage/files": Room(EDGE, "files", (MODEL,)),
    "storage/store": Room(PURE, "store", (MODEL,)),
    # Reports as tables of three tiers, roll-ups and sketches, and questions about them.
    "storage/series": Room(PURE, "series", (MODEL, "storage/columns", "storage/store")),
    "storage/rocks": Room(EDGE, "rocks", ("storage/*", MODEL, "messages/codec", "messages/log", "messages/clock")),
    # tideline-history: what is done to a store that no coordinator has open, or beside one.
    "storage/history_program": Room(PROGRAM, "history_program", (
        MODEL, "storage/columns", "storage/files", "storage/store", "storage/series", "storage/rocks")),
    "coordinator/fleet": Room(PURE, "fleet", (MODEL,)),
    "coordinator/profile": Room(PURE, "profile", (MODEL,)),
    "coordinator/reclaim": Room(PURE, "reclaim", (MODEL,)),
    # Predictors of a host's use, for planner and coordinator alike.
    "coordinator/forecast": Room(PURE, "forecast", (MODEL, "coordinator/profile")),
    "coordinator/traces": Room(PURE, "traces", (MODEL, "storage/columns")),
    "coordinator/policy": Room(PURE, "policy", (MODEL, "coordinator/fleet", "coordinator/profile", "coordinator/reclaim")),
    # What an account is computed from, recordings of it, and their replay.
    "coordinator/ledger": Room(PURE, "ledger", (
        MODEL, "coordinator/fleet", "coordinator/profile", "coordinator/reclaim", "coordinator/policy")),
    # What a policy would have done, by the code of both floors: the one arrow from here to the node. Tick by tick its
    # decisions are of what sense makes of counters.
    "coordinator/planner": Room(PURE, "planner", (
        MODEL, "storage/columns", "coordinator/reclaim", "coordinator/forecast", "node-actor/sense", "node-actor/decide")),
    "coordinator/planner_view": Room(PURE, "planner_view", (
        MODEL, "storage/columns", "coordinator/planner", "coordinator/forecast", "coordinator/traces")),
    # tideline-planner; of nodes it reads what they recorded.
    "coordinator/planner_program": Room(PROGRAM, "planner_program", (
        MODEL, "messages/codec", "node-actor/recording", "storage/columns", "storage/files", "storage/store", "storage/series", "storage/rocks", "coordinator/traces", "coordinator/forecast", "coordinator/policy",
        "coordinator/ledger", "coordinator/planner", "coordinator/planner_view")),
    "coordinator/actor": Room(ACTOR, "coordinator", (
        MODEL, "messages/link", "messages/log", "messages/clock", "storage/columns", "storage/store", "storage/series",
        "coordinator/fleet", "coordinator/profile", "coordinator/reclaim", "coordinator/policy", "coordinator/ledger", "coordinator/admin", "coordinator/web",
        "coordinator/bootstrap")),
    # The files of ledger recordings, and the thread that writes them.
    "coordinator/ledger_recorder": Room(EDGE, "ledger_recorder", (
        MODEL, "messages/codec", "messages/log", "messages/clock", "coordinator/fleet", "coordinator/profile",
        "coordinator/policy", "coordinator/ledger")),
    "coordinator/admin": Room(EDGE, "admin", (
        MODEL, "messages/schema", "messages/codec", "messages/link", "messages/log", "messages/clock",
        "storage/columns", "storage/store", "storage/series", "coordinator/fleet", "coordinator/policy")),
    "coordinator/web": Room(EDGE, "web", (MODEL, "messages/codec", "messages/link", "messages/log")),
    # Prometheus' remote write: which series a report gives, as its protobuf; and the thread that sends them.
    "coordinator/prometheus": Room(PURE, "prometheus", (MODEL,)),
    "coordinator/remote_write": Room(EDGE, "remote_write", (
        MODEL, "messages/link", "messages/http", "messages/log", "messages/clock", "coordinator/prometheus")),
    # Certificates for agents that have none yet.
    "coordinator/bootstrap": Room(EDGE, "bootstrap", (
        MODEL, "messages/certs", "messages/link", "messages/log", "messages/clock")),
    "coordinator": Room(PROGRAM, "", ("coordinator/*", "k8s-bridge/*", "storage/*", "messages/*")),
    # tidectl prints the table of policy keys and checks files before it sends them, with the coordinator's own pure code.
    "admin-client": Room(PROGRAM, "tidectl", (
        "messages/*", "storage/columns", "storage/store", "storage/series", "coordinator/policy")),
    # Kubernetes: what its API server is asked over HTTPS; its objects as ours; what is written to it, and who is evicted
    # by it, and when; the bridge.
    "k8s-bridge/api": Room(EDGE, "k8s_api", (MODEL, "messages/link", "messages/http", "messages/log", "messages/clock")),
    "k8s-bridge/translate": Room(PURE, "k8s", (MODEL,)),
    "k8s-bridge/publish": Room(PURE, "publish", (MODEL, "k8s-bridge/translate")),
    "k8s-bridge/evict": Room(PURE, "evict", (MODEL, "k8s-bridge/translate")),
    "k8s-bridge/measure": Room(PURE, "measure", (MODEL, "k8s-bridge/translate")),
    # Which of several coordinators leads, by a Lease: the decision, and the thread that asks the API server for it.
    "k8s-bridge/lease": Room(PURE, "lease", (MODEL,)),
    "k8s-bridge/leader": Room(EDGE, "leader", (
        MODEL, "messages/clock", "messages/link", "messages/log", "k8s-bridge/api", "k8s-bridge/lease")),
    "k8s-bridge/actor": Room(ACTOR, "bridge", (
        MODEL, "messages/link", "messages/log", "messages/clock", "k8s-bridge/api", "k8s-bridge/translate",
        "k8s-bridge/publish", "k8s-bridge/evict", "k8s-bridge/measure", "coordinator/actor", "coordinator/admin",
        "coordinator/bootstrap", "coordinator/policy", "coordinator/fleet", "coordinator/profile", "storage/store")),
    "deploy/demo/loadgen": Room(EDGE, "loadgen", (MODEL,)),
}

# Only these rooms may include another room's headers although the row above would let more of them.
SCHEMA_USERS = ("messages/codec", "messages/link", "coordinator/admin", "admin-client")

# Header prefix -> rooms that may include it. "main" = any main.cpp, "actor" = any actor room.
LIBRARIES = {
    "spdlog/": ("messages/log",),
    "caf/": ("actor", "main"),
    "rocksdb/": ("storage/rocks",),
    "kj/": (
        "messages/link", "messages/http", "k8s-bridge/api", "messages/codec", "coordinator/admin", "coordinator/web",
        "coordinator/bootstrap", "coordinator/remote_write", "node-actor/spool", "node-actor/enrol", "admin-client"),
    "capnp/": ("messages/link", "messages/codec", "coordinator/admin", "node-actor/spool", "admin-client"),
    "openssl/": ("messages/link", "messages/certs"),
    "hwloc": ("node-actor/kernel",),
    "yaml-cpp/": ("k8s-bridge/api",),
    "CLI/": ("main", "admin-client", "coordinator/planner_program", "storage/history_program"),
    "snappy": ("coordinator/prometheus",),
    "zstd.h": ("storage/columns",),
    "zlib.h": ("storage/files",),
    "gtest/": (),
    "gmock/": (),
    "benchmark/": (),
}

# What pure rooms may use besides the standard library without PURE_BANNED_HEADERS.
PURE_LIBRARIES = ("nlohmann/", "fmt/", "zstd.h", "snappy.h")
PURE_BANNED_HEADERS = frozenset((
    "thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch", "barrier", "stop_token",
    "atomic", "fstream", "iostream", "filesystem", "ctime", "csignal"))
PURE_EXEMPT = {
    "storage/store": ("mutex",),  # its memory twin takes concurrent callers, as the interface promises
}
PURE_BANNED_CALLS = (
    r"\bsystem_clock::now\b", r"\bsteady_clock::now\b", r"\bhigh_resolution_clock\b", r"\bclock_gettime\s*\(",
    r"::time\s*\(", r"\bsleep_for\b", r"\bsleep_until\b", r"\b(u|nano)?sleep\s*\(", r"\b(secure_)?getenv\s*\(",
    r"\bstd::(cout|cerr|clog|cin)\b", r"\b(f|v|vf)?printf\s*\(", r"\bfopen\s*\(", r"\b[io]?fstream\b",
    r"\brandom_device\b", r"\bs?rand\s*\(", r"\bfmt::print\b")
BANNED_CALLS = (
    # A log line says more and goes where lines go.
    r"\bstd::(cout|cerr|clog)\b",
    r"\busing namespace std\s*;",
)
# Written so that this file passes its own rule.
UNFINISHED = r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b"

LINES_MAX_PRODUCT = 600
LINES_MAX_TEST = 800
