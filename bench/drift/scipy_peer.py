"""The peer by hand: pandas and SciPy compute the same figures, column by column. Prints them and the seconds, without imports, as one line of JSON."""

import json
import sys
import time

import numpy as np
import pyarrow.parquet as pq
from scipy import stats
from scipy.spatial.distance import jensenshannon

EMPTY = 1e-4


def binned(p, q):
    p, q = p / p.sum(), q / q.sum()
    distance = float(jensenshannon(p, q, base=2))
    p, q = np.where(p == 0, EMPTY, p), np.where(q == 0, EMPTY, q)
    return float(np.sum((q - p) * np.log(q / p))), distance


def number(reference, current):
    reference, current = reference[~np.isnan(reference)], current[~np.isnan(current)]
    edges = np.unique(np.quantile(reference, np.arange(1, 10) / 10))
    counts = [np.bincount(np.searchsorted(edges, side, side="right"), minlength=len(edges) + 1) for side in (reference, current)]
    ks = stats.ks_2samp(reference, current)
    psi, distance = binned(*counts)
    return {"psi": psi, "jensenShannon": distance, "statistic": float(ks.statistic), "pValue": float(ks.pvalue), "wasserstein": float(stats.wasserstein_distance(reference, current))}


def category(reference, current):
    sides = [side.value_counts() for side in (reference, current)]
    names = sides[0].index.union(sides[1].index)
    counts = [side.reindex(names, fill_value=0).to_numpy(float) for side in sides]
    psi, distance = binned(*counts)
    test = stats.chi2_contingency(counts, correction=False)
    return {"psi": psi, "jensenShannon": distance, "statistic": float(test.statistic), "pValue": float(test.pvalue)}


start = time.perf_counter()
tables = [pq.read_table(path).to_pandas() for path in sys.argv[1:3]]
figures = {name: (number if name.startswith("n") else category)(*(table[name] if name.startswith("c") else table[name].to_numpy(float) for table in tables)) for name in tables[0]}
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "rows": len(tables[1]), "figures": figures}))
