"""The peer: FastAPI + onnxruntime + orjson, one process. `python fastapi_server.py <model> <port>`; prints `ready`."""

import sys

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
datatypes = {"tensor(float)": "FP32", "tensor(int64)": "INT64"}
types = [datatypes[output.type] for output in session.get_outputs()]
app = FastAPI()


@app.post("/v2/models/bench/infer")
async def infer(request: Request) -> Response:
    body = orjson.loads(await request.body())
    tensor = body["inputs"][0]
    features = np.array(tensor["data"], np.float32).reshape(tensor["shape"])
    outputs = [
        {"name": name, "shape": list(values.shape), "datatype": datatype, "data": values.ravel()}
        for name, datatype, values in zip(names, types, session.run(names, {"features": features}))
    ]
    answer = {"model_name": "bench", "model_version": "1", "outputs": outputs}
    return Response(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")




uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), http="httptools", loop="uvloop", log_level="error", access_log=False)
