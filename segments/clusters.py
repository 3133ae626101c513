"""Finding groups of like customers: k-means on scaled features, seeded, with the number of groups proposed.

Pure: frames in, frozen results out. Imports scikit-learn inside functions, so that web processes stay small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from segments import intervals

SAMPLE = 5_000  # silhouettes compare every pair: a sample keeps that to seconds
CATEGORIES = 8  # values of a text feature that become columns; rarer ones share none
NUMBERS = ("number", "money", "truth")


class ClusteringError(Exception):
    """A clustering that cannot be made, with the reason in one sentence."""


@dataclass(frozen=True)
class NumberScale:
    """A numeric column as (asinh(x) − centre) / spread: asinh tames long tails and takes zero and negatives."""

    feature: str
    centre: float
    spread: float

    def columns(self, frame: pd.DataFrame) -> np.ndarray:
        values = np.arcsinh(pd.to_numeric(frame[self.feature], errors="coerce").astype(float).to_numpy())
        return np.nan_to_num((values - self.centre) / self.spread, nan=0.0).clip(-4, 4).reshape(-1, 1)


@dataclass(frozen=True)
class CategoryScale:
    """A text column as one column per frequent value, each weighed so that all together count as one feature."""

    feature: str
    values: tuple[str, ...]

    def columns(self, frame: pd.DataFrame) -> np.ndarray:
        given = frame[self.feature].astype("string")
        return np.column_stack([(given == value).fillna(False).astype(float) for value in self.values]) * np.sqrt(0.5)


@dataclass(frozen=True)
class Model:
    """All it takes to put any customer into a group again. `centres`: shape (k, columns)."""

    scales: tuple[NumberScale | CategoryScale, ...]
    centres: tuple[tuple[float, ...], ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Model":
        scales = tuple(
            CategoryScale(row["feature"], tuple(row["values"])) if "values" in row else NumberScale(**row)
            for row in data["scales"]
        )
        return cls(scales, tuple(tuple(row) for row in data["centres"]))

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(scale.feature for scale in self.scales)

    def assign(self, frame: pd.DataFrame) -> np.ndarray:
        """The nearest group of each row: int64, shape (rows,)."""
        matrix, centres = self.matrix(frame), np.array(self.centres)
        # |x−c|² without the |x|² that all groups share
        return np.argmin((centres**2).sum(axis=1) - 2 * matrix @ centres.T, axis=1)

    def matrix(self, frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([scale.columns(frame) for scale in self.scales])


@dataclass(frozen=True)
class Distinction:
    """How one group differs from everyone in one feature, in units a person knows."""

    feature: str
    value: str | None
    inside: float
    everyone: float
    strength: float
    """Numbers: difference of means in standard deviations (Cohen's d). Values: difference of shares ÷ its
    standard deviation √(p(1−p)), so that both kinds sort together."""
    low: float | None = None
    high: float | None = None
    """95 % interval of `inside`; None where it was not reckoned."""

    @property
    def lift(self) -> float | None:
        """How many times everyone's figure; None where that is 0."""
        return self.inside / self.everyone if self.everyone else None

    @property
    def is_certain(self) -> bool:
        """Whether everyone's figure lies outside of the interval."""
        return self.low is None or self.high is None or not self.low <= self.everyone <= self.high


@dataclass(frozen=True)
class Group:
    position: int
    size: int
    distinctions: tuple[Distinction, ...]


@dataclass(frozen=True)
class Quality:
    """How well k groups fit. Silhouette: Rousseeuw 1987, −1…1. Stability: adjusted Rand index (Hubert and Arabie
    1985) between the groups two random halves give, 0…1."""

    k: int
    silhouette: float
    stability: float


@dataclass(frozen=True)
class Clusters:
    model: Model
    labels: np.ndarray
    groups: tuple[Group, ...]


def on_two_components(
    frame: pd.DataFrame, model: Model, *, most: int, seed: int
) -> tuple[tuple[float, float, int], ...]:
    """At most `most` rows, drawn with the seed, on the first two principal components, with their group."""
    sample = frame.sample(min(len(frame), most), random_state=seed)
    matrix = model.matrix(sample)
    centred = matrix - matrix.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    places = np.zeros((len(sample), 2))
    places[:, : len(axes)] = centred @ axes.T
    return tuple((float(x), float(y), int(group)) for (x, y), group in zip(places, model.assign(sample), strict=True))


def scales_for(frame: pd.DataFrame, kinds: Mapping[str, str]) -> tuple[NumberScale | CategoryScale, ...]:
    """A scale per feature that varies at all; features that are the same for everyone tell nothing."""
    made = [
        _number_scale(frame, key) if kind in NUMBERS else _category_scale(frame, key) for key, kind in kinds.items()
    ]
    scales = tuple(scale for scale in made if scale)
    if not scales:
        raise ClusteringError("None of the chosen features varies between these customers.")
    return scales


def _number_scale(frame: pd.DataFrame, key: str) -> NumberScale | None:
    values = np.arcsinh(pd.to_numeric(frame[key], errors="coerce").astype(float).dropna())
    spread = float(values.std()) if len(values) > 1 else 0.0
    return NumberScale(key, float(values.mean()), spread) if spread > 1e-9 else None


def _category_scale(frame: pd.DataFrame, key: str) -> CategoryScale | None:
    counts = frame[key].dropna().astype("string").value_counts()
    values = tuple(sorted(counts.head(CATEGORIES).index))
    return CategoryScale(key, values) if len(counts) > 1 else None


def propose(
    frame: pd.DataFrame, kinds: Mapping[str, str], *, ks: Sequence[int] = range(2, 9), seed: int
) -> tuple[Quality, ...]:
    """Quality of each possible number of groups, on a seeded sample of at most 5,000 customers."""
    from sklearn.metrics import silhouette_score

    sample = frame.sample(min(len(frame), SAMPLE), random_state=seed)
    matrix = Model(scales_for(sample, kinds), ()).matrix(sample)
    most = min(max(ks), len(np.unique(matrix, axis=0)), len(matrix) - 1)
    if most < 2:
        raise ClusteringError("There are too few different customers to form groups.")
    return tuple(
        Quality(
            k,
            silhouette=float(silhouette_score(matrix, _fit(matrix, k, seed).labels_, random_state=seed)),
            stability=_stability(matrix, k, seed),
        )
        for k in ks
        if k <= most
    )


def best(qualities: Sequence[Quality]) -> int:
    """The number with the highest silhouette × stability; between near equals (2 %) the smaller."""
    top = max(q.silhouette * q.stability for q in qualities)
    return min(q.k for q in qualities if q.silhouette * q.stability >= 0.98 * top)


def find(frame: pd.DataFrame, kinds: Mapping[str, str], *, k: int, seed: int) -> Clusters:
    """k groups of the rows of `frame`, numbered from the largest. The same frame and seed give the same groups."""
    scales = scales_for(frame, kinds)
    matrix = Model(scales, ()).matrix(frame)
    if len(np.unique(matrix, axis=0)) < k:
        raise ClusteringError("There are fewer different customers in these features than groups asked for.")
    fitted = _fit(matrix, k, seed)
    order = np.argsort(-np.bincount(fitted.labels_, minlength=k), kind="stable")
    model = Model(scales, tuple(tuple(float(x) for x in row) for row in fitted.cluster_centers_[order]))
    labels = model.assign(frame)
    groups = tuple(Group(i, int((labels == i).sum()), distinctions(frame, kinds, labels == i)) for i in range(k))
    return Clusters(model, labels, groups)


def matched(before: np.ndarray, after: np.ndarray, olds: int, news: int) -> list[tuple[int, int, float]]:
    """Pairs of an earlier and a later group with their Jaccard index, each in one pair, so that the sum is the largest
    (Kuhn 1955). `before` and `after`: the group of each row, shape (rows,)."""
    from scipy.optimize import linear_sum_assignment

    shared = np.zeros((olds, news))
    np.add.at(shared, (before, after), 1)
    either = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
    jaccard = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
    return [(int(i), int(j), float(jaccard[i, j])) for i, j in zip(*linear_sum_assignment(-jaccard), strict=True)]


def _fit(matrix: np.ndarray, k: int, seed: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(n_clusters=k, n_init=5, random_state=seed).fit(matrix)


def _stability(matrix: np.ndarray, k: int, seed: int) -> float:
    from sklearn.metrics import adjusted_rand_score

    halves = np.array_split(np.random.default_rng(seed).permutation(len(matrix)), 2)
    if min(len(half) for half in halves) < k:
        return 0.0
    one, other = (_fit(matrix[half], k, seed).predict(matrix) for half in halves)
    return max(0.0, float(adjusted_rand_score(one, other)))


def distinctions(
    frame: pd.DataFrame, kinds: Mapping[str, str], inside: np.ndarray, *, most: int = 8
) -> tuple[Distinction, ...]:
    """What sets the marked rows apart from all rows, the telling features first. `inside`: bool, shape (rows,)."""
    found: list[Distinction] = []
    for key, kind in kinds.items():
        found += _number_distinction(frame, key, inside) if kind in NUMBERS else _value_distinctions(frame, key, inside)
    return tuple(sorted(found, key=lambda d: (-abs(d.strength), d.feature, d.value or ""))[:most])


def _number_distinction(frame: pd.DataFrame, key: str, inside: np.ndarray) -> list[Distinction]:
    values = pd.to_numeric(frame[key], errors="coerce").astype(float)
    own, everyone, spread = values[inside], float(values.mean()), values.std()
    here = float(own.mean())
    if not spread > 0 or np.isnan(here):
        return []
    low, high = intervals.of_mean(here, float(own.std()), int(own.count()))
    return [Distinction(key, None, here, everyone, float((here - everyone) / spread), low, high)]


def _value_distinctions(frame: pd.DataFrame, key: str, inside: np.ndarray) -> list[Distinction]:
    given = frame[key].astype("string").fillna("")
    everyone, here = given.value_counts(normalize=True), given[inside].value_counts(normalize=True)
    rows = []
    for value, share in everyone.head(CATEGORIES).items():
        if value and 0 < share < 1:
            own = float(here.get(value, 0.0))
            strength = float((own - share) / np.sqrt(share * (1 - share)))
            between = intervals.of_share(own, int(inside.sum()))
            rows.append(Distinction(key, str(value), own, float(share), strength, *between))
    return rows
