"""Makes two-sample.json: what SciPy says about the Kolmogorov-Smirnov and chi-squared tests, and what whole-number arithmetic says about small samples.

    pip install -r requirements.txt && python make_two_sample.py

SciPy's `kstwo`, `ks_2samp`, `chi2` and `chi2_contingency` give the figures of the same names. `pathShares` counts lattice paths as Python integers,
`oneSampleExact` follows counts of rows in fractions and `chiSquaredExact` sums in 60 digits: none shares a method with SciPy or with the TypeScript.
"""

import json
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

SEED = 20260101
ROWS = [1, 2, 3, 5, 10, 37, 100, 139, 140, 141, 150, 200, 500, 1000, 2047, 2048, 4999, 5001, 20_000, 100_000, 100_001, 1_000_001, 10**7, 10**9]
SCALED = [0.1, 0.2, 0.3, 0.45, 0.5488, 0.6, 0.75, 0.868, 0.87, 1, 1.2, 1.36, 1.4832, 1.4833, 1.6, 1.9999, 2.0001, 2.5, 3, 5, 8, 12, 16, 19]


def one_sample_tails():
    """[n, d, kstwo.sf]: multiples of 1/n up to the first few and the last ones, d at fixed z = d√n, and both sides of every limit between methods."""
    for n in ROWS:
        steps = [0, 0.5, 0.75, 1, 1.5, 2, 2.25, n - 1, n - 0.5, n]
        statistics = {round(step / n, 12) for step in steps} | {float(f"{z / math.sqrt(n):.9g}") for z in SCALED} | {0.4999, 0.5, 0.7, 0.99}
        edge = (1.4 / n) ** (2 / 3)
        statistics |= {float(f"{edge * factor:.9g}") for factor in (0.5, 0.9, 0.999, 1.001)}
        yield from ([n, d, float(stats.kstwo.sf(d, n))] for d in sorted(statistics) if 0 <= d <= 1)
    # Its largest sum takes SciPy a second each.
    yield from ([10**6, z / 1000, float(stats.kstwo.sf(z / 1000, 10**6))] for z in (0.3, 1, 1.4, 1.5, 4, 15))


def durbin_in_fractions(n, steps):
    """P(D_n >= steps/n) for a whole number of steps, by Poisson increments in fractions: the rows in each n-th of the line are all that counts."""
    weights = {0: Fraction(1)}
    for cell in range(1, n + 1):
        after = {}
        for seen, weight in weights.items():
            for more in range(0, n - seen + 1):
                # At a multiple of 1/n the count must be less than `steps` away on either side.
                if abs(seen + more - cell) < steps:
                    after[seen + more] = after.get(seen + more, 0) + weight / math.factorial(more)
        weights = after
    return float(1 - weights.get(n, 0) * math.factorial(n) / Fraction(n) ** n)


def path_share(n, m, distance):
    """The exact p-value: of all orders of n and m rows, the share whose distribution functions are `distance` / lcm(n, m) or more apart somewhere."""
    divisor = math.gcd(n, m)
    inside = {(0, 0): 1}
    for i in range(n + 1):
        for j in range(m + 1):
            if (i, j) != (0, 0):
                stays = abs(i * (m // divisor) - j * (n // divisor)) < distance
                inside[i, j] = inside.get((i - 1, j), 0) + inside.get((i, j - 1), 0) if stays else 0
    paths = math.comb(n + m, n)
    return float(Fraction(paths - inside[n, m], paths))


def path_shares():
    for n, m in [(1, 1), (1, 2), (2, 2), (1, 7), (5, 5), (6, 4), (7, 5), (12, 18), (40, 40), (60, 45), (61, 53), (200, 150), (211, 97)]:
        lcm = math.lcm(n, m)
        for distance in sorted({1, 2, lcm // 10, lcm // 4, lcm // 2, lcm - 3, lcm} & set(range(1, lcm + 1))):
            yield [n, m, distance / lcm, path_share(n, m, distance)]


def samples(name, reference, current):
    found = stats.ks_2samp(reference, current, method="auto")
    plain = [[written(value) for value in np.sort(np.asarray(side, dtype=float))] for side in (reference, current)]
    return {"name": name, "reference": plain[0], "current": plain[1], "statistic": float(found.statistic), "pValue": float(found.pvalue)}


def written(value):
    return float(value) if np.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def small_samples(rng):
    infinity = np.inf
    yield samples("no ties", rng.normal(size=37).round(6), rng.normal(0.3, 1.2, size=52).round(6))
    yield samples("equal sizes", rng.normal(size=30).round(6), rng.normal(size=30).round(6))
    yield samples("many ties", rng.integers(0, 6, 80), rng.integers(0, 7, 50))
    yield samples("tied across samples only", [1, 3, 5, 7], [1, 3, 5, 9])
    yield samples("the same rows", [0.1, 0.2, 0.2, 0.9], [0.1, 0.2, 0.2, 0.9])
    yield samples("disjoint", rng.uniform(0, 1, 25).round(4), rng.uniform(2, 3, 40).round(4))
    yield samples("disjoint, the other way", [5, 6, 7], [1, 2])
    yield samples("constant and equal", [4, 4, 4], [4, 4])
    yield samples("constant and unequal", [4, 4, 4], [5, 5])
    yield samples("a constant within", [4] * 10, rng.normal(4, 1, 15).round(3))
    yield samples("one row each, equal", [1], [1])
    yield samples("one row each, unequal", [1], [2])
    yield samples("one row among many", [0.5], rng.uniform(0, 1, 60).round(4))
    yield samples("infinite values", [-infinity, -infinity, 0, 1, infinity], [-infinity, 0.5, 2, infinity, infinity, infinity])
    yield samples("nothing but infinity", [infinity, infinity], [-infinity, infinity])
    yield samples("negative zero", [-0.0, 0.0, 1], [0.0, -0.0, -1])
    yield samples("shares that do not end", np.arange(49), np.arange(49) + 16)


def large_samples(rng):
    """[n, m, statistic, p-value] of normal samples that differ by a shift, without the rows."""
    sizes = [(10_000, 10_000, 0.02), (10_000, 10_000, 0.66), (10_000, 9_999, 0.02), (10_000, 9_999, 0.6), (10_000, 7, 1.1), (9_973, 6_007, 0.05)]
    sizes += [(5_000, 5_000, 0.8), (4_000, 2_500, 0.5), (1_000, 999, 0.0)]
    sizes += [(300, 200, 0.4), (2_000, 2_000, 0.9), (10_001, 10_001, 0.01), (10_001, 1, 0.0), (20_000, 10_002, 0.03), (10_001, 3, 2.0)]
    sizes += [(10_003, 10_003, 0.0), (50_000, 40_000, 0.02), (30_000, 20, 0.5), (200_000, 300, 0.1), (10_001, 270, 0.05), (10_100, 10_100, 0.7)]
    for n, m, shift in sizes:
        found = stats.ks_2samp(rng.normal(size=n), rng.normal(shift, 1, size=m), method="auto")
        yield [n, m, float(found.statistic), float(found.pvalue)]


def chi_squared_tails():
    """[x, degrees, chi2.sf]"""
    for degrees in (1, 2, 3, 4, 5, 10, 29, 30, 31, 100, 999, 1000, 5000, 9999, 10_000):
        tails = [1 - 1e-9, 0.999, 0.9, 0.6, 0.5, 0.4, 0.1, 0.05, 0.01, 1e-4, 1e-8, 1e-20, 1e-60, 1e-120, 1e-250]
        points = [0, 1e-12, 0.001, degrees, degrees + 1.99, degrees + 2.01] + [float(f"{stats.chi2.isf(tail, degrees):.10g}") for tail in tails]
        yield from ([x, degrees, float(stats.chi2.sf(x, degrees))] for x in points)


def chi_squared_exact():
    """[x, degrees, tail]: for an even number of degrees the chance of fewer than degrees/2 Poisson events at mean x/2, summed in 60 digits."""
    with localcontext() as context:
        context.prec = 60
        points = [(2, 1.5), (2, 1150), (4, 0.25), (10, 30), (30, 31.5), (100, 900), (1000, 1500), (1000, 3000), (5000, 5000), (10_000, 9500), (10_000, 15_500)]
        for degrees, x in points:
            mean, term, total = Decimal(x) / 2, Decimal(1), Decimal(0)
            for events in range(degrees // 2):
                total += term
                term = term * mean / (events + 1)
            yield [x, degrees, float(total * (-mean).exp())]


def table(name, reference, current):
    kept = [pair for pair in zip(reference, current) if sum(pair) > 0]
    entry = {"name": name, "reference": list(reference), "current": list(current), "test": None}
    if len(kept) >= 2 and sum(reference) > 0 and sum(current) > 0:
        statistic, p, degrees, _ = stats.chi2_contingency(np.array(kept).T, correction=False)
        entry["test"] = {"statistic": float(statistic), "degreesOfFreedom": int(degrees), "pValue": float(p)}
    return entry


def tables(rng):
    yield table("two categories", [30, 12], [22, 19])
    yield table("equal shares", [10, 20, 30], [100, 200, 300])
    yield table("a category that is in neither", [5, 0, 9, 0], [6, 0, 3, 0])
    yield table("a category that is new", [50, 40, 0], [45, 41, 7])
    yield table("a category that is gone", [50, 40, 3], [45, 41, 0])
    yield table("nothing in common", [10, 0], [0, 12])
    yield table("one row each, unequal", [1, 0], [0, 1])
    yield table("one row each, equal", [1, 0], [1, 0])
    yield table("one row in one window", [4, 5, 6], [0, 1, 0])
    yield table("one category", [7], [9])
    yield table("one category that occurs", [0, 7, 0], [0, 9, 0])
    yield table("no categories", [], [])
    yield table("an empty window", [3, 4], [0, 0])
    yield table("two empty windows", [0, 0], [0, 0])
    yield table("many categories", rng.integers(0, 40, 250).tolist(), rng.integers(0, 30, 250).tolist())
    yield table("windows of very unequal size", [400_000, 300_000, 5_000], [3, 9, 1])
    yield table("too far in the tail for any number", [400_000_000, 300_000_000, 5], [3, 9, 1])
    yield table("far in the tail", [9000, 1000, 200], [8300, 1500, 700])
    yield table("counts with weights", [0.5, 2.25, 7], [1.5, 0.75, 3])


def main():
    rng = np.random.default_rng(SEED)
    reference = {
        "madeWith": {"scipy": scipy.__version__, "numpy": np.__version__},
        "oneSampleTails": list(one_sample_tails()),
        "oneSampleExact": [[n, k / n, durbin_in_fractions(n, k)] for n in (1, 2, 3, 8, 20, 40) for k in range(1, min(n, 12) + 1)],
        "pathShares": list(path_shares()),
        "smallSamples": list(small_samples(rng)),
        "largeSamples": list(large_samples(rng)),
        "chiSquaredTails": list(chi_squared_tails()),
        "chiSquaredExact": list(chi_squared_exact()),
        "tables": list(tables(rng)),
    }
    Path(__file__).with_name("two-sample.json").write_text(json.dumps(reference, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
