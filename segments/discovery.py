"""Clusterings as rows: asked for, run in a worker on the warehouse, kept so that they can be shown again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from crm.refusals import Refused
from profiles import queries as profile_queries
from segments import clusters, distilling, evaluation, ledger, wording
from segments.models import Cluster, Clustering
from segments.rules import reading, writing

MOST_GROUPS = 12
MOST_FEATURES = 12
KINDS = (*clusters.NUMBERS, "text", "choice")
REASONS = (  # kept in English, said in the reader's language
    gettext_lazy("None of the chosen features varies between these customers."),
    gettext_lazy("There are too few different customers to form groups."),
    gettext_lazy("There are fewer different customers in these features than groups asked for."),
)


SAME = 0.5  # Jaccard index from which a group carries on an earlier one
LOOKED_AT = 20  # earlier searches


@dataclass(frozen=True)
class Line:
    """The group that a new one carries on, and how alike their people are today."""

    group: Cluster
    likeness: float


@dataclass(frozen=True)
class Distilled:
    """A rule for a group. `precision`: share of those it lets in who are in the group; `recall`: of the group."""

    rule: dict[str, Any] | None
    precision: float | None
    recall: float | None


NO_RULE = Distilled(None, None, None)


def check_features(features: Sequence[str]) -> None:
    """Refuse what cannot form groups, naming the place."""
    catalogue = evaluation.catalogue()
    usable = sorted(key for key, feature in catalogue.items() if feature.kind in KINDS)
    if not 1 <= len(features) <= MOST_FEATURES:
        raise Refused(_("Choose from 1 to %(most)s features.") % {"most": MOST_FEATURES}, path="features")
    for i, key in enumerate(features):
        if key not in usable:
            raise Refused(_("This feature cannot form groups."), path=f"features[{i}]", choices=usable)
        if catalogue[key].sensitivity != "normal":
            raise Refused(_("This field may not be used for grouping customers."), path=f"features[{i}]")


def run(clustering_id: int, *, at: datetime) -> Clustering:
    """Find the groups of one clustering and store them, or the reason why there are none."""
    clustering = Clustering.objects.get(pk=clustering_id)
    try:
        frame, kinds = _frame(clustering)
        qualities = clusters.propose(frame, kinds, seed=clustering.seed)
        best = clusters.best(qualities)
        found = clusters.find(frame, kinds, k=clustering.k or best, seed=clustering.seed)
    except (clusters.ClusteringError, evaluation.NotEvaluable, profile_queries.EngineError) as fault:
        clustering.status, clustering.error, clustering.finished_at = "failed", str(fault), at
        clustering.save()
        return clustering
    clustering.proposed_k, clustering.k = best, len(found.groups)
    clustering.quality = {"of": [asdict(quality) for quality in qualities]}
    clustering.model = found.model.as_json()
    clustering.status, clustering.finished_at = "finished", at
    _store(clustering, found, lines(clustering, frame, found.labels), distilled(clustering, frame, kinds, found.labels))
    return clustering


def lines(clustering: Clustering, frame: pd.DataFrame, labels: np.ndarray) -> dict[int, Line]:
    """Which group of the last like search each new one carries on: by today's people of both (Hungarian method)."""
    earlier = predecessor(clustering)
    if earlier is None:
        return {}
    before = list(earlier.clusters.all())
    then = clusters.Model.from_json(earlier.model).assign(frame)
    pairs = clusters.matched(then, labels, len(before), int(labels.max()) + 1)
    by_position = {one.position: one for one in before}
    return {new: Line(by_position[old], likeness) for old, new, likeness in pairs if likeness >= SAME}


def predecessor(clustering: Clustering) -> Clustering | None:
    """The last finished search over the same features and customers."""
    rows = Clustering.objects.filter(status="finished", base_segment=clustering.base_segment, pk__lt=clustering.pk)
    asked = sorted(clustering.features)
    return next((one for one in rows.prefetch_related("clusters")[:LOOKED_AT] if sorted(one.features) == asked), None)


def distilled(
    clustering: Clustering, frame: pd.DataFrame, kinds: dict[str, str], labels: np.ndarray
) -> dict[int, Distilled]:
    """A rule for each group, with how well the language's own evaluation of it meets the group."""
    engine = evaluation.engine(at=clustering.created_at)
    found: dict[int, Distilled] = {}
    for position in range(int(labels.max()) + 1):
        where = distilling.distil(frame, kinds, labels == position, seed=clustering.seed)
        if where is None:
            continue
        if clustering.base_segment:
            where = {"all": [{"segment": clustering.base_segment.slug}, where]}
        rule = reading.read_rule({"version": 1, "where": where}, reading.Known(engine.catalogue))
        group = frame.index.to_numpy()[labels == position]
        chosen = engine.customers(rule)
        common = len(np.intersect1d(chosen, group))
        if common:
            found[position] = Distilled(writing.rule_json(rule), common / len(chosen), common / len(group))
    return found


def _frame(clustering: Clustering) -> tuple[pd.DataFrame, dict[str, str]]:
    engine = evaluation.engine(at=clustering.created_at)
    frame = engine.frame(clustering.features)
    if clustering.base_segment_id:
        frame = frame[np.isin(frame.index.to_numpy(), ledger.members(clustering.base_segment_id))]
    return frame, {key: engine.catalogue[key].kind for key in clustering.features}


@transaction.atomic
def _store(
    clustering: Clustering, found: clusters.Clusters, before: dict[int, Line], rules: dict[int, Distilled]
) -> None:
    names = _names(clustering, found, before)
    clustering.save()
    clustering.clusters.all().delete()
    Cluster.objects.bulk_create(
        Cluster(
            clustering=clustering,
            position=group.position,
            name=names[group.position],
            before=before[group.position].group if group.position in before else None,
            likeness=before[group.position].likeness if group.position in before else None,
            **vars(rules.get(group.position, NO_RULE)),
            size=group.size,
            distinction=[asdict(row) for row in group.distinctions],
        )
        for group in found.groups
    )


def _names(clustering: Clustering, found: clusters.Clusters, before: dict[int, Line]) -> dict[int, str]:
    """The name its people had, whichever size it has now; for a new group what sets it apart, as who asked reads it."""
    features = evaluation.catalogue()
    with override(clustering.created_by.language if clustering.created_by else "en"):
        return {
            group.position: before[group.position].group.name
            if group.position in before
            else wording.proposed(group, features)
            for group in found.groups
        }
