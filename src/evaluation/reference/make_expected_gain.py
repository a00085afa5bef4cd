"""Makes expected-gain.json: what SciPy and statsmodels say of a candidate's gain over stretches of blocks.

    pip install -r requirements.txt && python make_expected_gain.py

Intervals of rows are SciPy's of one sample, those of blocks a jackknife's that leaves each block out, as a quadratic form of the
blocks' means with Satterthwaite's degrees of freedom: with blocks of one size statsmodels' clustered ones of a regression on a
constant. The cases that begin with predictions and times of rows have the losses, the blocks and the rows a day too.
"""

import json
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import special, stats
from statsmodels.api import OLS

random = np.random.default_rng(20240607)


def interval(stretch, alpha, dependence):
    """Mean and ends of the two-sided interval of a stretch; None without two observations."""
    rows = np.concatenate(stretch)
    if len(rows if dependence == "rows" else stretch) < 2:
        return None
    if dependence == "rows":
        low, high = stats.ttest_1samp(rows, 0).confidence_interval(1 - alpha)
    else:
        sizes = np.array([len(block) for block in stretch])
        count = len(sizes)
        kept = np.array([[0 if at == out else sizes[at] / (len(rows) - sizes[out]) for at in range(count)] for out in range(count)])
        form = (count - 1) / count * (kept - sizes / len(rows)).T @ (kept - sizes / len(rows))
        means = np.array([block.mean() for block in stretch])
        low, high = stats.t.interval(1 - alpha, np.trace(form) ** 2 / np.trace(form @ form), rows.mean(), np.sqrt(means @ form @ means))
        if len(set(sizes)) == 1:
            groups = np.repeat(np.arange(count), sizes[0])
            fit = OLS(rows, np.ones(len(rows))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
            np.testing.assert_allclose((low, high), fit.conf_int(alpha)[0])
    return rows.mean(), low, high


def expected(blocks, alpha, dependence):
    """Of the newest 1, 2, 4, ... blocks and all of them the one whose interval, by Bonferroni, has the highest low end."""
    blocks = [block for block in blocks if len(block) > 0]
    lengths = sorted({2**power for power in range(20) if 2**power < len(blocks)} | ({len(blocks)} if blocks else set()))
    usable = [length for length in lengths if interval(blocks[-length:], alpha, dependence)]
    found = [(length, *interval(blocks[-length:], alpha / len(usable), dependence)) for length in usable]
    if not found:
        return None
    length, estimate, low, high = max(found, key=lambda stretch: (stretch[2], stretch[0]))
    return {"blocks": length, "rows": sum(len(block) for block in blocks[-length:]), "estimate": estimate, "low": low, "high": high}


def pairs(sizes, gains, shock=0.0):
    """Losses of both on each block's rows, rounded so that they are read back as they are."""
    made = []
    for size, gain in zip(sizes, gains):
        hard = random.gamma(2, 0.1, size)
        candidate = np.abs(hard + random.normal(0, 0.05, size))
        champion = np.abs(hard + gain + random.normal(0, shock) + random.normal(0, 0.05, size))
        made.append({"champion": [round(x, 4) for x in champion.tolist()], "candidate": [round(x, 4) for x in candidate.tolist()]})
    return made


CASES = [
    ("no change", pairs([20] * 8, [0] * 8), 0.1),
    ("a gain all along", pairs([15] * 6, [0.03] * 6), 0.1),
    ("a change three blocks ago", pairs([20] * 9, [-0.02] * 6 + [0.2] * 3), 0.05),
    ("a change in the newest block", pairs([30] * 5, [-0.02] * 4 + [0.3]), 0.05),
    ("blocks of their own fate and of uneven sizes", pairs([3, 40, 0, 1, 25, 12, 30], [0.05] * 7, shock=0.05), 0.2),
    ("a single block", pairs([12], [0.1]), 0.1),
    ("a single row", pairs([1], [0.1]), 0.1),
    ("no row", pairs([0, 0], [0, 0]), 0.1),
]

known = []
for name, blocks, alpha in CASES:
    gains = [np.array(block["champion"]) - np.array(block["candidate"]) for block in blocks]
    known.append({"name": name, "alpha": alpha, "losses": blocks, "rows": expected(gains, alpha, "rows"), "blocks": expected(gains, alpha, "blocks")})

DAY_MS = 86_400_000
START_MS = 1_704_110_400_000  # 2024-01-01T12:00:00Z: no beginning of a day, so that the first block is cut


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def row_losses(loss, bound, outputs, labels):
    if loss == "absoluteError":
        found = np.abs(outputs - labels)
    elif loss == "brier":
        found = (outputs - labels) ** 2
    else:
        found = -special.xlogy(labels, outputs) - special.xlog1py(1 - labels, -outputs)
    return np.minimum(found, bound)


def judged(case):
    """The gain on the newest rows, from what both models said of each row."""
    times, labels = np.array(case["timesMs"]), np.array(case["labels"])
    ours, theirs = (row_losses(case["loss"], case["bound"], np.array(case[who]), labels) for who in ("candidate", "champion"))
    numbers = np.floor(times / (case["blockHours"] * 3_600_000))
    blocks = np.unique(numbers)
    gains = [(theirs - ours)[numbers == number] for number in blocks]
    found = expected(gains, case["alpha"], case["dependence"])
    taken = numbers >= blocks[-(found["blocks"] if found else len(blocks))]
    return {
        "loss": case["loss"],
        "blocks": int(found["blocks"] if found else len(blocks)),
        "rows": int(taken.sum()),
        "since": iso(max(START_MS, numbers[taken].min() * case["blockHours"] * 3_600_000)),
        "candidate": ours[taken].mean(),
        "champion": theirs[taken].mean(),
        "gain": {"value": (theirs - ours)[taken].mean(), "low": found and found["low"], "high": found and found["high"]},
        "rowsPerDay": len(times) * case["holdOutEvery"] / case["days"],
    }


def as_float32(values):
    return values.astype(np.float32).astype(float).tolist()


def told(loss, days, drawn, pull, **options):
    """Rows in no order. The candidate's answers are drawn to the truth by `pull`, of the row's age in days; the champion's are not."""
    times = START_MS + random.permutation(drawn * 7)[:drawn] * (days * DAY_MS // (drawn * 7))
    ages = days - (times - START_MS) / DAY_MS
    if loss == "absoluteError":
        labels = np.round(random.normal(10, 5, drawn), 3)
        champion, candidate = (labels + random.normal(0, 4, drawn) * scale for scale in (1, 1 - np.vectorize(pull)(ages)))
    else:
        labels = (random.random(drawn) < 0.4).astype(float)
        champion, candidate = (np.clip(random.random(drawn) * (1 - by) + labels * by, 0, 1) for by in (0, np.vectorize(pull)(ages)))
    case = {"loss": loss, "days": days, "timesMs": times.tolist(), "labels": labels.tolist(), "champion": as_float32(champion), "candidate": as_float32(candidate)}
    return {"bound": {"brier": 1, "clippedLogLoss": 5}.get(loss), "blockHours": 24, "holdOutEvery": 1, "dependence": "blocks", "alpha": 0.05, **case, **options}


JUDGED = {
    "better in the newest days": told("brier", 14, 210, lambda age: 0.6 if age < 4 else -0.1),
    "better all along, which begins within a block": told("brier", 6, 120, lambda age: 0.4),
    "log losses up to their bound, rows on their own": told("clippedLogLoss", 8, 160, lambda age: 0.5 if age < 2 else 0, bound=1.5, dependence="rows", alpha=0.2),
    "absolute errors, of which one block in three judges": told("absoluteError", 10, 150, lambda age: 0.5, bound=6, blockHours=12, holdOutEvery=3),
    "a worse candidate": told("absoluteError", 5, 80, lambda age: -0.5, bound=20, dependence="rows"),
    "a single block": told("brier", 14, 40, lambda age: 0.3, blockHours=24 * 60),
}

made_with = {name: version(name) for name in ("numpy", "scipy", "statsmodels")}
text = json.dumps({"madeWith": made_with, "cases": known, "judged": [{"name": name, **case, "found": judged(case)} for name, case in JUDGED.items()]}, separators=(",", ":"))
Path(__file__).with_name("expected-gain.json").write_text(text + "\n")
