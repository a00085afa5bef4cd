"""The job: what to train on, with which parameters, and where the results go."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .failures import JobRefused

CONTRACT = "perennial.trainer/v1"


@dataclass(frozen=True)
class Feature:
    name: str
    #: "number" or "category".
    type: str
    #: A category's code is its index here; empty for a number.
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    run_id: str
    attempt: int
    model: str
    #: "binary-classification" or "regression".
    task: str
    train_path: Path
    label: str
    event_time: str
    key: tuple[str, ...]
    #: Event time up to which labels are known.
    as_of: datetime
    label_horizon_ms: int
    features: tuple[Feature, ...]
    parameters: dict[str, Any]
    seed: int
    threads: int
    parity_path: Path
    parity_rows: int
    checkpoint_directory: Path
    resume_from: Path | None
    every_rounds: int
    output_directory: Path


def read_job(path: str) -> Job:
    """Reads a job file. Raises JobRefused when it is not a job of this contract."""
    try:
        job = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobRefused(f"the job {path} cannot be read: {error}") from error
    if not isinstance(job, dict) or job.get("contract") != CONTRACT:
        raise JobRefused(f"the job {path} does not say contract {CONTRACT}; this trainer knows no other")
    try:
        return _job_of(job)
    except (KeyError, TypeError, ValueError) as error:
        raise JobRefused(f"the job {path} lacks something or holds a wrong value: {error!r}") from error


def _job_of(job: dict[str, Any]) -> Job:
    data, checkpoint = job["data"], job["checkpoint"]
    if job["task"] not in ("binary-classification", "regression"):
        raise JobRefused(f"the task {job['task']!r} is not known; it must be binary-classification or regression")
    resume_from = checkpoint["resumeFrom"]
    return Job(
        run_id=job["run"]["id"],
        attempt=int(job["run"]["attempt"]),
        model=job["model"],
        task=job["task"],
        train_path=Path(data["train"]),
        label=data["label"],
        event_time=data["eventTime"],
        key=tuple(data["key"]),
        as_of=datetime.fromisoformat(data["asOf"]),
        label_horizon_ms=int(data["labelHorizonMs"]),
        features=tuple(Feature(each["name"], each["type"], tuple(each.get("categories", ()))) for each in job["features"]),
        parameters=dict(job["parameters"]),
        seed=int(job["seed"]),
        threads=int(job["threads"]),
        parity_path=Path(job["parity"]["data"]),
        parity_rows=int(job["parity"]["rows"]),
        checkpoint_directory=Path(checkpoint["directory"]),
        resume_from=Path(resume_from) if resume_from else None,
        every_rounds=int(checkpoint["everyRounds"]),
        output_directory=Path(job["output"]["directory"]),
    )
