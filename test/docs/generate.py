#!/usr/bin/env python3
"""generate.py [BIN]: writes docs/configuration.md from what the programs in BIN say of themselves.

Every option is taken from --help and every policy key from `tidectl policy keys --json`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("TIDELINE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = f"{SOURCE}/docs/configuration.md"

HEAD = """# Configuration
Made by `test/docs/generate.py` from what the programs say of themselves; a test compares. Edit the programs, not this file.

* [Command lines](#command-lines): `tideline-node`, `tideline-coordinator`, `tideline-fleet`, `tideline-planner`, `tideline-history`, `tidectl`
* [Policy](#policy): the keys of the JSON documents in the coordinator's policy directory

Durations are a number and one unit: `100ms`, `10s`, `5m`, `2h`, `14d`. Sizes and CPU are Kubernetes quantities: `64Mi`, `1Gi`; `500m`,
`2`. All programs print their version with `version`, and an overview with `--help`.

## Command lines
"""

POLICY = """## Policy
A document is one data key of the ConfigMap that Koordinator calls `slo-controller-config` and ACK `ack-slo-config`: put
`resource-threshold-config.json` (the key's bare JSON), or a whole ConfigMap as JSON under any name, into the directory that
`--policy-source dir:PATH` names. Up to 16 `.json` files, of up to 1 MiB in all; hidden files are left out. `tideline-config` is
Tideline's own document beside Koordinator's.

How one node's policy comes about: the defaults below, then the cluster strategy (`clusterStrategy`; in `colocation-config` the top
level), then the first entry of `nodeStrategies` (`nodeConfigs` in `colocation-config`) whose `nodeSelector` matches the node's
labels (`tideline-node --label`, or the Node's with `--pods-from coordinator`). In `host-application-config` the list is at the top level, too, and an entry of `nodeConfigs` that matches
replaces it whole ([host applications](concepts.md#host-applications)). In `colocation-config` the node's [annotation](#annotations-of-a-node)
`node.koordinator.sh/colocation-strategy` is then laid over that, the labels `node.koordinator.sh/cpu-reclaim-ratio` and
`node.koordinator.sh/memory-reclaim-ratio` override the two reclaim thresholds, those of
`node.koordinator.sh/mid-static-cpu-reserved-ratio` and `mid-static-memory-reserved-ratio` the static shares of mid (up to all), and `enable` must be true in the cluster's *and*
in the node's strategy. `cpu-normalization-config` and `resource-amplification-config` have their strategies at the top level and `nodeConfigs`, too; the label
`node.koordinator.sh/cpu-normalization-enabled` (`true`, `false`) beats its `enable`, and an entry's `ratioModel` replaces single models.

`tidectl policy check` says of documents, taken as the whole new policy, what they would change on which node
([operations](operations.md#change-the-policy)). `tidectl policy apply` checks documents (`--dry-run`); with a directory as the source
it changes nothing and says so: edit the files there, they are looked at every second. Replace a file by renaming a finished one over it.

A set of documents is taken whole or not at all: a wrong type, a value out of range or a misspelt key is refused with document, path
and value, and the policy before it stays in force; so are bounds of `resource-threshold-config` that are the wrong way round, in the
cluster strategy or in an entry laid over it. The case of a key does not count, as in Koordinator, but in `tideline-config`; a notice
says what it was taken for. A threshold that lacks the key without which nothing acts on it is a notice. *accepted*
means: a key of Koordinator that this version checks and does not act on; so are some values of active keys. The coordinator logs each
that is set (`policy-notice`), and `tideline-coordinator check`, `tidectl policy check` and `tidectl policy apply --dry-run` print it.

A mechanism in dry run decides, explains and reports, and writes nothing. This tries batch eviction on the nodes of one pool:

```json
{
  "nodeStrategies": [
    {"name": "trial", "nodeSelector": {"matchLabels": {"pool": "trial"}}, "dryRun": {"cpuEvict": true}}
  ]
}
```

### Annotations of a node
`tideline-node --annotation key=value`, as often as needed, or with [`--pods-from coordinator`](pods-file.md#pods-from-the-coordinator) those of the Node in
Kubernetes: up to 64 with up to 4 KiB each and 16 KiB in all. They travel with the node's reports.

| annotation | value | means |
|---|---|---|
| `node.koordinator.sh/reservation` | `{"resources": {"cpu": "2", "memory": "4Gi"}, "reservedCPUs": "0-1", "applyPolicy": "Default"}` | kept for the system, used or not, where it is more than `--reserved-cpu` and `--reserved-memory`: in the [account](concepts.md#reclaimed-capacity) and in CPU suppress. The count of `reservedCPUs` takes the place of `cpu`; batch and the pool of services are kept off those CPUs, as by `--reserved-cpus`. `applyPolicy` (`Default`, `ReservedCPUsOnly`) is for schedulers |
| `node.koordinator.sh/thirdPartyAllocations` | `{"allocations": [{"name": "hadoop-yarn", "priority": "koord-batch", "resources": {"kubernetes.io/batch-cpu": "4000", "kubernetes.io/batch-memory": "8Gi"}}]}` | what other schedulers gave away of batch: `koord-batch` allocations are subtracted from what batch is offered, and mid is not sold it. `koord-prod`, `koord-mid` and `koord-free`, allocations without a priority and other resources do not count |
| `node.koordinator.sh/system-qos-resource` | `{"cpuset": "0-1", "cpusetExclusive": true}` | CPUs for pods of class SYSTEM: batch and the pool of services are kept off them, as by `--reserved-cpus`, unless `cpusetExclusive` is false. SYSTEM pods are not put on them, and nothing is taken off the offer or the limit for it: what these pods use is charged as measured |
| `node.koordinator.sh/colocation-strategy` | `{"cpuReclaimThresholdPercent": 50}` | keys of `colocation-config` for this node alone. `enable` overrules that of an entry either way; where it is false in the cluster's strategy the node stays off |

The first two are read as a whole or not at all. One that cannot be read (no JSON, no quantity, a member or a priority that is not known) withholds the node's offer, rule
`bad-annotation`: how much it takes is not known. The other two are ignored where they cannot be read. Each is named with its value: once in the coordinator's log
(`node-metadata`), in `tidectl node`, `policy status`, `policy check` and `explain reclaimed`. `tideline-node` does not start with an `--annotation` of the first three that it
cannot read; where the coordinator tells one, the node logs it (`node-annotation`) and keeps to the system what the one before it named.
"""

RANGES = {"bool": "true, false", "object": "", "list of text": "", "list of objects": ""}


def help_of(directory, *command):
    done = subprocess.run([f"{directory}/{command[0]}", *command[1:], "--help"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=True)
    return done.stdout


def options_of(text):
    """--help as CLI11 prints it -> [(option, argument and default, meaning)]."""
    section = re.search(r"^(?:Positionals|Options):\n(.*?)\n(?=\S|\Z)", text, re.DOTALL | re.MULTILINE)
    if "\nOptions:\n" in text:
        section = re.search(r"^Options:\n(.*?)(?:\n(?=\S)|\Z)", text, re.DOTALL | re.MULTILINE)
    found = []
    for line in section.group(1).splitlines() if section else ():
        head = re.match(r"  (-\S+)(.*)$", line)
        if head:
            # An option as long as its column has its meaning one space behind, where others have their kind.
            parts = re.split(r"\s{2,}", head.group(2), maxsplit=1)
            if len(parts) == 1 and not re.match(r" (TEXT|UINT|REQUIRED|Excludes|\(Env)", parts[0]):
                parts = ["", parts[0]]
            found.append([head.group(1).split(",")[-1], parts[0].strip(), parts[1].strip() if len(parts) > 1 else ""])
        elif found and line.strip():
            found[-1][2] = (found[-1][2] + " " + line.strip()).strip()
    return [tuple(option) for option in found if option[0] != "--help"]


def subcommands_of(text):
    section = re.search(r"^Subcommands:\n(.*?)(?:\n(?=\S)|\Z)", text, re.DOTALL | re.MULTILINE)
    if not section:
        return []
    return [(m.group(1), m.group(2)) for m in re.finditer(r"^  (\S+)\s+(.*)$", section.group(1), re.MULTILINE)]


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def code(text):
    return f"`{text}`" if text else ""


def split_kind(kind):
    """"TEXT=10s (Env:X)" -> (default, environment variable, required or repeated)."""
    default = re.search(r"(?:TEXT|UINT)[^=]*=(\S+)", kind)
    if kind.startswith("UINT:"):
        default = re.search(r"\]=(\S+)", kind)
    environment = re.search(r"\(Env:(\w+)\)", kind)
    note = "required" if "REQUIRED" in kind else ""
    return default.group(1) if default else "", environment.group(1) if environment else "", note


def options_table(text):
    options = options_of(text)
    if not options:
        return ["No options.", ""]
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for option, kind, meaning in options:
        default, environment, note = split_kind(kind)
        said = meaning + (f" (environment: `{environment}`)" if environment else "")
        lines.append(f"| `{option}` | {code(cell(default)) or note} | {cell(said)} |")
    return lines + [""]


def command_lines(directory):
    node = help_of(directory, "tideline-node")
    lines = ["### tideline-node", ""]
    for name, what in subcommands_of(node):
        lines += [f"* `tideline-node {name}`: {what}"]
    lines += ["", "`run` and `check` take the same options:", ""]
    run, check = help_of(directory, "tideline-node", "run"), help_of(directory, "tideline-node", "check")
    if options_of(run) != options_of(check):
        raise SystemExit("tideline-node run and check no longer take the same options")
    lines += options_table(run)
    for name in ("release", "audit"):
        lines += [f"`{name}`:", ""] + options_table(help_of(directory, "tideline-node", name))

    coordinator = help_of(directory, "tideline-coordinator")
    lines += ["### tideline-coordinator", "", "Without a command it runs; commands:", ""]
    lines += [f"* `tideline-coordinator {name}`: {what}" for name, what in subcommands_of(coordinator)]
    lines += ["", "Options, of all of them:", ""] + options_table(coordinator)

    fleet = help_of(directory, "tideline-fleet")
    lines += ["### tideline-fleet", "", "Simulated nodes for a [rehearsal](rehearsal.md).", ""]
    for name, what in subcommands_of(fleet):
        if name == "version":
            continue
        lines += [f"`tideline-fleet {name}`: {what}.", ""] + options_table(help_of(directory, "tideline-fleet", name))

    planner = help_of(directory, "tideline-planner")
    lines += ["### tideline-planner", "", "Questions about days gone by: [the planner](planner.md).", ""]
    for name, what in subcommands_of(planner):
        if name == "version":
            continue
        lines += [f"`tideline-planner {name}`: {what}.", ""] + options_table(help_of(directory, "tideline-planner", name))

    history = help_of(directory, "tideline-history")
    lines += ["### tideline-history", "", "A store that no coordinator has open, or beside one: [history](history.md).", ""]
    for name, what in subcommands_of(history):
        if name == "version":
            continue
        lines += [f"`tideline-history {name}`: {what}.", ""] + options_table(help_of(directory, "tideline-history", name))

    tidectl = help_of(directory, "tidectl")
    lines += ["### tidectl", "", "Options of every command:", ""] + options_table(tidectl)
    for name, what in subcommands_of(tidectl):
        text = help_of(directory, "tidectl", name)
        inner = subcommands_of(text)
        by_itself = not inner or "[SUBCOMMAND]" in text
        for words, meaning in ([((name,), what)] if by_itself else []) + [((name, sub), say) for sub, say in inner]:
            given = arguments_of(text).split() if len(words) > 1 else []
            own = help_of(directory, "tidectl", name, *given, *words[1:])
            argument = arguments_of(own)
            # What the command takes by itself stands before the name of its subcommand.
            shown = " ".join((name + arguments_of(text), *words[1:])) + (argument if len(words) > 1 else "")
            lines += [f"`tidectl {shown}`: {meaning}.", ""]
            if options_of(own):
                lines += options_table(own)
            for kind, names in re.findall(r"^(Metrics|Fields of [a-z ]+): (.*)$", own, re.MULTILINE):
                lines += [f"{kind}: " + ", ".join(f"`{name}`" for name in names.split()) + ".", ""]
    return lines


def arguments_of(text):
    """" NAME" of "Usage: tidectl node [OPTIONS] NAME [SUBCOMMAND]"."""
    found = re.search(r"^Usage: tidectl .*?\[OPTIONS\](.*)$", text, re.MULTILINE)
    return re.sub(r" \[?SUBCOMMAND\]?", "", found.group(1)) if found else ""


def number(value):
    return str(int(value)) if value == int(value) else str(value)


def range_of(key):
    if key["choices"]:
        return " ".join(code(choice or '""') for choice in key["choices"])
    low, high = key["min"], key["max"]
    if low is None and high is None:
        return RANGES.get(key["type"], "")
    if low is not None and low <= -2 ** 31:
        low = None
    if high is not None and high >= 2 ** 31 - 1:
        high = None
    if low is not None and high is not None and not key["minExcluded"]:
        return f"{number(low)}..{number(high)}"
    parts = [f"{'> ' if key['minExcluded'] else '>= '}{number(low)}"] if low is not None else []
    return ", ".join(parts + ([f"<= {number(high)}"] if high is not None else []))


def policy_tables(directory):
    done = subprocess.run([f"{directory}/tidectl", "policy", "keys", "--json"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=True)
    lines, document = [], None
    for key in json.loads(done.stdout)["keys"]:
        if key["document"] != document:
            document = key["document"]
            lines += ["", f"### {document}", "", "| key | type | range | default | status | meaning |", "|---|---|---|---|---|---|"]
        status = "**active**" if key["active"] else "accepted"
        default = "" if key["default"] == "unset" else code(cell(key["default"]))
        lines.append(f"| `{key['path']}` | {key['type']} | {cell(range_of(key))} | {default or 'unset'} | {status} | "
                     f"{cell(key['meaning'])} |")
    return lines[1:] + [""]


def configuration(directory):
    return "\n".join([HEAD, *command_lines(directory), POLICY, *policy_tables(directory)])


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDELINE_BIN", f"{SOURCE}/build/release/bin")
    text = configuration(directory)
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{TARGET}: {len(text.splitlines())} lines")


if __name__ == "__main__":
    main()
