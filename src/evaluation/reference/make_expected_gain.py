"""Makes expected-gain.json: what SciPy and statsmodels say of a candidate's gain over stretches of blocks.

    pip install -r requirements.txt && python make_expected_gain.py

Intervals of rows are SciPy's of one sample, those of blocks statsmodels' clustered ones of a regression on a constant.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
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
        groups = np.repeat(np.arange(len(stretch)), [len(block) for block in stretch])
        fit = OLS(rows, np.ones(len(rows))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
        low, high = fit.conf_int(alpha)[0]
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

made_with = {name: version(name) for name in ("numpy", "scipy", "statsmodels")}
text = json.dumps({"madeWith": made_with, "cases": known}, separators=(",", ":"))
Path(__file__).with_name("expected-gain.json").write_text(text + "\n")
