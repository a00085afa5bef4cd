"""Which device the boosting runs on."""

import ctypes

import xgboost
from perennial_trainer import JobRefused


def choose_device(asked: str) -> str:
    """"cuda" where XGBoost is the CUDA build and the driver shows a GPU, else "cpu". Raises JobRefused when "cuda" was demanded in vain."""
    built = bool(xgboost.build_info().get("USE_CUDA"))
    gpus = _gpu_count() if built and asked != "cpu" else 0
    if asked == "cuda" and gpus == 0:
        lack = "the driver shows no GPU" if built else "this XGBoost is built without CUDA (install trainers/requirements-cuda.lock)"
        raise JobRefused(f"device is cuda, but {lack}; ask for auto to use the CPU instead")
    return "cuda" if gpus > 0 else "cpu"


def _gpu_count() -> int:
    """As CUDA sees it, so CUDA_VISIBLE_DEVICES counts."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
