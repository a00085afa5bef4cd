"""Makes the benchmark's input in the folder given: rows.parquet (1M rows, 30 features), model.onnx (LightGBM, 200 trees)."""

import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnx
import onnxmltools
import pyarrow as pa
import pyarrow.parquet as pq
from onnxmltools.convert.common.data_types import FloatTensorType

ROWS, FEATURES, TRAINING_ROWS, TREES = 1_000_000, 30, 100_000, 200
START_MS, WINDOW_MS = 1_356_998_400_000, 28 * 24 * 3600 * 1000


def make_rows(folder, rng):
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    logit = x[:, :8] @ rng.normal(size=8).astype(np.float32) * 0.6 + x[:, 8] * x[:, 9]
    label = rng.random(ROWS) < 1 / (1 + np.exp(-logit))
    x[:, ::3][rng.random((ROWS, FEATURES // 3)) < 0.05] = np.nan
    times = START_MS + np.arange(ROWS) * WINDOW_MS // ROWS
    columns = {"at": pa.array(times, pa.timestamp("ms")), "label": pa.array(label)}
    columns |= {f"f{i}": pa.array(x[:, i], from_pandas=True) for i in range(FEATURES)}
    pq.write_table(pa.table(columns), folder / "rows.parquet", row_group_size=122_880, compression="snappy")
    return x, label


def make_model(folder, x, label):
    parameters = {"objective": "binary", "num_leaves": 31, "seed": 1, "deterministic": True, "force_row_wise": True, "num_threads": 2, "verbosity": -1}
    booster = lgb.train(parameters, lgb.Dataset(x[:TRAINING_ROWS], label[:TRAINING_ROWS]), TREES)
    types = [("features", FloatTensorType([None, FEATURES]))]
    model = onnxmltools.convert_lightgbm(booster, initial_types=types, zipmap=False, name="scoring-bench", target_opset=15)
    label_output = next(output for output in model.graph.output if output.name == "label")
    label_output.type.tensor_type.shape.dim[0].Clear()
    onnx.checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    target = Path(sys.argv[1])
    make_model(target, *make_rows(target, np.random.default_rng(20130101)))
