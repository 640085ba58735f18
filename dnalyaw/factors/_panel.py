"""The wide panel that factors are evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import polars as pl

from dnalyaw.factors._errors import FactorDataError
from dnalyaw.factors._fields import FIELDS

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_KEYS = ("session", "instrument_id")


@dataclass(frozen=True)
class Panel:
    """Fields of T sessions x N instruments.

    Attributes
    ----------
    sessions : ndarray of datetime64[D], shape (T,)
        Ascending. Every session of the calendar between the first and the last should be there: windows
        count rows.
    instrument_ids : ndarray of int64, shape (N,)
        Distinct.
    fields : mapping of str to ndarray of float64, shape (T, N)
        Finite, or NaN where absent. Units as in `FIELDS`.
    groups : mapping of str to ndarray of int64, shape (T, N)
        Codes of groups; -1 is unknown, and the unknown form one group.

    Raises
    ------
    FactorDataError
        A shape, a type, an infinite value or an order that does not fit.
    """

    sessions: npt.NDArray[np.datetime64]
    instrument_ids: Codes
    fields: Mapping[str, Array]
    groups: Mapping[str, Codes]

    def __post_init__(self) -> None:
        shape = (len(self.sessions), len(self.instrument_ids))
        if len(self.sessions) > 1 and not (np.diff(self.sessions) > np.timedelta64(0, "D")).all():
            raise FactorDataError(
                "panel: sessions must ascend without repeats; sort them and drop duplicates"
            )
        if len(np.unique(self.instrument_ids)) != shape[1]:
            raise FactorDataError("panel: instrument_ids repeat; give each instrument one column")
        fields = {name: self._checked(name, values, shape) for name, values in self.fields.items()}
        groups = {}
        for name, codes in self.groups.items():
            if codes.shape != shape or codes.dtype.kind != "i":
                raise FactorDataError(
                    f"panel: group {name} has shape {codes.shape} of {codes.dtype}, wanted {shape} of int64"
                )
            groups[name] = _frozen(np.ascontiguousarray(codes, dtype=np.int64))
        object.__setattr__(self, "fields", MappingProxyType(fields))
        object.__setattr__(self, "groups", MappingProxyType(groups))

    def _checked(self, name: str, values: Array, shape: tuple[int, int]) -> Array:
        if values.shape != shape or values.dtype != np.float64:
            raise FactorDataError(
                f"panel: field {name} has shape {values.shape} of {values.dtype}, wanted {shape} of float64"
            )
        infinite = np.isinf(values)
        if infinite.any():
            row, column = (int(i[0]) for i in np.nonzero(infinite))
            raise FactorDataError(
                f"panel: field {name} is infinite at session {self.sessions[row]}, instrument "
                f"{self.instrument_ids[column]}; make it NaN or mend its source"
            )
        # 0.0 for -0.0, see _evaluate.
        return _frozen(np.ascontiguousarray(values) + 0.0)

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions and instruments, (T, N)."""
        return len(self.sessions), len(self.instrument_ids)

    @property
    def available(self) -> frozenset[str]:
        """Names of fields and groups that hold at least one value."""
        held = {name for name, values in self.fields.items() if np.isfinite(values).any()}
        return frozenset(held | {name for name, codes in self.groups.items() if (codes >= 0).any()})

    def slice(self, start: int, stop: int) -> Panel:
        """Return the sessions [start, stop) as a panel of its own."""
        return Panel(
            self.sessions[start:stop],
            self.instrument_ids,
            {name: values[start:stop] for name, values in self.fields.items()},
            {name: codes[start:stop] for name, codes in self.groups.items()},
        )

    @classmethod
    def from_long(cls, frame: pl.DataFrame) -> Panel:
        """Build a panel from one row a session and instrument.

        Parameters
        ----------
        frame : polars.DataFrame
            Columns ``session`` (Date), ``instrument_id`` (integer), numeric fields, and groups such as
            ``sector`` (text; null = unknown). Other columns are refused only when they are neither number
            nor text; time columns are ignored.

        Returns
        -------
        Panel
            Sessions and instruments ascending.

        Raises
        ------
        FactorDataError
            A key column is missing, null or repeated, or a field is of no usable type.
        """
        _check_keys(frame)
        sessions = frame["session"].unique().sort()
        instruments = frame["instrument_id"].cast(pl.Int64).unique().sort()
        shape = (len(sessions), len(instruments))
        session_values = sessions.to_numpy().astype("datetime64[D]")
        instrument_values = instruments.to_numpy().astype(np.int64)
        rows = np.searchsorted(session_values, frame["session"].to_numpy().astype("datetime64[D]"))
        columns = np.searchsorted(instrument_values, frame["instrument_id"].cast(pl.Int64).to_numpy())
        cells = rows * shape[1] + columns
        if len(np.unique(cells)) != len(cells):
            twice = frame.select(_KEYS).filter(pl.struct(_KEYS).is_duplicated()).row(0)
            raise FactorDataError(
                f"panel: session {twice[0]}, instrument {twice[1]} has more than one row; keep one"
            )
        fields: dict[str, Array] = {}
        groups: dict[str, Codes] = {}
        for name, dtype in frame.schema.items():
            if name in _KEYS or dtype.is_temporal():
                continue
            if dtype.is_numeric() or dtype == pl.Boolean or dtype == pl.Null:
                if name in FIELDS and FIELDS[name].source == "group":
                    groups[name] = _scatter_codes(frame[name].cast(pl.String), cells, shape)
                else:
                    values = np.full(shape, np.nan)
                    values.ravel()[cells] = frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
                    fields[name] = values
            elif dtype in (pl.String, pl.Categorical) or isinstance(dtype, pl.Enum):
                groups[name] = _scatter_codes(frame[name].cast(pl.String), cells, shape)
            else:
                raise FactorDataError(
                    f"panel: column {name} is {dtype}; a field is a number, a group is text"
                )
        return cls(session_values, instrument_values, fields, groups)


def _check_keys(frame: pl.DataFrame) -> None:
    for key in _KEYS:
        if key not in frame.columns:
            raise FactorDataError(f"panel: the frame has no column {key}; it has {', '.join(frame.columns)}")
        if frame[key].null_count():
            raise FactorDataError(
                f"panel: column {key} has {frame[key].null_count()} nulls; every row needs its key"
            )
    if frame.schema["session"] != pl.Date:
        raise FactorDataError(f"panel: session is {frame.schema['session']}, wanted Date")
    if not frame.schema["instrument_id"].is_integer():
        raise FactorDataError(f"panel: instrument_id is {frame.schema['instrument_id']}, wanted an integer")


def _scatter_codes(labels: pl.Series, cells: Codes, shape: tuple[int, int]) -> Codes:
    known = labels.drop_nulls().unique().sort()
    codes = np.full(shape, -1, dtype=np.int64)
    own = labels.replace_strict(known, range(len(known)), default=-1, return_dtype=pl.Int64)
    codes.ravel()[cells] = own.to_numpy()
    return codes


def _frozen(values: npt.NDArray) -> npt.NDArray:
    view = values.view()
    view.flags.writeable = False
    return view
