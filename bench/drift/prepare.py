"""Makes the benchmark's input in the folder given: reference.parquet and current.parquet, so many rows with 20 numbers and 10 categories, a few of them missing.

`python prepare.py <folder> <rows> [seed]`
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS, CATEGORIES, BATCH, MISSING = 20, 10, 1_000_000, 0.03
SHAPES = (
    lambda rng, n: rng.normal(50, 10, n),
    lambda rng, n: rng.lognormal(3, 1, n),
    lambda rng, n: rng.gamma(2.0, 5.0, n),
    lambda rng, n: rng.uniform(-1, 1, n),
)


def batch(rng, rows, shifted):
    columns = {}
    for index in range(NUMBERS):
        values = SHAPES[index % len(SHAPES)](rng, rows) * (1.02 if shifted and index % 5 == 0 else 1)
        columns[f"n{index}"] = pa.array(values, mask=rng.random(rows) < MISSING)
    for index in range(CATEGORIES):
        names = pa.array([f"value {place}" for place in range(3 + 5 * index)])
        weights = 1 / np.arange(1, len(names) + 1)
        codes = rng.choice(len(names), rows, p=weights / weights.sum())
        columns[f"c{index}"] = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=rng.random(rows) < MISSING), names).cast(pa.string())
    return pa.table(columns)


def make(path, rows, seed, shifted):
    rng = np.random.default_rng(seed)
    head = batch(np.random.default_rng(0), 1, False)
    with pq.ParquetWriter(path, head.schema, compression="snappy") as writer:
        for start in range(0, rows, BATCH):
            writer.write_table(batch(rng, min(BATCH, rows - start), shifted), row_group_size=122_880)


if __name__ == "__main__":
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    make(folder / "reference.parquet", count, seed, False)
    make(folder / "current.parquet", count, seed + 1, True)
