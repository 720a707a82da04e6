"""The table, and what it says."""

from .figures import change_percent, interval, median_of, share_of_rise, summarize, value_of
from .modes import MODES

KEYS = ("client.ok", "client.sent", "client.p50_ms", "client.p90_ms", "client.p99_ms", "client.p99_9_ms",
        "host_busy_percent", "batch_work", "cores.batch", "cores.web", "cores.client", "cores.tideline",
        "outside_cores", "best_effort_limit.limited_percent", "best_effort_limit.throttled_seconds")

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


def signed(value):
    return "-" if value is None else f"{value:+.0f} %"


def table_rows(rounds, batch_unit):
    summary = summarize(rounds, [m.name for m in MODES], KEYS)
    header = ["mode", "LS served", "p50 ms", "p90 ms", "p99 ms [95 %]", "p99 vs alone", "host busy %", batch_unit,
              "batch cores", "Tideline cores", "client cores", "outside cores"]
    rows = [header]
    for mode in MODES:
        cells = summary[mode.name]
        change = None if mode.name == "alone" else change_percent(mode.name, "client.p99_ms")(rounds)
        disturbed = sum(1 for r in rounds if r[mode.name]["disturbed"])
        served = {(value_of(r[mode.name], "client.ok"), value_of(r[mode.name], "client.sent")) for r in rounds}
        same = number(cells["client.ok"]["median"], 0)
        if len(served) == 1 and same != "-":
            same = "{}/{}".format(*served.pop())
        rows.append([mode.name + "*" * bool(disturbed), same, with_interval(cells["client.p50_ms"]),
                     with_interval(cells["client.p90_ms"]), with_interval(cells["client.p99_ms"]), signed(change),
                     number(cells["host_busy_percent"]["median"], 0), number(cells["batch_work"]["median"], 0),
                     number(cells["cores.batch"]["median"]), number(cells["cores.tideline"]["median"], 3),
                     number(cells["cores.client"]["median"], 3), number(cells["outside_cores"]["median"])])
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
    sentences, figures = [], {}
    p99 = {m.name: median_of(m.name, "client.p99_ms")(rounds) for m in MODES}
    rise = {m.name: p99[m.name] - p99["alone"] for m in MODES}
    figures["p99_rise_ms"] = rise
    shares = {}
    for mode in MODES[2:]:
        figure = share_of_rise(mode.name)
        shares[mode.name] = {"percent_of_burstable_rise": figure(rounds), "interval95": interval(rounds, figure)}
    figures["share_of_burstable_rise"] = shares
    if rise["burstable"] <= 0:
        sentences.append("Which knob protects LS: not to be told from these runs; batch as a Burstable pod did not raise "
                         "p99, so there was nothing to protect from.")
        return sentences, figures
    weights = rise["burstable"] - rise["besteffort"]
    quota = rise["besteffort"] - rise["threshold"]
    figures["removed_by_weights_ms"], figures["removed_by_quota_ms"] = weights, quota
    main = "the weight of the besteffort root" if weights >= quota else "the quota on the besteffort root"
    sentences.append(
        f"Which knob protects LS: {main}. Of the {rise['burstable']:.2f} ms that p99 rises beside a Burstable batch, the "
        f"weight alone (besteffort) takes away {weights:.2f} ms; Tideline's quota (threshold) "
        + (f"takes away {quota:.2f} ms more" if quota >= 0 else f"gives back {-quota:.2f} ms")
        + f", work-conserving {rise['besteffort'] - rise['work-conserving']:+.2f} ms against besteffort.")
    for name, share in shares.items():
        span = share["interval95"]
        sentences.append(f"  p99's rise over alone left in {name}: {share['percent_of_burstable_rise']:.0f} % of "
                         "burstable's" + (f" [{span[0]:.0f}-{span[1]:.0f}]" if span else ""))
    return sentences, figures
