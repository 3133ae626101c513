"""The persona card of a segment: what the data say, what people wrote, and where the two have parted."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm import notices
from crm.access import ActorRequest, needs
from profiles import queries as profile_queries
from segments import actions, personas, queries, wording
from segments.forms import PersonaForm
from segments.models import Persona, Segment
from segments.views.detail import found, frame_of, sentence_of


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def persona(request: ActorRequest, slug: str) -> HttpResponse:
    """The card, made to be printed."""
    one, now = found(request.actor, slug), timezone.now()
    card, features = queries.persona(one, at=now), queries.catalogue()
    context = frame_of(request, one, at=now) | {
        "card": card,
        "sentence": sentence_of(one, request.actor.language),
        "rows": [wording.compared(row, features) for row in card.computed if row.feature in features],
        "moved": [wording.drifted(row, features) for row in card.moved if row.feature in features],
        "words": words(card.written),
        "habits": habits(one, at=now),
    }
    return render(request, "segments/persona.html", context)


def habits(one: Segment, *, at: datetime) -> list[tuple[str, str]]:
    """What a member buys, how often, and is worth: the means that are known; none before the profiles are built."""
    try:
        found = queries.means([one], at=at)[one.pk]
    except queries.NotEvaluable:
        return []
    features = queries.catalogue()
    known = [row for row in found if row.mean is not None]
    return [(wording.said(features[row.feature]), wording.mean(row, features[row.feature])) for row in known]


def words(written: Persona | None) -> list[tuple[Any, str]]:
    """What people wrote, by its heading; the name stands above."""
    fields = [Persona._meta.get_field(name) for name in personas.WORDS[1:]]
    return [(field.verbose_name.capitalize(), getattr(written, field.name, "")) for field in fields]  # type: ignore[union-attr]


@require_http_methods(["GET", "HEAD", "POST"])
@needs("segments.change")
def persona_edit(request: ActorRequest, slug: str) -> HttpResponse:
    """Write the human part; what the data say now is kept beside it."""
    one, now = found(request.actor, slug), timezone.now()
    form = PersonaForm(request.POST or None, instance=Persona.objects.filter(segment=one).first())
    if request.method == "POST" and form.is_valid():
        actions.write_persona(segment=one, words=form.cleaned_data, by=request.actor, at=now)
        notices.notify(request, _("The persona is saved."))
        return redirect("segment-persona", one.slug)
    return render(request, "segments/persona_edit.html", frame_of(request, one, at=now) | {"form": form})
