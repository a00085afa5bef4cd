"""Makes reference.json: what confseq (by the papers' authors), SciPy and a second, direct implementation say.

    apt-get install libboost-dev
    pip install scikit-build 'cmake<4' ninja pybind11 setuptools wheel 'numpy<2' scipy
    pip install --no-build-isolation confseq==0.0.11
    python make_reference.py

`boundaries` and `distance` are confseq's. `asymptotic` is the formula of Waudby-Smith et al. 2021 (Theorem 2.2) written
out; `predictableRange` is our non-asymptotic sequence computed in another way: all factors of a row as arrays, the bound
by SciPy's root finder.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from confseq.boundaries import (
    beta_binomial_log_mixture,
    gamma_exponential_log_mixture,
    gamma_exponential_mixture_bound,
    normal_mixture_bound,
)
from confseq.conjmix_bounded import conjmix_empbern_lower_cs
from confseq.quantiles import empirical_process_lil_bound
from scipy.optimize import brentq

random = np.random.default_rng(20210614)


def boundaries():
    """Boundaries of Howard et al. 2021, over intrinsic times, levels, tuning and scales."""
    normal, gamma, gamma_mixture, beta = [], [], [], []
    for alpha in (0.001, 0.025, 0.05, 0.2):
        for tuned in (3.0, 40.0, 5000.0):
            for v in (0.5, 7.0, 90.0, 12345.6, 3e6):
                normal.append([v, alpha, tuned, float(normal_mixture_bound(v, alpha=alpha, v_opt=tuned, alpha_opt=alpha, is_one_sided=False))])
                for c in (0.2, 2.0, 10.0):
                    if v / c**2 > 3e5:  # beyond, confseq loses the ninth digit to cancellation, as an evaluation with 40 digits shows
                        continue
                    gamma.append([v, alpha, tuned, c, float(gamma_exponential_mixture_bound(v, alpha=alpha, v_opt=tuned, c=c, alpha_opt=alpha))])
                    s = 2.5 * np.sqrt(v)
                    gamma_mixture.append([s, v, alpha, tuned, c, float(gamma_exponential_log_mixture(s, v, v_opt=tuned, c=c, alpha_opt=alpha))])
    for share in (0.001, 0.01, 0.3, 0.9):
        for trials in (20, 1000, 250000):
            for above in (0.0, 1.0, 3.0):
                spread = np.sqrt(share * (1 - share) * trials)
                successes = int(np.ceil(min(trials, share * trials + above * spread)))
                unit = share * (1 - share)
                value = beta_binomial_log_mixture(successes - share * trials, unit * trials, v_opt=unit * 1000, g=share, h=1 - share, alpha_opt=0.025, is_one_sided=True)
                beta.append([successes, trials, share, 0.025, 1000, float(value)])
    return {"normal": normal, "gammaExponential": gamma, "gammaExponentialMixture": gamma_mixture, "betaBinomialMixture": beta}


def empirical_bernstein():
    """confseq's lower confidence sequence of observations in [0, 1]; it halves the alpha that it is given."""
    rows = []
    for name, values in {"beta": random.beta(2, 5, 400), "bernoulli": random.binomial(1, 0.3, 400).astype(float)}.items():
        low = conjmix_empbern_lower_cs(values, v_opt=10.0, alpha=0.05)
        rows.append({"name": name, "values": values.tolist(), "tunedFor": 10.0, "alphaOfOneSide": 0.025, "low": low.tolist()})
    return rows


def distance():
    """Howard & Ramdas 2022, Theorem 2, A = 0.85."""
    return [[t, alpha, start, float(empirical_process_lil_bound(t, alpha, float(start)))]
            for alpha in (0.001, 0.025, 0.05, 0.2) for start in (1, 100, 1000) for t in (1, 100, 1000, 54321, 10_000_000) if t >= start]


def gains(rows):
    """Brier gains of a challenger over a champion whose probabilities it moves a little, with their ranges."""
    champion = random.beta(2, 4, rows)
    challenger = np.clip(champion + random.normal(0, 0.12, rows), 0, 1)
    label = random.binomial(1, 0.3 * champion + 0.7 * challenger)
    champion, challenger = champion.astype(np.float32).astype(float), challenger.astype(np.float32).astype(float)
    of = lambda y: (champion - y) ** 2 - (challenger - y) ** 2
    return champion, challenger, label, of(label), np.minimum(of(0), of(1)), np.maximum(of(0), of(1))


def asymptotic(d, alpha, tuned_for):
    n, mean, variance = len(d), d.mean(), d.var(ddof=1)
    rho2 = (2 * np.log(1 / alpha) + np.log(1 + 2 * np.log(1 / alpha))) / tuned_for
    reach = np.sqrt(variance * 2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))
    return [mean - reach, mean + reach]


def one_side(d, low, high, alpha, grid, weights, prior):
    """The lower bound of the average conditional gain: the largest m with sum_k w_k exp(lambda_k (S - n m) - K_k) >= 1 / alpha."""
    before = np.concatenate([[0.0], np.cumsum(d)[:-1] / np.arange(1, len(d))])
    centre = np.clip(before, low, high)
    squares, ranges = np.cumsum((d - centre) ** 2), np.cumsum((high - low) ** 2)
    ratio = np.concatenate([[0.25], (squares[:-1] + prior) / (ranges[:-1] + 4 * prior)])
    scale = centre - low
    hoeffding = grid[:, None] ** 2 * (high - low) ** 2 / 8
    x = np.minimum(grid[:, None] * scale, 0.999)
    psi = np.where(scale > 0, (-np.log1p(-x) - x) / np.where(scale > 0, scale, 1) ** 2, grid[:, None] ** 2 / 2)
    bernstein_is_less = (grid[:, None] * scale < 0.9) & (psi * ratio * (high - low) ** 2 < hoeffding)
    cost = np.where(bernstein_is_less, psi * (d - centre) ** 2, hoeffding).sum(axis=1)
    evidence = lambda s: np.logaddexp.reduce(np.log(weights) + grid * s - cost) - np.log(1 / alpha)
    return (d.sum() - brentq(evidence, 0, 1e5, xtol=1e-12)) / len(d)


def predictable_range(d, low, high, alpha, tuned_for, deviation):
    middle = np.sqrt(2 * np.log(2 / alpha) / (tuned_for * deviation**2))
    steps = np.arange(-8, 9)
    grid, weights = middle * 1.6**steps, 1 / (2 + np.abs(steps))
    weights /= weights.sum()
    return [one_side(d, low, high, alpha / 2, grid, weights, deviation**2), -one_side(-d, -high, -low, alpha / 2, grid, weights, deviation**2)]


def comparisons():
    cases = []
    for rows, alpha, tuned_for in ((30, 0.05, 100), (700, 0.05, 1000), (3000, 0.01, 500)):
        champion, challenger, label, d, low, high = gains(rows)
        cases.append({
            "alpha": alpha, "tunedFor": tuned_for, "assumedDeviation": 0.1,
            "champion": champion.tolist(), "challenger": challenger.tolist(), "label": label.tolist(), "gain": d.mean(),
            "asymptotic": asymptotic(d, alpha, tuned_for),
            "empiricalBernstein": predictable_range(d, low, high, alpha, tuned_for, 0.1),
        })
    return cases


if __name__ == "__main__":
    reference = {
        "madeWith": {name: version(name) for name in ("confseq", "numpy", "scipy")},
        "boundaries": boundaries(), "empiricalBernstein": empirical_bernstein(), "distance": distance(), "comparisons": comparisons(),
    }
    Path(__file__).with_name("reference.json").write_text(json.dumps(reference) + "\n")
