"""Parquet rows as the float32 matrix that a model's ONNX input `features` takes."""

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .failures import DataRefused
from .job import Feature, Job

_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class TrainingData:
    #: float32 [rows, features]; missing values and unknown categories are NaN.
    features: np.ndarray
    #: float32 [rows]; 0 or 1 in a binary classification.
    labels: np.ndarray
    #: Rows of the file that do not train, because their label is missing or not complete yet.
    unlabelled: int


def load_training_data(job: Job) -> TrainingData:
    """The rows whose label is there and complete (event time + label horizon <= as of), in the file's order."""
    names = list(dict.fromkeys([*(feature.name for feature in job.features), job.label, job.event_time]))
    table = _read(job.train_path, names)
    labels = _number(table.column(job.label), job.label)
    usable = ~np.isnan(labels) & _label_complete(table.column(job.event_time), job)
    labels = labels[usable]
    if labels.size == 0:
        raise DataRefused(f"none of the {table.num_rows} rows has a label {job.label!r} that is complete as of {job.as_of.isoformat()}")
    _check_labels(labels, job)
    features = _encode(table.filter(pa.array(usable)), job.features)
    return TrainingData(features, labels.astype(np.float32), table.num_rows - labels.size)


def load_features(path: Path, features: tuple[Feature, ...], rows: int | None = None) -> np.ndarray:
    """float32 [rows, features] of a file's first rows, in its order; of all rows when `rows` is None."""
    names = [feature.name for feature in features]
    return _encode(_read(path, names) if rows is None else _read_first(path, names, rows), features)


def _read(path: Path, columns: list[str]) -> pa.Table:
    with _open(path, columns) as file:
        return file.read(columns=columns)


def _read_first(path: Path, columns: list[str], rows: int) -> pa.Table:
    with _open(path, columns) as file:
        batches, taken = [], 0
        for batch in file.iter_batches(batch_size=65_536, columns=columns):
            if taken >= rows:
                break
            batches.append(batch.slice(0, rows - taken))
            taken += batches[-1].num_rows
        return pa.Table.from_batches(batches, schema=batches[0].schema if batches else pa.schema([(name, pa.float32()) for name in columns]))


def _open(path: Path, columns: list[str]) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise DataRefused(f"{path} cannot be read as Parquet: {error}") from error
    missing = [name for name in columns if name not in file.schema_arrow.names]
    if missing:
        raise DataRefused(f"{path} has no column {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}")
    return file


def _encode(table: pa.Table, features: tuple[Feature, ...]) -> np.ndarray:
    matrix = np.empty((table.num_rows, len(features)), dtype=np.float32)
    for index, feature in enumerate(features):
        column = table.column(feature.name)
        matrix[:, index] = _codes(column, feature) if feature.type == "category" else _float32(column, feature.name)
    return matrix


def _number(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """float64; NaN where the column holds nothing."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)):
        raise DataRefused(f"the column {name!r} is of type {kind} where numbers are wanted")
    wide = pc.cast(pc.cast(column, pa.int8()) if pa.types.is_boolean(kind) else column, pa.float64(), safe=False)
    return pc.fill_null(wide, float("nan")).to_numpy()


def _float32(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """Through float64, as the scoring side reads it, so that both round once; what is not finite in float32 is missing."""
    values = _number(column, name)
    return np.where(np.abs(values) <= _FLOAT32_MAX, values, np.nan).astype(np.float32)


def _codes(column: pa.ChunkedArray, feature: Feature) -> np.ndarray:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_nested(kind):
        raise DataRefused(f"the column {feature.name!r} is of type {kind}, which has no one text form; a category must be text, an integer or a boolean")
    found = pc.index_in(pc.cast(column, pa.string()), value_set=pa.array(feature.categories, pa.string()))
    return pc.fill_null(pc.cast(found, pa.float32()), float("nan")).to_numpy()


def _label_complete(column: pa.ChunkedArray, job: Job) -> np.ndarray:
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise DataRefused(f"the event time {job.event_time!r} is of type {column.type}, not a timestamp")
    instants = pc.cast(column, pa.timestamp("us", column.type.tz if pa.types.is_timestamp(column.type) else None), safe=False)
    as_of_us = round(job.as_of.astimezone(UTC).timestamp() * 1_000) * 1_000
    # A timestamp without a zone is UTC, as everywhere here.
    complete = pc.less_equal(pc.cast(instants, pa.int64()), as_of_us - job.label_horizon_ms * 1_000)
    return pc.fill_null(complete, False).to_numpy()


def _check_labels(labels: np.ndarray, job: Job) -> None:
    if job.task == "regression":
        if (np.abs(labels) > _FLOAT32_MAX).any():
            raise DataRefused(f"the label {job.label!r} holds infinity or numbers beyond float32")
        return
    other = np.unique(labels[(labels != 0) & (labels != 1)])
    if other.size > 0:
        raise DataRefused(f"the label {job.label!r} must be 0 or 1 in a binary classification; it also holds {', '.join(map(str, other[:5]))}")
    if np.unique(labels).size < 2:
        raise DataRefused(f"the label {job.label!r} is {labels[0]:.0f} in all {labels.size} rows; a classifier needs both classes")
