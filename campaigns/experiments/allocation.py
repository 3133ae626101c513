"""Which arm each person gets: a salted hash decides, balanced inside every stratum, the same for ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray


class AllocationError(ValueError):
    """People or weights that cannot be allocated."""


@dataclass(frozen=True)
class Weights:
    """Arm keys with their shares, in the order of the plan; a hold-out is an arm like the others."""

    arms: tuple[str, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> "Weights":
        """Any non-negative weights, scaled to sum to one. Raises `AllocationError`."""
        total = sum(weights.values())
        if not weights or total <= 0 or min(weights.values()) < 0:
            raise AllocationError(f"weights must not be negative and need a positive sum: {dict(weights)}")
        return cls(tuple(weights), tuple(weight / total for weight in weights.values()))

    def arm_numbers(self, places: NDArray[np.float64]) -> NDArray[np.intp]:
        """Number of the arm in whose stretch of [0, 1) each place lies."""
        edges = np.cumsum(self.shares)[:-1]
        return np.searchsorted(edges, places, side="right")


def draw(seed: str, person: str) -> int:
    """The person's lot for this seed, 0 … 2⁶⁴−1: the first eight bytes of SHA-256("seed|person").

    SHA-256 (FIPS 180-4), because PostgreSQL, DuckDB and ClickHouse can compute the same lot in SQL.
    """
    return int.from_bytes(sha256(f"{seed}|{person}".encode()).digest()[:8], "big")


def draws(seed: str, people: Sequence[str]) -> NDArray[np.uint64]:
    """`draw` for many people at once."""
    salted = sha256(f"{seed}|".encode())

    def lot(person: str) -> bytes:
        state = salted.copy()
        state.update(person.encode())
        return state.digest()[:8]

    return np.frombuffer(b"".join(map(lot, people)), dtype=">u8").astype(np.uint64)


def arm_of(seed: str, person: str, weights: Weights) -> str:
    """The arm of one person who arrives alone (journeys): balanced in the long run only."""
    place = np.array([draw(seed, person) / 2**64])
    return weights.arms[int(weights.arm_numbers(np.minimum(place, np.nextafter(1, 0)))[0])]


def allocate(
    people: Sequence[str],
    strata: Sequence[str],
    weights: Weights,
    *,
    seed: str,
    stored: Mapping[str, str] | None = None,
) -> list[str]:
    """Arms for all people, in their order; each arm's count in a stratum is within one of its exact share.

    Systematic sampling (Madow and Madow 1944): inside a stratum people stand in the order of their lots and arms are
    dealt along [0, 1) from a random start, so a person's chance of an arm is its share even in a stratum of one.
    The answer does not depend on the order of `people`. People in `stored` keep their arm; the others are balanced
    among themselves. Raises `AllocationError` for doubles, unequal lengths or stored arms the plan does not have.
    """
    stored = stored or {}
    _refuse_bad_input(people, strata, weights, stored)
    newcomers = [number for number, person in enumerate(people) if person not in stored] if stored else None
    if newcomers is None:
        return _deal(people, strata, weights, seed)
    arms = [stored.get(person, "") for person in people]
    dealt = _deal([people[i] for i in newcomers], [strata[i] for i in newcomers], weights, seed)
    for number, arm in zip(newcomers, dealt, strict=True):
        arms[number] = arm
    return arms


def _refuse_bad_input(
    people: Sequence[str], strata: Sequence[str], weights: Weights, stored: Mapping[str, str]
) -> None:
    if len(people) != len(strata):
        raise AllocationError(f"{len(people)} people but {len(strata)} strata")
    if len(set(people)) != len(people):
        raise AllocationError("a person is listed twice")
    if unknown := set(stored.values()) - set(weights.arms):
        raise AllocationError(f"stored arms {sorted(unknown)} are not among {list(weights.arms)}")


def _deal(people: Sequence[str], strata: Sequence[str], weights: Weights, seed: str) -> list[str]:
    if not people:
        return []
    names = sorted(set(strata))
    numbers = {name: number for number, name in enumerate(names)}
    stratum = np.fromiter(map(numbers.__getitem__, strata), dtype=np.intp, count=len(strata))
    order = np.lexsort((draws(seed, people), stratum))
    sizes = np.bincount(stratum)
    rank = np.empty(len(people), dtype=np.int64)
    rank[order] = np.arange(len(people)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    starts = draws(f"{seed}|start", names) / 2**64
    places = ((rank + starts[stratum]) / sizes[stratum]) % 1.0
    arms = np.array(weights.arms, dtype=object)
    chosen: list[str] = arms[weights.arm_numbers(places)].tolist()
    return chosen
