"""The parameters that a spec may give to this trainer: XGBoost's own names, and `rounds`."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perennial_trainer import Job, JobRefused

_OBJECTIVES = {
    "binary-classification": ("binary:logistic",),
    "regression": ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"),
}


@dataclass(frozen=True)
class Settings:
    rounds: int
    #: "auto", "cpu" or "cuda".
    device: str
    #: Passed to XGBoost as they are.
    booster: dict[str, Any]


def _whole(low: int, high: int) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: type(value) is int and low <= value <= high, f"a whole number from {low} to {high}")


def _real(low: float, high: float = float("inf"), above: bool = False) -> tuple[Callable[[Any], bool], str]:
    bound = f"{'above' if above else 'from'} {low:g}" + ("" if high == float("inf") else f" to {high:g}")
    return (
        lambda value: type(value) in (int, float) and (low < value if above else low <= value) and value <= high,
        f"a number {bound}",
    )


def _one_of(*names: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in names, f"one of {', '.join(names)}")


_TEXT: tuple[Callable[[Any], bool], str] = (lambda value: type(value) is str, "text in XGBoost's form, such as (1,0,-1)")
_SHARE = _real(0, 1, above=True)

_KNOWN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "rounds": _whole(1, 100_000),
    "device": _one_of("auto", "cpu", "cuda"),
    "eta": _real(0, 1, above=True),
    "gamma": _real(0),
    "max_depth": _whole(0, 32),
    "max_leaves": _whole(0, 1_000_000),
    "max_bin": _whole(2, 65_536),
    "grow_policy": _one_of("depthwise", "lossguide"),
    "min_child_weight": _real(0),
    "max_delta_step": _real(0),
    "subsample": _SHARE,
    "colsample_bytree": _SHARE,
    "colsample_bylevel": _SHARE,
    "colsample_bynode": _SHARE,
    "lambda": _real(0),
    "alpha": _real(0),
    "scale_pos_weight": _real(0, above=True),
    "huber_slope": _real(0, above=True),
    "monotone_constraints": _TEXT,
    "interaction_constraints": _TEXT,
}
_ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
_OWN = {"rounds", "device"}


def settings_of(job: Job) -> Settings:
    """Raises JobRefused that names every parameter at fault."""
    faults: list[str] = []
    taken: dict[str, Any] = {}
    known = {**_KNOWN, "objective": _one_of(*_OBJECTIVES[job.task])}
    for given, value in job.parameters.items():
        name = _ALIASES.get(given, given)
        if name not in known:
            faults.append(f"{given} is not known{_suggestion(given, known)}")
        elif name in taken:
            faults.append(f"{given} is given twice, as {name} too")
        elif not known[name][0](value):
            faults.append(f"{given} must be {known[name][1]}, not {value!r}")
        taken[name] = value
    if faults:
        raise JobRefused(f"the XGBoost trainer refuses parameters: {'; '.join(faults)}. It knows {', '.join(sorted(known))}")
    booster = {"objective": _OBJECTIVES[job.task][0], **{name: value for name, value in taken.items() if name not in _OWN}}
    return Settings(taken.get("rounds", 100), taken.get("device", "auto"), booster)


def _suggestion(given: str, known: dict[str, Any]) -> str:
    near = difflib.get_close_matches(given, [*known, *_ALIASES], n=1)
    return f" (did you mean {near[0]}?)" if near else ""
