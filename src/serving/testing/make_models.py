"""Makes the small models that the gateway's specs serve: `var/python/bin/python src/serving/testing/make_models.py`.

Each takes `features`, float32 [N, 3], with missing values (NaN) counted as 0, and gives the probabilities of a logistic
model, float32 [N, 2]. They differ in their weights, so an answer shows which of them gave it.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MODELS = {
    "falling.onnx": (np.array([[-1.0], [-0.5], [0.25]], np.float32), -1.0),
    "rising.onnx": (np.array([[1.0], [0.5], [-0.25]], np.float32), 1.0),
}
WITH_LABEL = {"rising.onnx"}


def logistic(weights: np.ndarray, bias: float, with_label: bool) -> onnx.ModelProto:
    width = weights.shape[0]
    constants = {
        "weights": weights,
        "bias": np.array([bias], np.float32),
        "zero": np.array([0.0], np.float32),
        "one": np.array([1.0], np.float32),
    }
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "features"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["weighted"]),
        helper.make_node("Add", ["weighted", "bias"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])]
    if with_label:
        nodes.append(helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0))
        outputs.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]))
    graph = helper.make_graph(
        nodes,
        "logistic",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", width])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="perennial")


def picky() -> onnx.ModelProto:
    """Probabilities by the first feature, a whole number below 3; the runtime fails on any other."""
    constants = {
        "table": np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], np.float32),
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "axis": np.array([1], np.int64),
        "flat": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("Slice", ["features", "first", "second", "axis"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], ["numbers"]),
        helper.make_node("Cast", ["numbers"], ["places"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "places"], ["probabilities"], axis=0),
    ]
    graph = helper.make_graph(
        nodes,
        "picky",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="perennial")


def main() -> None:
    folder = Path(__file__).parent
    for name, (weights, bias) in MODELS.items():
        model = logistic(weights, bias, name in WITH_LABEL)
        onnx.checker.check_model(model, full_check=True)
        (folder / name).write_bytes(model.SerializeToString(deterministic=True))
    (folder / "picky.onnx").write_bytes(picky().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
