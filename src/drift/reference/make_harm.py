"""Makes harm.json: what SciPy and a second, direct implementation say of limits of a baseline and of harm sequences.

    pip install -r requirements.txt && python make_harm.py

It is written in another way than the TypeScript: an e-detector as the sum over all its starts, each with its own product,
and bounds by SciPy's root finder over all rows so far.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.optimize import brentq

random = np.random.default_rng(20260611)
DAY = 24 * 60 * 60 * 1000
YEAR = 365.25 * DAY
STAKES = 0.5 ** np.arange(1, 11)
BLOCK_RATES = 2.0 ** np.arange(1, -5, -1)


def encode(value):
    """JSON has no NaN and no infinities."""
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [encode(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


# Limits


def limit_of_rows(losses, bound, delta):
    n = len(losses)
    if n < 2:
        return None
    variance, evidence = np.var(losses, ddof=1), np.log(2 / delta)
    upper = np.mean(losses) + np.sqrt(2 * variance * evidence / n) + 7 * bound * evidence / (3 * (n - 1))
    return {"dependence": "rows", "mean": np.mean(losses), "upper": min(bound, upper), "deviation": np.sqrt(variance)}


def limit_of_share(count, n, delta):
    if n == 0:
        return None
    share = count / n
    gap = lambda q: n * np.sum(stats.entropy([share, 1 - share], [q, 1 - q])) - np.log(1 / delta)
    upper = 1.0 if share == 1 else brentq(gap, max(share, 1e-12), 1 - 1e-15, xtol=1e-15, rtol=1e-14)
    return {"dependence": "rows", "mean": share, "upper": upper, "deviation": np.sqrt(share * (1 - share))}


def limit_of_blocks(rows, sums, deviation, delta):
    rows, sums = np.asarray(rows, float), np.asarray(sums, float)
    rows, sums = rows[rows > 0], sums[rows > 0]
    b = len(rows)
    if b < 8 or np.ptp(sums / rows) < 1e-12:
        return None
    c, y = np.minimum(1, rows / np.median(rows)), sums / rows
    mean = np.average(y, weights=c)
    residuals = c * (y - mean)
    error = np.sqrt(b / (b - 1) * residuals @ residuals) / c.sum()
    nu = b - 1
    low = nu * (1 - 2 / (9 * nu) + stats.norm.ppf(delta / 2) * np.sqrt(2 / (9 * nu))) ** 3
    return {
        "dependence": "blocks", "mean": mean, "upper": mean + stats.t.isf(delta / 2, nu) * error, "deviation": deviation,
        "blockRows": np.median(rows), "blockDeviation": np.sqrt(residuals @ residuals / low),
        "chiSquare": [low, stats.chi2.ppf(delta / 2, nu)],
    }


def limits():
    rows = []
    for name, losses, bound in [
        ("beta", np.round(random.beta(1, 6, 300), 4), 1.0), ("skewed", np.round(np.minimum(5, random.lognormal(-2, 1.5, 200)), 4), 5.0),
        ("zero or one", random.binomial(1, 0.1, 120).astype(float), 1.0), ("constant", np.full(40, 0.25), 1.0),
        ("all at the bound", np.ones(9), 1.0), ("two rows", np.array([0.1, 0.4]), 1.0), ("one row", np.array([0.3]), 1.0), ("none", np.array([]), 1.0),
    ]:
        for delta in (0.05, 0.001):
            sample = {"rows": len(losses), "mean": np.mean(losses) if len(losses) else 0, "variance": np.var(losses, ddof=1) if len(losses) > 1 else 0}
            rows.append({"name": name, "sample": sample, "bound": bound, "delta": delta, "limit": limit_of_rows(losses, bound, delta)})
    shares = [{"count": k, "rows": n, "delta": d, "limit": limit_of_share(k, n, d)}
              for k, n in ((0, 0), (0, 1), (1, 1), (0, 50), (50, 50), (7, 100), (900, 30_000)) for d in (0.05, 0.0001)]
    blocks = []
    for name, n, y in [
        ("even days", np.full(30, 100), random.normal(0.2, 0.03, 30)), ("uneven days", random.integers(1, 400, 60), random.gamma(4, 0.05, 60)),
        ("with empty days and days of one row", np.where(np.arange(20) % 4 == 0, 0, np.where(np.arange(20) % 4 == 1, 1, 50)), random.beta(2, 8, 20)),
        ("eight days", np.full(8, 10), random.beta(2, 8, 8)), ("seven days", np.full(7, 10), random.beta(2, 8, 7)),
        ("constant", np.full(20, 30), np.full(20, 0.25)), ("none", np.array([]), np.array([])),
    ]:
        sums = np.round(n * y, 3)
        for delta in (0.05, 0.002):
            blocks.append({"name": name, "rows": n, "sums": sums, "delta": delta, "limit": limit_of_blocks(n, sums, 0.3, delta)})
    return {"rows": rows, "shares": shares, "blocks": blocks}


# Bets and the e-detector


def row_bets(losses, u):
    return np.array([np.sum(np.log1p(stake * (np.asarray(losses) / u - 1))) for stake in STAKES])


def block_bets(mean, n, u, limit):
    x = BLOCK_RATES * min(1, n / limit["blockRows"]) * (mean - u) / limit["blockDeviation"]
    return np.log(np.where(x >= -1, 1 + x + x**2 / 2, 0.5) / (1 + BLOCK_RATES**2 / 2))


class Detector:
    """All starts of the e-detector, each with its weight and its own logarithm of evidence."""

    def __init__(self, rates, year_from):
        self.rates, self.year, self.weight, self.used = rates, year_from, 1.0, 0.0
        self.log_terms, self.begins = np.empty((0, rates)), np.array([])

    def evidence(self):
        return float(np.exp(self.log_terms).sum(axis=0).mean()) if len(self.begins) else 0.0

    def turn(self, at):
        years = math.floor((at - self.year) / YEAR)
        if years == 0:
            return
        self.year += years * YEAR
        reached = self.evidence()
        carried = min(0.25, reached)
        if reached > 0:
            self.log_terms = self.log_terms + np.log(carried / reached)
        self.weight, self.used = 1 - carried, 0.0

    def add(self, begin, end, log_factors):
        self.turn(begin)
        weight = min(self.weight - self.used, self.weight * (end - begin) / YEAR)
        self.used += weight
        start = np.full((1, self.rates), np.log(weight) if weight > 0 else -np.inf)
        self.log_terms, self.begins = np.vstack([self.log_terms, start]) + log_factors, np.append(self.begins, begin)
        return self.evidence()

    def change_start(self):
        start, _ = np.unravel_index(np.argmax(self.log_terms), self.log_terms.shape)
        return float(self.begins[start])


def detector():
    """More than two years of batches of all lengths, with gaps, one across a turn of the year, and a rise shortly before another."""
    at, batches, tracked = 0.0, [], Detector(4, 0.0)
    while at < 2.2 * YEAR:
        at += float(random.choice([0, 0, 3, 40])) * DAY
        end = at + float(random.integers(1, 30)) * DAY
        rising = 1.85 * YEAR < at < 2.1 * YEAR
        factors = np.round(random.normal(0.9 if rising else -0.4, 0.8, 4), 3)
        evidence = tracked.add(at, end, factors)
        batches.append({"fromMs": at, "untilMs": end, "logFactors": factors, "evidence": evidence, "since": tracked.change_start()})
        at = end
    return batches


def bets():
    limit = limit_of_blocks(np.full(20, 50), np.round(50 * random.beta(2, 8, 20), 3), 0.3, 0.05)
    rows = [{"losses": losses, "limit": u, "log": row_bets(losses, u)} for losses, u in [
        ([], 0.2), ([0.0], 0.2), ([1.0], 0.01), (np.round(random.beta(1, 6, 150), 3), 0.15), (np.full(2000, 1.0), 0.002), (np.zeros(2000), 0.5)]]
    blocks = [{"mean": m, "rows": n, "limit": u, "log": block_bets(m, n, u, limit)}
              for m, n, u in ((0.2, 50, 0.25), (0.9, 50, 0.25), (0.0, 500, 0.9), (0.4, 1, 0.25), (0.4, 25, 0.25), (0.25, 50, 0.25))]
    return {"blockLimit": limit, "rows": rows, "blocks": blocks}


# Whole sequences


def grid_of(alpha, tuned_for, deviation):
    steps = np.arange(-8, 9)
    weights = 1 / (2 + np.abs(steps))
    return np.sqrt(2 * np.log(1 / alpha) / tuned_for) / deviation * 1.6**steps, weights / weights.sum()


def exact_lower(x, u, bound, alpha, tuned_for, deviation):
    """Empirical-Bernstein mixture (Howard et al. 2021): the m at which sum_k w_k exp(rate_k (S - n m) - K_k) is 1/alpha."""
    rates, weights = grid_of(alpha, tuned_for, deviation)
    n = len(x)
    centre = np.concatenate([[u], np.cumsum(x)[:-1] / np.arange(1, n)])
    squares = np.concatenate([[0.0], np.cumsum((x - centre) ** 2)[:-1]])
    expected = (squares + deviation**2) / (np.arange(n) * bound**2 + 4 * deviation**2) * bound**2
    c = centre[None, :]
    cx = np.minimum(rates[:, None] * c, 0.95)
    psi = np.where(c > 1e-9, (-np.log1p(-cx) - cx) / np.where(c > 1e-9, c, 1) ** 2, rates[:, None] ** 2 / 2)
    hoeffding = rates[:, None] ** 2 * bound**2 / 8
    cost = np.where((rates[:, None] * c < 0.9) & (psi * expected < hoeffding), psi * (x - centre) ** 2, hoeffding).sum(axis=1)
    gap = lambda s: np.logaddexp.reduce(np.log(weights) + rates * s - cost) - np.log(1 / alpha)
    return (x.sum() - brentq(gap, 0, 1e6, xtol=1e-11)) / n


def robust_lower(blocks, alpha, tuned_for):
    """Asymptotic sequence at two-sided level alpha (Waudby-Smith et al. 2021), cluster-robust over blocks; None before seven."""
    x, b = np.concatenate(blocks), len(blocks)
    n, mean = len(x), x.mean()
    if b < 7:
        return None
    factor = (stats.t.ppf(1 - alpha / 2, b - 1) / stats.norm.ppf(1 - alpha / 2)) ** 2
    clustered = b / (b - 1) * sum(np.sum(block - mean) ** 2 for block in blocks) * factor
    total = max(np.var(x, ddof=1) * n, clustered)
    rho2 = (2 * np.log(1 / alpha) + np.log(1 + 2 * np.log(1 / alpha))) / tuned_for
    return mean - np.sqrt(total / n) * np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))


def sequence(name, plan, year_from, batches):
    limit, bound, deltas = plan["limit"], plan["bound"], plan["deltas"]
    u = limit["upper"] + plan["tolerance"]
    tracked = Detector(10 if limit["dependence"] == "rows" else 6, year_from)
    known, missing, alarm, after = [], 0, None, []
    for batch in batches:
        losses = np.array(batch["losses"], float)
        labelled = np.minimum(losses[~np.isnan(losses)], bound)
        missing += len(losses) - len(labelled)
        if len(labelled):
            known.append(labelled)
            rows = limit["dependence"] == "rows"
            evidence = tracked.add(batch["fromMs"], batch["untilMs"], row_bets(labelled, u) if rows else block_bets(labelled.mean(), len(labelled), u, limit))
            x = np.concatenate(known)
            lower = exact_lower(x, u, bound, deltas["running"], 5000, max(limit["deviation"], limit["upper"] - limit["mean"]))
            if not rows:
                robust = robust_lower(known, 2 * deltas["running"], 5000)
                lower = None if robust is None else min(lower, robust)
            lower = lower and max(0.0, lower)
            changed = evidence >= 1 / deltas["change"]
            if alarm is None and (changed or (lower is not None and lower > u)):
                alarm = {"atMs": batch["untilMs"], "by": "change" if changed else "runningMean", "sinceMs": tracked.change_start()}
        figures = {"rows": 0, "mean": None, "lower": None, "evidence": 0} if not known else {
            "rows": len(x), "mean": x.mean(), "lower": lower, "evidence": min(1e200, tracked.evidence())}
        after.append({**figures, "missing": missing, "limit": u, "threshold": 1 / deltas["change"], "alarm": alarm})
    return {"name": name, "plan": plan, "yearFromMs": year_from, "batches": batches, "after": after}


def days(losses, first=0, length=1):
    return [{"fromMs": (first + d * length) * DAY, "untilMs": (first + (d + 1) * length) * DAY, "losses": day} for d, day in enumerate(losses)]


def sequences():
    deltas = {"source": 0.025, "running": 0.0125, "change": 0.0125}
    calm, late = 45, 40
    base = np.round(random.beta(1, 7, 800), 3)
    limit = limit_of_rows(base, 1.0, deltas["source"])
    plan = {"limit": limit, "bound": 1.0, "tolerance": 0.01, "deltas": deltas}
    shifted = [np.round(random.beta(1, 7 if d < calm else 2.5, 20), 3) for d in range(calm + late)]
    awkward = [np.array([]), np.array([np.nan]), np.array([np.inf, 0.2]), np.array([0.1]), np.array([0.0, 0.0, np.nan]), np.round(random.beta(1, 7, 30), 3)]
    constant = {**plan, "limit": limit_of_rows(np.zeros(200), 1.0, 0.025), "tolerance": 0.0}
    fates = random.normal(0, 0.02, 120)
    sums = np.array([np.sum(np.round(np.clip(random.beta(1, 7, 25) + fate, 0, 1), 3)) for fate in fates[:60]])
    blocks = {**plan, "limit": limit_of_blocks(np.full(60, 25), np.round(sums, 3), 0.11, 0.025)}
    harmed = [np.round(np.clip(random.beta(1, 7 if d < 20 else 4, int(random.integers(5, 40))) + fate, 0, 1), 3) for d, fate in enumerate(fates[60:])]
    return [
        sequence("rows, harm after 45 days", plan, 0.0, days(shifted)),
        sequence("rows, harm from the start", plan, 0.0, days([np.round(random.beta(1, 2, 40), 3) for _ in range(6)])),
        sequence("rows, little harm from the start", plan, 0.0, days([np.round(random.beta(1, 4.4, 40), 3) for _ in range(45)])),
        sequence("rows, across the turn of a year", plan, 0.0, days([np.round(random.beta(1, 7 if d < 11 else 5, 12), 3) for d in range(22)], 30, 28)),
        sequence("empty, missing, infinite and single rows", plan, 0.0, days(awkward, 2)),
        sequence("constant losses of 0 against a baseline of 0", constant, 0.0, days([np.zeros(30)] * 5)),
        sequence("bound 5, all far above it", {**plan, "bound": 5.0}, 0.0, days([np.full(10, 9.0)] * 3)),
        sequence("blocks, harm after 20 days", blocks, 0.0, days(harmed)),
        sequence("blocks, awkward", blocks, 0.0, days(awkward * 2)),
    ]


if __name__ == "__main__":
    reference = {
        "madeWith": {name: version(name) for name in ("numpy", "scipy")},
        "limits": limits(), "bets": bets(), "detector": detector(), "sequences": sequences(),
    }
    Path(__file__).with_name("harm.json").write_text(json.dumps(encode(reference), separators=(",", ":")) + "\n")
