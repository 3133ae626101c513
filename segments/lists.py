"""Segments in the list of customers: as a filter, and as what many customers are added to at once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django import forms
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import figures
from crm.bulk_actions import Before, BulkAction
from crm.lists.conditions import Condition, Source, Subject
from crm.rights import Actor
from segments import actions, ledger, queries
from segments.models import Segment, SegmentKind


def subjects(actor: Actor) -> Iterator[Subject]:
    known = tuple(queries.segments(actor).order_by("name").values_list("slug", "name"))
    if known:
        yield Subject("segment.member", _("Segment"), _("Segments"), "member", known)


def narrowed(actor: Actor, asked: Condition) -> Q:
    """Those who are in the segment now, or are not."""
    one = queries.segments(actor).get(slug=asked.value)
    inside = queries.memberships(one)
    if asked.operator == "is" and one.size <= queries.FEW:
        return Q(pk__in=inside.values("customer_id"))
    is_in = Q(Exists(inside.filter(customer=OuterRef("pk"))))
    return is_in if asked.operator == "is" else ~is_in


FILTERS = Source("segment", "customers", "segments.view", subjects, narrowed)


class NamedListForm(forms.Form):
    segment = forms.ModelChoiceField(Segment.objects.none(), label=gettext_lazy("Named list"), to_field_name="slug")

    def __init__(self, data: Any = None, *, actor: Actor) -> None:
        super().__init__(data)
        lists = queries.segments(actor).filter(kind=SegmentKind.STATIC).order_by("name")
        self.fields["segment"].queryset = lists  # type: ignore[attr-defined]

    def parameters(self) -> dict[str, Any]:
        return {"segment": self.cleaned_data["segment"].slug}


def _named(parameters: Mapping[str, Any]) -> Segment:
    return Segment.objects.get(slug=parameters["segment"])


def _tell(parameters: Mapping[str, Any], n: int) -> str:
    words = ngettext("Add %(n)s customer to “%(list)s”", "Add %(n)s customers to “%(list)s”", n)
    return words % {"n": figures.number(n), "list": _named(parameters)}


def _told(parameters: Mapping[str, Any], n: int) -> str:
    words = ngettext("%(n)s customer was added to “%(list)s”.", "%(n)s customers were added to “%(list)s”.", n)
    return words % {"n": figures.number(n), "list": _named(parameters)}


def _add(ids: Sequence[int], parameters: Mapping[str, Any], by: Actor, at: datetime) -> Before:
    one = _named(parameters)
    new = np.setdiff1d(np.array(ids, dtype=np.int64), ledger.members(one.pk)).tolist()
    actions.add_members(segment=one, customers=new, by=by, at=at)
    return {pk: {} for pk in new}


def _take_back(before: Before, parameters: Mapping[str, Any], by: Actor, at: datetime) -> int:
    return actions.remove_members(segment=_named(parameters), customers=list(before), by=by, at=at).left


ADD = BulkAction(
    "add-to-list", gettext_lazy("Add to a named list"), "segments.change", NamedListForm, _tell, _told, _add, _take_back
)
