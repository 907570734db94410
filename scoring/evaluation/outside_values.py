"""Text into days, times and numbers, whatever country wrote it."""

from __future__ import annotations

import re
from datetime import datetime

import polars as pl

#: Tried in this order; the one that reads the most values is taken.
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%b %d, %Y", "%b %d %Y")
_YEAR_FIRST = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%y%m%d")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", " %H:%M:%S%.f")
_FORMATS = tuple(
    day + clock for day in (*_YEAR_FIRST, *_MONTH_FIRST, *_DAY_FIRST) for clock in _CLOCKS
)
_SAMPLE = 5_000
#: Seconds since 1970 between 1990 and 2100; thousandths of them besides.
_EPOCH_S = (631_152_000, 4_102_444_800)
#: In a second.
_UNITS = {"seconds since 1970": 1, "milliseconds since 1970": 1_000}


def as_times(values: pl.Series, form: str | None = None) -> tuple[pl.Series, str]:
    """Times without a zone, null where none can be read; and how they were read, in words."""
    if isinstance(values.dtype, pl.Datetime):
        # Local clocks as written: the day of a purchase is the shop's.
        return values.dt.replace_time_zone(None).dt.cast_time_unit("us"), "as stored"
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")), "as stored"
    text = _cleaned_times(values)
    if form is not None:
        unit = _UNITS.get(form)
        return (_read(text, form) if unit is None else _since_1970(text, unit)), form
    sample = text.drop_nulls()
    if len(sample) > _SAMPLE:
        sample = sample.gather_every(len(sample) // _SAMPLE + 1)
    epoch = _epochs(text, sample)
    if epoch is not None:
        return epoch
    best = _best_formats(sample)
    if not best:
        return pl.Series(values.name, [None] * len(values), pl.Datetime("us")), "not as dates"
    chosen = min(best, key=lambda each: _span(_read(text, each)))
    words = chosen
    if len(best) > 1:
        words += f" (could also be {next(each for each in best if each != chosen)})"
    return _read(text, chosen), words


def form_of(values: pl.Series) -> str | None:
    """How `as_times` reads them, for values that come later; None where it needs no telling."""
    _, words = as_times(values)
    return None if words in ("as stored", "not as dates") else words.partition(" (")[0]


def written_otherwise(values: pl.Series, times: pl.Series, form: str) -> tuple[str, str] | None:
    """A value that `form` could not read, with a format of other days that reads it."""
    left = values.filter(times.is_null() & values.is_not_null()).unique(maintain_order=True)
    text = _cleaned_times(left.head(_SAMPLE))
    for other in _FORMATS:
        if _day_of(other) != _day_of(form):
            read = text.filter(_read(text, other).is_not_null())
            if len(read):
                return str(read[0]), other
    return None


def _day_of(form: str) -> str:
    return re.split(r" %[HI]", form)[0]


def as_numbers(values: pl.Series) -> pl.Series:
    """Finite numbers, null elsewhere: `1,234.50`, `1.234,50`, `$12`, `(12.00)` for less than 0."""
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        numbers = values.cast(pl.Float64)
    else:
        numbers = _numbers_in(values.cast(pl.String))
    # A null stays one: `when` takes it as no.
    return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series().rename(values.name)


def as_names(values: pl.Series) -> pl.Series:
    """Text without blanks around; null for nothing. `17850.0` is the number 17850."""
    if values.dtype.is_float():
        whole = values.is_finite() & (values == values.round())
        plain = values.fill_nan(None)
        text = pl.select(
            pl.when(whole.fill_null(value=False))
            .then(plain.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(plain.cast(pl.String))
        ).to_series()
    else:
        text = values.cast(pl.String).str.strip_chars().str.replace(r"^(\d+)\.0$", "${1}")
    return text.replace("", None).rename(values.name)


def _numbers_in(text: pl.Series) -> pl.Series:
    plain = text.str.strip_chars().str.replace(r"^\((.*)\)$", "-${1}")
    plain = plain.str.replace_all(r"[^0-9eE.,+\-]", "")
    commas = plain.filter(plain.str.contains(",", literal=True).fill_null(value=False))
    # A comma is the decimal one where it comes last and no group of three follows.
    decimal = commas.str.contains(r"^[^,]*,\d*$") & ~commas.str.contains(r"^[+\-]?\d{1,3},\d{3}$")
    if len(commas) and decimal.mean() == 1.0:
        plain = plain.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    else:
        plain = plain.str.replace_all(",", "", literal=True)
    return plain.cast(pl.Float64, strict=False)


def _cleaned_times(values: pl.Series) -> pl.Series:
    text = values.cast(pl.String).str.strip_chars()
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d)T", "${1} ")
    text = text.str.replace(r"(Z|[+-]\d\d:?\d\d)$", "") if _has_zones(text) else text
    return text.replace("", None)


def _has_zones(text: pl.Series) -> bool:
    return bool(text.str.contains(r"\d:\d\d.*(Z|[+-]\d\d:?\d\d)$").fill_null(value=False).any())


def _epochs(text: pl.Series, sample: pl.Series) -> tuple[pl.Series, str] | None:
    numbers = sample.cast(pl.Float64, strict=False)
    if not len(sample) or numbers.null_count() > len(sample) / 10:
        return None
    for words, unit in _UNITS.items():
        low, high = _EPOCH_S[0] * unit, _EPOCH_S[1] * unit
        if int(numbers.is_between(low, high).sum()) > 0.9 * len(sample):
            return _since_1970(text, unit), words
    return None


def _since_1970(text: pl.Series, unit: int) -> pl.Series:
    whole = text.cast(pl.Float64, strict=False)
    fits = whole.is_between(_EPOCH_S[0] * unit, _EPOCH_S[1] * unit)
    kept = pl.select(pl.when(fits).then(whole)).to_series()
    return (kept * (1_000_000 // unit)).cast(pl.Int64).cast(pl.Datetime("us"))


def _best_formats(sample: pl.Series) -> list[str]:
    counted = {form: len(sample) - _read(sample, form).null_count() for form in _FORMATS}
    most = max(counted.values(), default=0)
    return [form for form, count in counted.items() if count == most] if most else []


def _read(text: pl.Series, form: str) -> pl.Series:
    if "%H" in form or "%I" in form:
        return text.str.strptime(pl.Datetime("us"), form, strict=False)
    return text.str.strptime(pl.Date, form, strict=False).cast(pl.Datetime("us"))


def _span(times: pl.Series) -> float:
    """Days between first and last, of formats that read equally many: days and months swapped
    scatter a few weeks over years."""
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return float("inf")
    return (last - first).total_seconds()
