"""Asks a gateway as any program with Triton's HTTP client would: `python ask.py <host:port> <model>`; prints what it got."""

import json
import sys

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

address, model = sys.argv[1:3]
client = InferenceServerClient(address)


def tensor(name: str, values: np.ndarray, datatype: str) -> InferInput:
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=False)
    return made


def refusal(work) -> str:
    try:
        work()
    except InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return "nothing was refused"


rows = np.array([[1.5, 1, -2], [0.25, 0, 4]], np.float32)
encoded = [tensor("features", rows, "FP32")]
raw = [
    tensor("distance", rows[:, 0].astype(np.float64), "FP64"),
    tensor("carrier", np.array(["UA", "AA"], np.object_), "BYTES"),
    tensor("delay", rows[:, 2].astype(np.int64), "INT64"),
    tensor("perennial_prediction_id", np.array(["first", "second"], np.object_), "BYTES"),
]
wanted = [InferRequestedOutput("probabilities", binary_data=False)]
whole = client.infer(model, encoded, request_id="mine", parameters={"prediction_id": "p-1", "entity_key": "plane", "event_time": "2026-03-01T12:00:00Z"})
print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(model),
            "versionReady": client.is_model_ready(model, "1"),
            "otherVersionReady": client.is_model_ready(model, "7"),
            "server": client.get_server_metadata(),
            "metadata": client.get_model_metadata(model),
            "answer": whole.get_response(),
            "probabilities": whole.as_numpy("probabilities").tolist(),
            "labels": whole.as_numpy("label").tolist(),
            "raw": client.infer(model, raw, outputs=wanted).as_numpy("probabilities").tolist(),
            "byVersion": client.infer(model, encoded, model_version="1", outputs=wanted).get_response()["model_version"],
            "wrongShape": refusal(lambda: client.infer(model, [tensor("features", rows[:, :2].copy(), "FP32")])),
            "noModel": refusal(lambda: client.infer("nothing", encoded)),
        }
    )
)
