"""The reference trainer: gradient-boosted trees by XGBoost, for binary classification and regression."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import xgboost  # noqa: E402
from device import choose_device  # noqa: E402
from parameters import Settings, settings_of  # noqa: E402
from perennial_trainer import JobRefused, Session, TrainingData, TryAgainLater, run_trainer  # noqa: E402
from tree_ensemble import to_onnx  # noqa: E402

_FINGERPRINT = "perennial_fingerprint"
_MAX_SEED = 2**31


def train(session: Session) -> None:
    job = session.job
    settings = settings_of(job)
    device = choose_device(settings.device)
    data = session.training_data()
    matrix = _quantized(data, settings, job.threads)
    fingerprint = _fingerprint(session, settings, device, data)
    try:
        booster, loss = _boost(session, settings, device, matrix, fingerprint)
    except xgboost.core.XGBoostError as error:
        raise _failure_of(error) from error
    parity = booster.predict(xgboost.DMatrix(session.parity_features(), nthread=job.threads))
    session.finish(
        model=to_onnx(booster, len(job.features), job.task),
        parity=parity,
        metrics=_metrics(booster, loss, session, data),
        device=_device_used(booster),
        versions={"python": sys.version.split()[0], "xgboost": xgboost.__version__, "numpy": np.__version__, "onnx": onnx.__version__},
    )


def _quantized(data: TrainingData, settings: Settings, threads: int) -> xgboost.QuantileDMatrix:
    return xgboost.QuantileDMatrix(data.features, data.labels, nthread=threads, max_bin=settings.booster.get("max_bin", 256))


def _boost(session: Session, settings: Settings, device: str, matrix: xgboost.QuantileDMatrix, fingerprint: str) -> tuple[xgboost.Booster, dict[str, float]]:
    """
    Boosts in chunks of `every_rounds`. Each chunk begins with a booster loaded from the last one's bytes and a seed of
    its own, so that it cannot matter whether those bytes come from this process or from a checkpoint: a resumed run
    ends with the same model as an uninterrupted one. Returns the booster and its loss on the training rows.
    """
    job = session.job
    state = _resumable_state(session, fingerprint)
    done = xgboost.Booster(model_file=state).num_boosted_rounds() if state else 0
    loss: dict[str, float] | None = None
    session.progress(done, settings.rounds)
    while True:
        parameters = {
            **settings.booster, "tree_method": "hist", "device": device, "nthread": job.threads, "validate_parameters": True,
            "seed": (job.seed + done // job.every_rounds) % _MAX_SEED,
        }
        booster = xgboost.Booster(parameters, cache=[matrix], model_file=state)
        if done >= settings.rounds:
            return booster, loss or _training_loss(booster, matrix)
        for done in range(done + 1, min(done + job.every_rounds, settings.rounds) + 1):
            booster.update(matrix, done - 1)
            session.progress(done, settings.rounds)
        loss = _training_loss(booster, matrix)
        session.progress(done, settings.rounds, loss)
        booster.set_attr(**{_FINGERPRINT: fingerprint})
        state = booster.save_raw("ubj")
        session.checkpoint(bytes(state), done, "ubj")


def _resumable_state(session: Session, fingerprint: str) -> bytearray | None:
    """The checkpoint's bytes, when it is one of this very training; else the training begins anew, which ends the same."""
    path = session.job.resume_from
    if path is None:
        return None
    try:
        state = bytearray(path.read_bytes())
        booster = xgboost.Booster(model_file=state)
        if booster.attr(_FINGERPRINT) == fingerprint:
            session.log(f"goes on from {path.name}, after {booster.num_boosted_rounds()} rounds")
            return state
        session.log(f"{path.name} is of another training (other data, parameters, device or versions); begins anew", "warning")
    except (OSError, xgboost.core.XGBoostError) as error:
        session.log(f"{path.name} cannot be read; begins anew: {_first_line(error)}", "warning")
    return None


def _fingerprint(session: Session, settings: Settings, device: str, data: TrainingData) -> str:
    """Of everything that the trees depend on, but the number of rounds."""
    job = session.job
    facts = {
        "task": job.task, "parameters": settings.booster, "device": device, "seed": job.seed, "threads": job.threads,
        "everyRounds": job.every_rounds, "xgboost": xgboost.__version__, "shape": data.features.shape,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(data.features))
    digest.update(np.ascontiguousarray(data.labels))
    return digest.hexdigest()


def _training_loss(booster: xgboost.Booster, matrix: xgboost.QuantileDMatrix) -> dict[str, float]:
    """From XGBoost's own line, such as "[0]	train-logloss:0.52"."""
    entries = booster.eval(matrix, "train").split("\t")[1:]
    return {name: float(value) for name, value in (entry.rsplit(":", 1) for entry in entries)}


def _metrics(booster: xgboost.Booster, loss: dict[str, float], session: Session, data: TrainingData) -> dict[str, Any]:
    gains = booster.get_score(importance_type="total_gain")
    total = sum(gains.values()) or 1.0
    return {
        "rows": len(data.labels),
        "unlabelledRows": data.unlabelled,
        "labelMean": float(data.labels.mean(dtype=np.float64)),
        "rounds": booster.num_boosted_rounds(),
        "training": loss,
        "importance": {feature.name: gains.get(f"f{index}", 0.0) / total for index, feature in enumerate(session.job.features)},
    }


def _device_used(booster: xgboost.Booster) -> str:
    device = json.loads(booster.save_config())["learner"]["generic_param"]["device"]
    return device.split(":")[0]


def _failure_of(error: xgboost.core.XGBoostError) -> Exception:
    text = str(error)
    if "out of memory" in text.lower() or "cudaErrorMemoryAllocation" in text:
        return TryAgainLater(f"the device has too little free memory: {_first_line(error)}")
    if "Parameter" in text or "constraint" in text:
        return JobRefused(f"XGBoost refuses the parameters: {_first_line(error)}")
    return error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")


if __name__ == "__main__":
    run_trainer(train)
