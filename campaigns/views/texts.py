"""The message matrix: which text each segment reads in each language, and one text at a time to write."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp
from django.conf import settings
from django.contrib import messages as levels
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import actions, audience, queries
from campaigns.content import addresses, blocks, composition, fields, letters, matrix
from campaigns.content.composition import Source
from campaigns.forms_texts import FIELDS_OF_BLOCK, Blocks, HtmlForm, LetterForm, faults, written
from campaigns.models import Campaign, Variant, VariantText
from campaigns.views import places
from campaigns.views.drafting import LETTER_POLICY
from crm import figures, later
from crm.access import ActorRequest, needs
from crm.keyset import row_id
from crm.notices import notify
from crm.refusals import Refused
from segments import queries as segment_queries

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
PARTS = ("subject", "preheader", "html", "text")


@dataclass(frozen=True)
class Cell:
    """One place of the matrix: its own text, or whose text is read there instead."""

    url: str
    is_own: bool
    words: str
    faults: int


@dataclass(frozen=True)
class Row:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """The matrix of one version."""

    variant: Variant
    rows: tuple[Row, ...]


@require_safe
@needs("campaigns.change")
def texts(request: ActorRequest, pk: int) -> HttpResponse:
    """Every text of the campaign by version, segment and language, with what is missing."""
    found = places.found(pk)
    languages = languages_of(found)
    context = {
        **places.frame(request, found),
        "tables": [table(found, one, languages) for one in found.variants.prefetch_related("texts")],
        "spoken": [language_name(one) for one in languages],
        **later.figures(
            request,
            lambda: {"missing": queries.missing_cells(found, as_of=timezone.now())},
            rows=audience.rows_of(found),
        ),
    }
    return render(request, "campaigns/texts.html", context)


def languages_of(campaign: Campaign) -> list[str]:
    """Any language, those the house speaks, and those that texts are written in."""
    used = VariantText.objects.filter(variant__campaign=campaign).values_list("language", flat=True)
    return ["", *sorted({*dict(settings.LANGUAGES), *(one for one in used if one)})]


def language_name(code: str) -> str:
    return str(dict(settings.LANGUAGES).get(code, code)) if code else _("Any language")


def table(campaign: Campaign, variant: Variant, languages: Sequence[str]) -> Table:
    own = {(text.segment_id, text.language): text for text in variant.texts.all()}
    found = matrix.matrix_of(variant)
    known = fields.names()
    segments = () if variant.is_mass else campaign.include.all()
    groups: list[tuple[int | None, str]] = [(None, _("Everybody")), *((one.pk, one.name) for one in segments)]
    return Table(
        variant,
        tuple(
            Row(name, tuple(cell(campaign, variant, found, own, known, group, one) for one in languages))
            for group, name in groups
        ),
    )


def cell(
    campaign: Campaign, variant: Variant, found: matrix.Matrix, own: Any, known: Any, group: int | None, language: str
) -> Cell:
    is_base = group is None and not language
    source = found.text_for([group] if group else [], language)
    query = urlencode({"segment": group or "", "language": language})
    return Cell(
        url=f"{reverse('campaign-text', args=[campaign.pk, variant.key])}?{query}",
        is_own=is_base or (group, language) in own,
        words=source.subject,
        faults=len(composition.faults(source, known)),
    )


@ONLY_FORMS
@needs("campaigns.change")
def text(request: ActorRequest, pk: int, key: str) -> HttpResponse:
    """One text: by blocks, or as HTML."""
    found = places.found(pk)
    if found.status not in places.EDITABLE:
        notify(request, _("It is on its way already and cannot be changed."), level=levels.WARNING)
        return redirect("campaign", pk)
    place = place_of(request, found, key)
    if "remove" in request.POST:
        return stored(request, place, None)
    return as_html(request, place) if request.GET.get("as") == "html" else as_blocks(request, place)


@dataclass(frozen=True)
class Place:
    """Where a text stands: campaign, version, segment and language; and what is written there now."""

    campaign: Campaign
    variant: Variant
    segment: Any
    language: str
    row: Variant | VariantText | None

    @property
    def is_base(self) -> bool:
        """Whether it is the version's own text, which the others fall back to."""
        return self.segment is None and not self.language

    @property
    def query(self) -> str:
        return urlencode({"segment": self.segment.pk if self.segment else "", "language": self.language})

    def source(self, given: dict[str, Any]) -> Source:
        """What a reader would get: what is given, the version's own for what is empty."""
        own = {} if self.is_base else {name: getattr(self.variant, name) for name in PARTS}
        if given.get("html") or given.get("text"):
            own = {**own, "html": "", "text": ""}
        parts = {name: given.get(name) or own.get(name, "") for name in PARTS}
        return Source(**parts, short=matrix.short_form(self.campaign.channel))


def place_of(request: ActorRequest, campaign: Campaign, key: str) -> Place:
    """The place that the address names, or 404."""
    variant = campaign.variants.filter(key=key).first()
    asked, language = request.GET.get("segment", ""), request.GET.get("language", "")
    segment = campaign.include.filter(pk=row_id(asked) or 0).first() if asked else None
    if variant is None or (asked and segment is None) or language not in languages_of(campaign):
        raise Http404
    base = segment is None and not language
    row = variant if base else variant.texts.filter(segment=segment, language=language).first()
    return Place(campaign, variant, segment, language, row)


def as_html(request: ActorRequest, place: Place) -> HttpResponse:
    initial = {name: getattr(place.row, name) for name in PARTS} if place.row else {}
    form = needing_subject(HtmlForm(request.POST or None, initial=initial), place)
    if request.POST and form.is_valid() and not faults(form, place.source(form.cleaned_data), {}):
        return stored(request, place, {**form.cleaned_data, "blocks": {}})
    return shown(request, place, {"form": form, "is_html": True})


def as_blocks(request: ActorRequest, place: Place) -> HttpResponse:
    """The editor of blocks. “Add” and a starter show the page again with more; nothing is lost."""
    known = (place.row.blocks if place.row else {}) or {}
    starter = blocks.STARTERS.get(request.GET.get("starter", ""))
    kept = known.get("blocks", []) if not starter else [resolved(one) for one in starter.blocks]
    options = {"segments": list(segments_of(request)), "names": names()}
    head = {"subject": getattr(place.row, "subject", ""), "preheader": getattr(place.row, "preheader", "")}
    head["look"] = starter.look if starter else known.get("look")
    form = needing_subject(LetterForm(request.POST or None, initial=head), place)
    given: Any = rearranged(request.POST) or None
    parts = Blocks(given, prefix="b", initial=kept, form_kwargs=options)
    if request.POST and not is_arranging(request.POST) and form.is_valid() & parts.is_valid():
        made = {"look": form.cleaned_data["look"], "blocks": written(parts)}
        html = blocks.html_of(made["look"], made["blocks"]) if made["blocks"] else ""
        values = {**form.cleaned_data, "html": html, "text": "", "blocks": made}
        values.pop("look")
        if not faults(form, place.source(values), made, parts.ordered_forms):
            return stored(request, place, values)
    is_foreign = bool(place.row and place.row.html and not known and not starter)
    return shown(request, place, {"form": form, "parts": parts, "is_html": False, "is_foreign": is_foreign})


def needing_subject(form: Any, place: Place) -> Any:
    """The form, which asks for a subject where no other text lends its own."""
    form.fields["subject"].required = place.is_base and not matrix.short_form(place.campaign.channel)
    return form


def names() -> list[str]:
    """What a condition may ask about a person."""
    return [name for name in fields.names() if name.startswith(("customer.", "feature."))]


def resolved(block: Any) -> dict[str, Any]:
    """A starter's block in the visitor's language."""
    return {name: str(value) for name, value in block.items()}


@require_safe
@needs("campaigns.change")
@xframe_options_sameorigin
@csp(LETTER_POLICY)  # type: ignore[arg-type]  # it is written for views without arguments
def starter(request: ActorRequest, key: str) -> HttpResponse:
    """A letter of the library as its reader would see it, for the picture beside the editor."""
    if key not in blocks.STARTERS:
        raise Http404
    one = blocks.STARTERS[key]
    made = Source("", "", blocks.html_of(one.look, [resolved(block) for block in one.blocks]), "", footer="")
    sample = {"name": _("A product"), "price": figures.money(Decimal("19.90"))}
    known = {"customer": {"first_name": "Aino"}, "firm": fields.firm(), "products": [sample, sample]}
    return HttpResponse(letters.write(made, known, letters.PREVIEW).html)


def segments_of(request: ActorRequest) -> Any:
    return segment_queries.segments(request.actor).order_by("name")


def is_arranging(posted: Any) -> bool:
    """Whether the page is only to be shown again with its blocks otherwise: one more, or one in another place."""
    return "add" in posted or "up" in posted


def rearranged(posted: Any) -> Any:
    """What was posted, its blocks as the pressed button asks."""
    if "add" in posted:
        return with_one_more(posted)
    return with_two_swapped(posted, row_id(posted["up"]) or 0) if "up" in posted else posted


def with_two_swapped(posted: Any, place: int) -> Any:
    """What was posted, the block at that place, from 0, before the one that stood above it."""
    swapped = posted.copy()
    for name in (*FIELDS_OF_BLOCK, "DELETE") if place else ():
        above, here = f"b-{place - 1}-{name}", f"b-{place}-{name}"
        for one, other in ((above, here), (here, above)):
            swapped.setlist(one, posted.getlist(other))
    return swapped


def with_one_more(posted: Any) -> Any:
    """What was posted, with room for one more block at the end."""
    more = posted.copy()
    count = int(row_id(posted.get("b-TOTAL_FORMS", "")) or 0)
    more["b-TOTAL_FORMS"] = str(min(count + 1, 40))
    more[f"b-{count}-kind"], more[f"b-{count}-ORDER"] = posted.get("add-kind", "text"), str(count + 1)
    return more


def shown(request: ActorRequest, place: Place, parts: dict[str, Any]) -> HttpResponse:
    context = {
        **places.frame(request, place.campaign),
        **parts,
        "here": reverse("campaign-texts", args=[place.campaign.pk]),
        "place": place,
        "language": language_name(place.language),
        "starters": blocks.STARTERS.values(),
        "kinds": blocks.KINDS.values(),
        "names": fields.names(),
        "sample": addresses.sample_click_url(),
    }
    refused = request.method == "POST" and not is_arranging(request.POST)
    return render(request, "campaigns/text.html", context, status=400 if refused else 200)


def stored(request: ActorRequest, place: Place, values: dict[str, Any] | None) -> HttpResponse:
    """Keep the text (None: remove it, so that the fallback is read) and go back to the matrix."""
    try:
        actions.write_text(
            place.campaign, place.variant.key, segment=place.segment, language=place.language, values=values,
            by=request.actor, at=timezone.now(),
        )  # fmt: skip
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, _("Saved.") if values is not None else _("Removed; the text it falls back to is read."))
    if "preview" in request.POST:
        query = urlencode({"variant": place.variant.key, "language": place.language})
        return redirect(f"{reverse('campaign-preview', args=[place.campaign.pk])}?{query}")
    if place.is_base:
        return redirect(f"{reverse('campaign-plan', args=[place.campaign.pk, 'messages'])}?variant={place.variant.key}")
    return redirect("campaign-texts", place.campaign.pk)
