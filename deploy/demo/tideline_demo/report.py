"""The table, and what it says."""

from .figures import change_percent, difference, interval, median_of, share_of_rise, summarize, value_of
from .modes import MODES

KEYS = ("client.ok", "client.sent", "client.p50_ms", "client.p90_ms", "client.p99_ms", "client.p99_9_ms",
        "host_busy_percent", "batch_work", "cores.batch", "cores.web", "cores.client", "cores.tideline",
        "outside_cores", "stolen_cores", "best_effort_limit.limited_percent", "best_effort_limit.throttled_seconds")

LATENCIES = ("client.p50_ms", "client.p90_ms", "client.p99_ms")
MANAGED = ("threshold", "work-conserving")
# What the project wants to reach, and says whether it did.
RISE_SHARE_MAX_PERCENT = 25
MEDIAN_CHANGE_MAX_PERCENT = 10
BUSY_MIN_PERCENT = 90

MEASURED = "Measured on this host; medians over rounds."
SIMULATED = "SIMULATED HOST: the same programs on a tree of files and a model; latencies are not measured."
SEEDS = ("For comparison, as what it is: Alibaba publishes +3.2 % of LS latency for colocation with ack-koordinator, "
         "on servers of about 100 cores at 65 % use. That is their figure for their machines, not measured here.")


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def with_interval(cell, digits=2):
    text = number(cell["median"], digits)
    if cell["interval95"]:
        text += f" [{number(cell['interval95'][0], digits)}-{number(cell['interval95'][1], digits)}]"
    return text


def table_rows(rounds, batch_unit):
    summary = summarize(rounds, [m.name for m in MODES], KEYS)
    header = ["mode", "LS served", "p50 ms", "p90 ms", "p99 ms [95 %]", "against alone p50/p90/p99", "host busy %", batch_unit,
              "batch cores", "Tideline cores", "client cores", "outside cores",
              "stolen cores"]
    rows = [header]
    for mode in MODES:
        cells = summary[mode.name]
        changes = [change_percent(mode.name, key)(rounds) for key in LATENCIES]
        change = "-" if mode.name == "alone" or None in changes else "/".join(f"{c:+.0f}" for c in changes) + " %"
        disturbed = sum(1 for r in rounds if r[mode.name]["disturbed"])
        served = {(value_of(r[mode.name], "client.ok"), value_of(r[mode.name], "client.sent")) for r in rounds}
        same = number(cells["client.ok"]["median"], 0)
        if len(served) == 1 and same != "-":
            same = "{}/{}".format(*served.pop())
        rows.append([mode.name + "*" * bool(disturbed), same, with_interval(cells["client.p50_ms"]),
                     with_interval(cells["client.p90_ms"]), with_interval(cells["client.p99_ms"]), change,
                     number(cells["host_busy_percent"]["median"], 0), number(cells["batch_work"]["median"], 0),
                     number(cells["cores.batch"]["median"]), number(cells["cores.tideline"]["median"], 3),
                     number(cells["cores.client"]["median"], 3), number(cells["outside_cores"]["median"]),
                     number(cells["stolen_cores"]["median"], 3)])
    return summary, rows


def aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for index, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
        if index == 0:
            lines.append("  ".join("-" * width for width in widths))
    return lines


def findings(rounds):
    """-> (sentences, figures) about what protects the online service, from this data alone."""
    p99 = {m.name: median_of(m.name, "client.p99_ms")(rounds) for m in MODES}
    rise = {m.name: p99[m.name] - p99["alone"] for m in MODES}
    figures = {"p99_rise_ms": rise, "change_against_alone_percent": {}, "share_of_burstable_rise": {}}
    for mode in MODES[1:]:
        figures["change_against_alone_percent"][mode.name] = {
            key: _with_interval(rounds, change_percent(mode.name, key)) for key in LATENCIES}
    for mode in MODES[2:]:
        figures["share_of_burstable_rise"][mode.name] = _with_interval(rounds, share_of_rise(mode.name))
    sentences = []
    if len(rounds) == 1:
        sentences.append("One short round shows that the machinery works; it is no measurement.")
    disturbed = sum(run["disturbed"] for runs in rounds for run in runs.values())
    if disturbed:
        sentences.append(f"{disturbed} of {len(rounds) * len(MODES)} runs were disturbed by other work on this host: "
                         "take what follows with that in mind.")
    figures["disturbed_runs"] = disturbed
    sentences += _client(rounds, figures)
    sentences.append(_knob(rise, figures))
    sentences += [_beyond_best_effort(rounds, name, figures) for name in MANAGED]
    figures["goals"] = _goals(rounds, figures)
    sentences += [f"  {'reached' if goal['reached'] else 'missed '}  {goal['goal']}: {goal['measured']}"
                  for goal in figures["goals"]]
    return sentences, figures


def _with_interval(rounds, figure):
    return {"median": figure(rounds), "interval95": interval(rounds, figure)}


def _client(rounds, figures):
    """The client stands for one on another host: what it waits for a CPU of this one is no latency of the service."""
    kinds = sorted({run["client"]["scheduling"] for runs in rounds for run in runs.values() if run["client"]})
    figures["client_scheduling"] = kinds
    if not kinds or kinds == ["SCHED_FIFO"]:
        return []
    return [f"The client ran as {' and '.join(kinds)}: without SCHED_FIFO it waits for CPUs itself, and the latencies above "
            "contain that."]


def _knob(rise, figures):
    if rise["burstable"] <= 0:
        return ("Which knob protects LS: not to be told from these runs; batch as a Burstable pod did not raise p99, so "
                "there was nothing to protect from.")
    weights = rise["burstable"] - rise["besteffort"]
    quota = rise["besteffort"] - rise["threshold"]
    figures["removed_by_weights_ms"], figures["removed_by_quota_ms"] = weights, quota
    main = "the weight of the besteffort root" if weights >= quota else "the quota on the besteffort root"
    return (f"Which knob protects LS: {main}. Of the {rise['burstable']:.2f} ms that p99 rises beside a Burstable batch, "
            f"the weight alone (besteffort) takes away {weights:.2f} ms; Tideline's quota (threshold) then "
            + (f"takes away {quota:.2f} ms more." if quota >= 0 else f"gives back {-quota:.2f} ms."))


def _beyond_best_effort(rounds, name, figures):
    latency = _with_interval(rounds, difference(name, "client.p99_ms", "besteffort"))
    work = change_percent(name, "batch_work", "besteffort")(rounds)
    figures.setdefault("against_besteffort", {})[name] = {"p99_ms": latency, "batch_work_percent": work}
    span = latency["interval95"]
    if span is None:
        verdict = "one round tells nothing of its spread"
    elif span[0] <= 0 <= span[1]:
        verdict = f"95 % [{span[0]:+.2f}, {span[1]:+.2f}]: not told apart from no difference"
    else:
        verdict = f"95 % [{span[0]:+.2f}, {span[1]:+.2f}]"
    return (f"What {name} adds to unmanaged besteffort here: p99 {latency['median']:+.2f} ms ({verdict}), batch work "
            + ("-" if work is None else f"{work:+.0f} %") + ".")


def _goals(rounds, figures):
    """Reached or missed by the medians; each with its interval, and a word where that does not tell the two apart."""
    goals = []
    for name in MANAGED:
        share = figures["share_of_burstable_rise"][name]
        goals.append(_goal(f"{name}: p99's rise over alone at most {RISE_SHARE_MAX_PERCENT} % of burstable's",
                           [_judged(share, "{:.0f}", most=RISE_SHARE_MAX_PERCENT)]))
        changes = figures["change_against_alone_percent"][name]
        goals.append(_goal(f"{name}: p50 and p90 at most {MEDIAN_CHANGE_MAX_PERCENT} % above alone (lower counts as reached)",
                           [_judged(changes[key], "{:+.1f}", most=MEDIAN_CHANGE_MAX_PERCENT) for key in LATENCIES[:2]]))
    busy = _with_interval(rounds, median_of("work-conserving", "host_busy_percent"))
    goals.append(_goal(f"work-conserving: host at least {BUSY_MIN_PERCENT} % busy",
                       [_judged(busy, "{:.0f}", least=BUSY_MIN_PERCENT)]))
    return goals


def _goal(text, parts):
    return {"goal": text, "measured": " and ".join(part["text"] for part in parts),
            "reached": all(part["reached"] for part in parts),
            "told_apart": all(part["told_apart"] for part in parts)}


def _judged(figure, form, most=None, least=None):
    """A median and its interval against one bound."""
    value, span = figure["median"], figure["interval95"]
    if value is None:
        return {"text": "-", "reached": False, "told_apart": False}
    bound = most if least is None else least
    keeps = (lambda v: v <= bound) if least is None else (lambda v: v >= bound)
    text = form.format(value) + " %"
    if span is None:
        return {"text": text, "reached": keeps(value), "told_apart": False}
    low, high = (form.format(end) for end in span)
    apart = keeps(span[0]) == keeps(span[1])
    text += f" (95 % [{low}, {high}]" + ("" if apart else f": not told apart from {bound} %") + ")"
    return {"text": text, "reached": keeps(value), "told_apart": apart}
