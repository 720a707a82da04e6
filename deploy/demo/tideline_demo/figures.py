"""Medians over rounds with bootstrap intervals; rounds are resampled whole, so that modes of one round stay together."""

import random
import statistics

RESAMPLES = 5000
SEED = 20240601


def median(values):
    return statistics.median(values) if values else None


def interval(rounds, figure, seed=SEED, resamples=RESAMPLES):
    """95 % bootstrap interval of figure(rounds), a function of a list of rounds; None where it cannot be told."""
    if len(rounds) < 2:
        return None
    source = random.Random(seed)
    found = sorted(value for value in (figure(source.choices(rounds, k=len(rounds))) for _ in range(resamples))
                   if value is not None)
    if len(found) < resamples // 2:
        return None
    return found[int(0.025 * (len(found) - 1))], found[int(0.975 * (len(found) - 1))]


def value_of(run, key):
    value = run
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def median_of(mode, key):
    """-> a function of rounds ({mode: run} each): the median of the figure in that mode."""
    def figure(rounds):
        values = [value_of(r[mode], key) for r in rounds if mode in r]
        return median([v for v in values if v is not None])
    return figure


def change_percent(mode, key, against="alone"):
    """Change of the median against another mode's, in percent."""
    def figure(rounds):
        base, here = median_of(against, key)(rounds), median_of(mode, key)(rounds)
        return None if not base or here is None else 100 * (here - base) / base
    return figure


def difference(mode, key, against):
    """Median of the figure in one mode less that in another, in the figure's own unit."""
    def figure(rounds):
        base, here = median_of(against, key)(rounds), median_of(mode, key)(rounds)
        return None if base is None or here is None else here - base
    return figure


def share_of_rise(mode, key="client.p99_ms", against="burstable"):
    """How much of the rise over `alone` that `against` suffers is left in `mode`, in percent."""
    def figure(rounds):
        alone, bad, here = (median_of(m, key)(rounds) for m in ("alone", against, mode))
        if alone is None or bad is None or here is None or bad <= alone:
            return None
        return 100 * (here - alone) / (bad - alone)
    return figure


def summarize(rounds, modes, keys):
    """-> {mode: {key: {"median": m, "interval95": [low, high] or None}}}"""
    table = {}
    for mode in modes:
        table[mode] = {}
        for key in keys:
            figure = median_of(mode, key)
            table[mode][key] = {"median": figure(rounds), "interval95": interval(rounds, figure)}
    return table
