"""Clusters on data with planted groups, and against scikit-learn's own reading of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from segments import clusters

KINDS = {"orders": "number", "spend": "money", "city": "text", "constant": "number"}


def planted(seed: int = 7, each: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = [(2, 20, "Oulu"), (30, 40, "Helsinki"), (5, 5000, "Turku")]
    frame = pd.concat(
        pd.DataFrame(
            {
                "orders": rng.poisson(orders, each),
                "spend": rng.normal(spend, spend / 10, each),
                "city": rng.choice([city, "Pori"], each, p=[0.9, 0.1]),
                "constant": 1,
            }
        )
        for orders, spend, city in rows
    ).reset_index(drop=True)
    return frame, np.repeat([0, 1, 2], each)


def test_proposes_the_number_of_groups_that_was_planted() -> None:
    frame, _ = planted()
    assert clusters.best(clusters.propose(frame, KINDS, seed=1)) == 3


def test_finds_the_planted_groups_and_describes_each_by_what_sets_it_apart() -> None:
    frame, truth = planted()
    found = clusters.find(frame, KINDS, k=3, seed=1)
    assert adjusted_rand_score(truth, found.labels) > 0.97
    rich = found.groups[found.labels[-1]]
    assert rich.distinctions[0].feature in ("spend", "city")
    spend = next(d for d in rich.distinctions if d.feature == "spend")
    assert spend.inside == pytest.approx(frame.spend[found.labels == found.labels[-1]].mean())
    assert all(d.feature != "constant" for group in found.groups for d in group.distinctions)


def test_the_same_seed_gives_the_same_groups_and_the_stored_model_assigns_them_again() -> None:
    frame, _ = planted()
    one, two = (clusters.find(frame, KINDS, k=3, seed=5) for _ in range(2))
    assert (one.labels == two.labels).all()
    again = clusters.Model.from_json(one.model.as_json())
    assert (again.assign(frame) == one.labels).all()
    assert [group.size for group in one.groups] == sorted((g.size for g in one.groups), reverse=True)


def test_missing_values_do_not_stop_it() -> None:
    frame, _ = planted()
    frame.loc[::3, "spend"] = np.nan
    frame.loc[::5, "city"] = None
    assert len(clusters.find(frame, KINDS, k=3, seed=1).groups) == 3


@pytest.mark.parametrize("kinds", [{"constant": "number"}, {}])
def test_features_that_do_not_vary_are_refused_with_a_reason(kinds: dict[str, str]) -> None:
    with pytest.raises(clusters.ClusteringError, match="varies"):
        clusters.find(planted()[0], kinds, k=2, seed=1)
