"""Segments, and what rests on them, as users of features and tags: what the pages of those know of them."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.rights import Actor
from crm.tag_uses import Use as TagUse
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


def of_tags(actor: Actor) -> Iterable[TagUse]:
    """Each tag a live rule names, with its segment."""
    from segments import evaluation, queries
    from segments.rules import tree

    features = evaluation.catalogue()
    for one in queries.segments(actor):
        for rule in evaluation.readable_rule(one.rule, features) if one.rule else ():
            conditions = [part for _path, part in tree.conditions(rule) if isinstance(part, tree.FeatureCondition)]
            for slug in sorted({slug for part in conditions if part.feature == "tags" for slug in _texts(part.value)}):
                yield TagUse(slug, _("Segment"), one.name, reverse("segment", args=[one.slug]))


def _texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
