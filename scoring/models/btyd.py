"""Pareto/NBD: how often somebody buys while alive, and whether they still are, from three numbers.

Schmittlein, Morrison, Colombo, "Counting Your Customers" (1987), in the notation and with the
closed forms of Fader and Hardie, "A Note on Deriving the Pareto/NBD Model and Related Expressions"
(2005). Buying is Poisson with a rate ~ Gamma(r, alpha), life ends at a rate ~ Gamma(s, beta).

Everything is computed in logarithms, and the Gauss hypergeometric function after Euler's
transformation, which leaves a factor between 1 and 1/(1-z): nothing overflows at 10,000 purchases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, hyp2f1

Floats = NDArray[np.float64]

#: More customers than this are sampled for the fit: four numbers need no more.
MAX_FITTED = 25_000
#: Parameters are looked for between exp of these.
_BOUNDS = (-7.0, 9.0)
_STARTS = ((0.0, 2.0, 0.0, 2.0), (-0.5, 1.0, -0.5, 3.0), (0.5, 3.0, -1.5, 4.0))
#: A trait further from the middle moves no more than one so far.
MOST_SPREADS = 3.0
#: As if so many customers had been seen whom the traits do not move.
_TRAIT_PULL = 10.0
#: Of the continued fraction; a few dozen are the rule.
_MOST_TERMS = 1_000
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True, slots=True)
class Histories:
    """By customer: `repeats` is how many purchases followed the first (on other days), `recency`
    the time from the first to the last, `age` the time from the first until now. `traits` are
    numbers known since the first purchase, a column each; there may be none."""

    repeats: Floats
    recency: Floats
    age: Floats
    traits: Floats

    @classmethod
    def of(
        cls, repeats: object, recency: object, age: object, traits: Floats | None = None
    ) -> Histories:
        """Puts right what cannot be: a last purchase after now or before the first."""
        x = np.maximum(np.nan_to_num(np.asarray(repeats, dtype=np.float64)), 0.0)
        t_x = np.nan_to_num(np.asarray(recency, dtype=np.float64))
        until = np.maximum(np.nan_to_num(np.asarray(age, dtype=np.float64)), 0.0)
        kept = np.zeros((len(x), 0)) if traits is None else np.nan_to_num(traits)
        return cls(x, np.where(x > 0, np.clip(t_x, 0.0, until), 0.0), until, kept)

    def __len__(self) -> int:
        return len(self.repeats)

    def chosen(self, which: NDArray[np.int64]) -> Histories:
        return Histories(
            self.repeats[which], self.recency[which], self.age[which], self.traits[which]
        )

    def in_units_of(self, unit: float) -> Histories:
        return Histories(self.repeats, self.recency / unit, self.age / unit, self.traits)


@dataclass(frozen=True, slots=True)
class _Rates:
    """`alpha` and `beta` by customer."""

    r: float
    alpha: Floats
    s: float
    beta: Floats


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """Times are in the unit of the histories that it was fitted to. `buying` and `dying` say how
    each trait, less its `centre` and by its `spread`, moves the logarithm of the two rates."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float = float("nan")
    buying: tuple[float, ...] = ()
    dying: tuple[float, ...] = ()
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    def alive(self, seen: Histories) -> Floats:
        """P(alive now)."""
        rates = self._rates(seen)
        x, age = seen.repeats, seen.age
        log_odds_dead = (
            np.log(rates.s)
            - np.log(rates.r + rates.s + x)
            + (rates.r + x) * np.log(rates.alpha + age)
            + rates.s * np.log(rates.beta + age)
            + _log_dead_part(rates, seen)
        )
        return np.asarray(expit(-log_odds_dead))

    def expected(self, seen: Histories, horizon: float) -> Floats:
        """Purchases within `horizon` from now."""
        rates = self._rates(seen)
        life = rates.beta + seen.age
        grown = np.log1p(horizon / life)
        exponent = rates.s - 1
        # (1 - exp(-e*g)) / e, which is g where s is 1.
        lived = grown if abs(exponent) < 1e-9 else -np.expm1(-exponent * grown) / exponent
        rate = (rates.r + seen.repeats) / (rates.alpha + seen.age)
        return np.asarray(self.alive(seen) * rate * life * lived)

    def buys(self, seen: Histories, horizon: float) -> Floats:
        """P(at least one purchase within `horizon` from now)."""
        rates = self._rates(seen)
        shape, scale = (rates.r + seen.repeats)[:, None], (rates.alpha + seen.age)[:, None]
        life = (rates.beta + seen.age)[:, None]
        # Of somebody alive now: no purchase before the end, or before life ended at u.
        # u = life * (exp(v) - 1) makes the density of u smooth at both ends.
        width = np.log1p(horizon / life)
        v = width * (_NODES + 1) / 2
        u = life * np.expm1(v)
        dying = rates.s * np.exp(-rates.s * v - shape * np.log1p(u / scale))
        none = (dying @ _NODE_WEIGHTS)[:, None] * width / 2
        none += np.exp(-shape * np.log1p(horizon / scale) - rates.s * width)
        return np.asarray(self.alive(seen) * np.clip(1 - none[:, 0], 0.0, 1.0))

    def _rates(self, seen: Histories) -> _Rates:
        if not self.buying:
            flat = np.ones(len(seen))
            return _Rates(self.r, self.alpha * flat, self.s, self.beta * flat)
        traits = (seen.traits - np.array(self.centre)) / np.array(self.spread)
        moved = np.clip(traits, -MOST_SPREADS, MOST_SPREADS)
        return _Rates(
            self.r,
            self.alpha * np.exp(-moved @ np.array(self.buying)),
            self.s,
            self.beta * np.exp(-moved @ np.array(self.dying)),
        )


def fit(
    seen: Histories,
    *,
    start: ParetoNbd | None = None,
    most: int = MAX_FITTED,
    seed: int = 7,
) -> ParetoNbd:
    """Maximum likelihood, with a slight pull of the traits' numbers towards 0. Histories without a
    single age above 0 say nothing: a vague prior comes back. `start`: a fit of similar histories,
    from which the way is short. Of more customers than `most` so many are drawn."""
    if not len(seen) or not seen.age.max() > 0:
        return ParetoNbd(1.0, 10.0, 1.0, 10.0)
    if len(seen) > most:
        random = np.random.default_rng(seed)
        seen = seen.chosen(random.choice(len(seen), most, replace=False))
    unit = float(np.median(seen.age[seen.age > 0])) / 39.0
    centre, spread = seen.traits.mean(axis=0), seen.traits.std(axis=0)
    moved = (seen.traits - centre) / np.maximum(spread, 1e-9)
    moved = np.clip(moved, -MOST_SPREADS, MOST_SPREADS)
    scaled, counts = _distinct(Histories(seen.repeats, seen.recency / unit, seen.age / unit, moved))
    best = _most_likely(scaled, counts, _point_of(start, unit, scaled))
    r, alpha, s, beta = (float(number) for number in np.exp(best[:4]))
    buying, dying = np.split(best[4:], 2)
    # The unit of time changes the density of each purchase that was counted.
    likelihood = counts @ _log_likelihoods(_rates_from(best, scaled), scaled)
    likelihood -= seen.repeats.sum() * np.log(unit)
    return ParetoNbd(
        r,
        alpha * unit,
        s,
        beta * unit,
        float(likelihood),
        tuple(buying.tolist()),
        tuple(dying.tolist()),
        tuple(centre.tolist()),
        tuple(np.maximum(spread, 1e-9).tolist()),
    )


def _point_of(start: ParetoNbd | None, unit: float, scaled: Histories) -> Floats | None:
    if start is None or len(start.buying) != scaled.traits.shape[1]:
        return None
    logs = np.log([start.r, start.alpha / unit, start.s, start.beta / unit])
    return np.concatenate((np.clip(logs, *_BOUNDS), start.buying, start.dying))


def _most_likely(scaled: Histories, counts: Floats, start: Floats | None) -> Floats:
    """Logarithms of r, alpha, s, beta; then what each trait adds to buying, and to dying."""
    # Only training needs it, and it takes a server a good part of its start.
    from scipy.optimize import minimize

    traits = scaled.traits.shape[1]

    def loss(point: Floats) -> float:
        rates = _rates_from(point, scaled)
        # At the edge of what is looked at a likelihood may be 0/0; that point is no good then.
        with np.errstate(invalid="ignore", over="ignore"):
            likelihood = float(counts @ _log_likelihoods(rates, scaled))
        pull = _TRAIT_PULL * float(point[4:] @ point[4:])
        found = (pull - likelihood) / float(counts.sum())
        return found if np.isfinite(found) else 1e10

    bounds = [_BOUNDS] * 4 + [(-2.0, 2.0)] * 2 * traits
    none = (0.0,) * 2 * traits
    starts = [
        np.array(each + none) for each in _STARTS[: 1 if len(scaled) > 5_000 or traits else 3]
    ]
    if start is not None:
        starts = [start]
    tries = [minimize(loss, point, method="L-BFGS-B", bounds=bounds) for point in starts]
    return np.asarray(min(tries, key=lambda each: float(each.fun)).x)


def _rates_from(point: Floats, seen: Histories) -> _Rates:
    r, alpha, s, beta = (float(number) for number in np.exp(point[:4]))
    buying, dying = np.split(point[4:], 2)
    return _Rates(r, alpha * np.exp(-seen.traits @ buying), s, beta * np.exp(-seen.traits @ dying))


def _log_likelihoods(rates: _Rates, seen: Histories) -> Floats:
    r, s, alpha, beta = rates.r, rates.s, rates.alpha, rates.beta
    x, age = seen.repeats, seen.age
    alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    dead = np.log(s) - np.log(r + s + x) + _log_dead_part(rates, seen)
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return np.asarray(constant + np.logaddexp(alive, dead))


def _log_dead_part(rates: _Rates, seen: Histories) -> Floats:
    """log A0 of Fader and Hardie (2005), equation 21; -inf where the last purchase is now."""
    early = _log_dead_from(rates, seen.repeats, seen.recency)
    late = _log_dead_from(rates, seen.repeats, seen.age)
    with np.errstate(divide="ignore"):
        return np.asarray(early + np.log(-np.expm1(np.minimum(late - early, 0.0))))


def _log_dead_from(rates: _Rates, x: Floats, time: Floats) -> Floats:
    """The two cases alpha >= beta and alpha < beta are one function with the roles swapped."""
    r, s, alpha, beta = rates.r, rates.s, rates.alpha, rates.beta
    total = r + s + x
    larger = np.maximum(alpha, beta)
    # 1 - z is kept apart: z may be so near to 1 that nothing is left of the difference.
    z = np.abs(alpha - beta) / (larger + time)
    rest = (np.minimum(alpha, beta) + time) / (larger + time)
    first = alpha >= beta
    series = _gauss(np.where(first, r + x, s + 1), total + 1, np.minimum(z, 1 - 1e-9))
    exponent = np.where(first, -s, 1 - r - x)
    return np.asarray(np.log(series) + exponent * np.log(rest) - total * np.log(larger + time))


def _gauss(b: Floats, c: Floats, z: Floats) -> Floats:
    """2F1(1, b; c; z) for c > b > 0 and 0 <= z < 1. Where scipy 1.17 says NaN (b=7, c=107,
    z=10/11), by the continued fraction."""
    found = np.asarray(hyp2f1(1.0, b, c, z))
    odd = ~np.isfinite(found)
    if odd.any():
        found[odd] = by_fraction(b[odd], c[odd], z[odd])
    return found


def by_fraction(b: Floats, c: Floats, z: Floats) -> Floats:
    """Gauss's (DLMF 15.7.5), evaluated after Lentz."""
    found, up, down = np.ones_like(z), np.ones_like(z), np.zeros_like(z)
    for step in range(1, _MOST_TERMS):
        n = step // 2
        if step % 2:
            part = (b + n) * (c - 1 + n) / ((c - 1 + 2 * n) * (c + 2 * n))
        else:
            part = n * (c - 1 - b + n) / ((c + 2 * n - 2) * (c + 2 * n - 1))
        down = 1 / (1 - part * z * down)
        up = 1 - part * z / up
        change = up * down
        found = found * change
        if step % 8 == 0 and np.abs(change - 1).max(initial=0.0) < 1e-12:
            break
    return np.asarray(1 / found)


def _distinct(seen: Histories) -> tuple[Histories, Floats]:
    """Equal histories once, with how many there are."""
    rows = np.column_stack((seen.repeats, seen.recency, seen.age, seen.traits))
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    found = Histories(distinct[:, 0], distinct[:, 1], distinct[:, 2], distinct[:, 3:])
    return found, counts.astype(np.float64)
