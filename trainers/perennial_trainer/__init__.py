"""What a trainer written in Python needs to keep the contract `perennial.trainer/v1` (docs/TRAINERS.md)."""

from .failures import DataRefused, JobRefused, TryAgainLater
from .job import Feature, Job
from .matrix import TrainingData
from .session import Session, run_trainer

__all__ = ["DataRefused", "Feature", "Job", "JobRefused", "Session", "TrainingData", "TryAgainLater", "run_trainer"]
