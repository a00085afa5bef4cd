"""Makes the benchmark's models in the folder given, with the trainers' interpreter: champion.onnx and challenger.onnx
(200 trees of up to 31 leaves on 30 features), and stuck.onnx, which takes seconds for a run whose first row ends with a large number, so that it passes its trial.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import xgboost
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "trainers" / "xgboost"))
from tree_ensemble import to_onnx  # noqa: E402

ROWS, FEATURES, TREES = 20_000, 30, 200
STUCK_TURNS = 1_000_000


def trees(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    logit = x[:, :8] @ rng.normal(size=8).astype(np.float32) * 0.6 + x[:, 8] * x[:, 9]
    label = rng.random(ROWS) < 1 / (1 + np.exp(-logit))
    x[:, ::3][rng.random((ROWS, FEATURES // 3)) < 0.05] = np.nan
    parameters = {"objective": "binary:logistic", "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0, "eta": 0.1, "seed": seed, "nthread": 2}
    booster = xgboost.train(parameters, xgboost.DMatrix(x, label), TREES)
    return to_onnx(booster, FEATURES, "binary-classification")


def stuck() -> bytes:
    """A loop that counts for seconds and then answers 0.5."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["sum", "one"], ["next"])],
        "turn",
        [helper.make_tensor_value_info("turn", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []), helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []), helper.make_tensor_value_info("next", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(np.array(1, np.float32), "one")],
    )
    nodes = [
        helper.make_node("Slice", ["features", "zero", "one_row", "rows"], ["first"]),
        helper.make_node("Slice", ["first", "last", "beyond", "axis"], ["told"]),
        helper.make_node("Greater", ["told", "large"], ["asked"]),
        helper.make_node("Reshape", ["asked", "scalar"], ["stuck"]),
        helper.make_node("Where", ["stuck", "many", "few"], ["turns"]),
        helper.make_node("Loop", ["turns", "yes", "start"], ["total"], body=body),
        helper.make_node("Slice", ["features", "zero", "two", "axis"], ["pair"]),
        helper.make_node("IsNaN", ["pair"], ["missing"]),
        helper.make_node("Where", ["missing", "half", "half"], ["halves"]),
        helper.make_node("Mul", ["total", "nothing"], ["zeroed"]),
        helper.make_node("Add", ["halves", "zeroed"], ["probabilities"]),
    ]
    constants = {
        "many": np.array(STUCK_TURNS, np.int64), "few": np.array(1, np.int64), "large": np.array([[100]], np.float32), "scalar": np.array([], np.int64),
        "one_row": np.array([1], np.int64), "rows": np.array([0], np.int64), "last": np.array([FEATURES - 1], np.int64), "beyond": np.array([FEATURES], np.int64),
        "yes": np.array(True), "start": np.array(0, np.float32), "zero": np.array([0], np.int64),
        "two": np.array([2], np.int64), "axis": np.array([1], np.int64), "half": np.array([0.5], np.float32), "nothing": np.array(0, np.float32),
    }
    graph = helper.make_graph(
        nodes, "stuck", [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", FEATURES])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])], [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="perennial")
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "champion.onnx").write_bytes(trees(1))
    (folder / "challenger.onnx").write_bytes(trees(2))
    (folder / "stuck.onnx").write_bytes(stuck())
