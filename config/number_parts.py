"""A number taken apart into what is spoken."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

#: Nobody can follow more by ear.
MAX_DECIMALS = 6
#: Babel counts with as many digits.
_EXACT = Context(prec=28)


@dataclass(frozen=True, slots=True)
class Decimals:
    """`decimals` are the digits after the point, without zeros at their end."""

    negative: bool
    whole: int
    decimals: str


def rounded(number: int | float | Decimal, places: int) -> Decimal:
    """Half away from zero. Raises ValueError for what is not a finite number of at most 28
    digits."""
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        raise ValueError(f"{type(number).__name__} is not a number")
    # A float is meant as it is written, 0.1, not as it is stored.
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite():
        raise ValueError("not a number that can be said")
    try:
        return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)
    except InvalidOperation as error:
        raise ValueError("not a number that can be said") from error


def taken_apart(number: int | float | Decimal, places: int = MAX_DECIMALS) -> Decimals:
    """Raises ValueError as `rounded` does."""
    found = rounded(number, places)
    whole, _, decimals = f"{abs(found):f}".partition(".")
    return Decimals(bool(found < 0), int(whole), decimals.rstrip("0"))
