"""Clusterings as rows: asked for, run in a worker on the warehouse, kept so that they can be shown again."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.refusals import Refused
from profiles import queries as profile_queries
from segments import clusters, evaluation, ledger
from segments.models import Cluster, Clustering

MOST_GROUPS = 12
MOST_FEATURES = 12
KINDS = (*clusters.NUMBERS, "text", "choice")
REASONS = (  # kept in English, said in the reader's language
    gettext_lazy("None of the chosen features varies between these customers."),
    gettext_lazy("There are too few different customers to form groups."),
    gettext_lazy("There are fewer different customers in these features than groups asked for."),
)


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
    _store(clustering, found)
    return clustering


def _frame(clustering: Clustering) -> tuple[pd.DataFrame, dict[str, str]]:
    engine = evaluation.engine(at=clustering.created_at)
    frame = engine.frame(clustering.features)
    if clustering.base_segment_id:
        frame = frame[np.isin(frame.index.to_numpy(), ledger.members(clustering.base_segment_id))]
    return frame, {key: engine.catalogue[key].kind for key in clustering.features}


@transaction.atomic
def _store(clustering: Clustering, found: clusters.Clusters) -> None:
    clustering.save()
    clustering.clusters.all().delete()
    Cluster.objects.bulk_create(
        Cluster(
            clustering=clustering,
            position=group.position,
            name=_("Group %(number)s") % {"number": group.position + 1},
            size=group.size,
            distinction=[asdict(row) for row in group.distinctions],
        )
        for group in found.groups
    )
