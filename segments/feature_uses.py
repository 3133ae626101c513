"""Segments, and what rests on them, as users of features: what the page Data knows of them."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.rights import Actor
from profiles.uses import Use


def of_features(actor: Actor) -> Iterable[Use]:
    """Each feature a live rule names, with the segment, and with what that segment is used by."""
    from segments import evaluation, queries, uses  # late: every command registers uses, few ask
    from segments.rules import needs

    features = evaluation.catalogue()
    found = [one for one in queries.segments(actor) if one.rule]
    resting = uses.of_segments(actor, found)
    for one in found:
        for rule in evaluation.readable_rule(one.rule, features):
            for key in sorted(needs.needs(rule).features):
                yield Use(key, _("Segment"), one.name, reverse("segment", args=[one.slug]))
                yield from (Use(key, use.kind, use.name, use.url) for use in resting[one.pk])
