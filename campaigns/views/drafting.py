"""Writing a campaign: the editor, the preview as any member, the test message."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import chain, count
from typing import Any

from csp.decorators import csp
from django.conf import settings
from django.contrib import messages as levels
from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import actions, audience, queries
from campaigns.channels import CHANNELS
from campaigns.content import addresses, fields, merge
from campaigns.content.composition import ADDRESS
from campaigns.content.letters import Letter
from campaigns.content.text_length import Length, length
from campaigns.forms import SHARES, CampaignForm, Variants, initial_of, initial_variants, variants_of
from campaigns.models import Campaign, Variant
from campaigns.results import sketch
from campaigns.views import places
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.keyset import row_id
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
WIDTHS = ("desktop", "phone")
LETTER_POLICY = {
    "default-src": ["'none'"],
    "img-src": ["'self'", "data:", "https:"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'self'"],
    "sandbox": [],
}
FACES = 5


@ONLY_FORMS
@needs("campaigns.change")
def campaign_new(request: ActorRequest) -> HttpResponse:
    """Write a new campaign."""
    return edited(request, None)


@ONLY_FORMS
@needs("campaigns.change")
def campaign_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change one that is not yet sent."""
    found = places.found(pk)
    if found.status not in places.EDITABLE:
        notify(request, _("It is on its way already and cannot be changed."), level=levels.WARNING)
        return redirect("campaign", pk)
    return edited(request, found)


def edited(request: ActorRequest, campaign: Campaign | None) -> HttpResponse:
    """The editor; “check” shows the design without saving."""
    actor = request.actor
    form = CampaignForm(request.POST or None, actor=actor, initial=initial_of(campaign) if campaign else None)
    channel = request.POST.get("channel") or (campaign.channel if campaign else "email")
    written = initial_variants(campaign) if campaign else None
    variants = Variants(request.POST or None, prefix="v", initial=written, form_kwargs={"channel": channel})
    is_check = "check" in request.POST or request.headers.get("HX-Request") == "true"
    is_valid = form.is_valid() & variants.is_valid()
    stands = standing(campaign) if campaign and not is_check else ""
    opened = request.POST.get("opened", stands)
    if is_valid and not is_check:
        try:
            if opened != stands:
                opened = stands  # who is told has seen it: saving again is meant
                raise Refused(
                    _("Somebody changed the campaign while this page was open. Save again to put yours in its place.")
                )
            return saved(request, campaign, form, variants)
        except Refused as refusal:
            form.add_error(None, str(refusal))
    context = {
        **(places.frame(request, campaign) if campaign else {"crumbs": [(_("Campaigns"), reverse("campaigns"))]}),
        "form": form,
        "opened": opened,
        "variants": variants,
        "names": fields.names(),
        "sample": addresses.sample_click_url(),
        "design": design(campaign, form, variants),
    }
    is_refused = form.is_bound and not is_check
    return render(request, "campaigns/edit.html", context, status=400 if is_refused else 200)


def standing(campaign: Campaign) -> str:
    """A mark of everything that the editor shows, which changes with it."""
    shown = {"campaign": initial_of(campaign), "versions": initial_variants(campaign)}
    return sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()


def saved(request: ActorRequest, campaign: Campaign | None, form: CampaignForm, variants: Any) -> HttpResponse:
    by, at = request.actor, timezone.now()
    include, exclude = (list(form.cleaned_data[name]) for name in ("include", "exclude"))
    written = with_cells(campaign, variants_of(variants))
    if campaign is None:
        campaign = actions.create_campaign(
            **form.changes(),
            include=include,
            exclude=exclude,
            variants=written,
            slug=free_slug(form.cleaned_data["name"]),
            by=by,
            at=at,
        )
    else:
        actions.change_campaign(
            campaign, changes=form.changes(), include=include, exclude=exclude, variants=written, by=by, at=at
        )
    notify(request, _("Saved."))
    return redirect("campaign-launch" if "next" in request.POST else "campaign-preview", campaign.pk)


def with_cells(campaign: Campaign | None, variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The versions with the texts per segment and language they had; this page does not edit those."""
    cells = {one.key: cells_of(one) for one in campaign.variants.all()} if campaign else {}
    return [{**one, "texts": cells.get(one["key"], ())} for one in variants]


def cells_of(variant: Variant) -> list[dict[str, Any]]:
    """The texts of a version per segment and language as the actions take them."""
    rows = variant.texts.select_related("segment")
    return [{name: getattr(text, name) for name in actions.OF_CELL} for text in rows]


def free_slug(name: str) -> str:
    """A short name nobody has: the name, or the name and the first free number."""
    start = slugify(name)[:70] or "campaign"
    taken = set(queries.campaigns().filter(slug__startswith=start).values_list("slug", flat=True))
    return next(one for one in chain([start], (f"{start}-{n}" for n in count(2))) if one not in taken)


def design(campaign: Campaign | None, form: CampaignForm, variants: Any) -> sketch.Sketch | None:
    """What the audience on the page could show; None until enough of it is filled in."""
    given = form.cleaned_data if form.is_bound else form.initial
    if form.is_bound and not {"include", "goal", "window_days", *SHARES.values()} <= form.cleaned_data.keys():
        return None
    include, exclude = (chosen(form, given.get(name, ())) for name in ("include", "exclude"))
    if not include:
        return None
    draft = Campaign(
        goal=given["goal"], goal_event=given.get("goal_event") or "order", window_days=given["window_days"],
        worthwhile_lift=(given.get("worthwhile_percent") or 0) / 100,
        currency=campaign.currency if campaign else Campaign._meta.get_field("currency").default,
    )  # fmt: skip
    return sketch.of_form(draft, arms(variants, given), include, exclude, at=timezone.now())


def chosen(form: CampaignForm, value: Iterable[Any]) -> list[Any]:
    """Segments of a field, whether they come as rows or as ids."""
    ids = [getattr(one, "pk", one) for one in value]
    return list(form.segments.filter(pk__in=ids)) if ids else []


def arms(variants: Any, given: Mapping[str, Any]) -> sketch.Arms:
    if variants.is_bound:
        written = variants_of(variants)
    else:
        written = [{"key": str(place), **one} for place, one in enumerate(variants.initial or ())]
    weights = {one["key"]: one.get("weight") or 1 for one in written}
    masses = [one["key"] for one in written if one.get("is_mass")]
    mass = masses[0] if 0 < len(masses) < len(written) else ""
    return sketch.Arms(
        weights, given["holdout_percent"] / 100, mass, given.get("waves") or 1, given.get("wave_hours") or 24
    )


@require_safe
@needs("customers.identify")
def preview(request: ActorRequest, pk: int) -> HttpResponse:
    """What a member would read, at two widths and as plain text."""
    found = places.found(pk)
    actor = request.actor
    faces = list(faces_of(actor, found, request.GET.get("q", "").strip()))
    reader = asked_reader(actor, request) or next(iter(faces), None)
    variant = asked_variant(found, request)
    context = {
        **places.frame(request, found),
        "faces": faces,
        "reader": reader,
        "variants": found.variants.all(),
        "variant": variant,
        "width": request.GET.get("width") if request.GET.get("width") in WIDTHS else WIDTHS[0],
        "widths": ((WIDTHS[0], _("Desktop")), (WIDTHS[1], _("Phone"))),
        "search": request.GET.get("q", ""),
        "language": asked_language(request),
        "languages": settings.LANGUAGES,
        **(written(found, variant, reader, asked_language(request)) if variant and reader else {}),
    }
    return render(request, "campaigns/preview.html", context)


def asked_language(request: ActorRequest) -> str | None:
    """The language to preview in; None is the reader's own."""
    asked = request.GET.get("language", "")
    return asked if asked in dict(settings.LANGUAGES) else None


def written(campaign: Campaign, variant: str, reader: Any, language: str | None) -> dict[str, Any]:
    """The letter, or why it cannot be written."""
    try:
        letter = queries.preview(campaign, variant, reader, as_of=timezone.now(), language=language)
    except merge.RenderFailed as failure:
        return {"failure": str(failure)}
    return {"letter": letter, "length": sent_length(campaign, letter)}


def sent_length(campaign: Campaign, letter: Letter) -> Length | None:
    """How long a text message is once its addresses are those that we count."""
    if CHANNELS[campaign.channel].form != "text":
        return None
    return length(ADDRESS.sub(addresses.sample_click_url(), letter.text))


def faces_of(actor: Actor, campaign: Campaign, search: str) -> Any:
    """A few members the actor may see; with a search, whoever has that number, address or name."""
    visible = crm_queries.customers(actor)
    if search:
        return by_words(visible, search)
    include, exclude = (list(used.values_list("pk", flat=True)) for used in (campaign.include, campaign.exclude))
    return audience.among(visible, include, exclude, timezone.now()).order_by("pk")[:FACES]


def by_words(rows: Any, search: str) -> Any:
    words = search.replace("\0", "")
    is_meant = Q(number__iexact=words) | Q(email__iexact=words) | Q(last_name__istartswith=words)
    return rows.filter(is_meant).order_by("pk")[:FACES]


def asked_reader(actor: Actor, request: ActorRequest) -> Any:
    asked = row_id(request.GET.get("customer", ""))
    return None if asked is None else crm_queries.customers(actor).filter(pk=asked).first()


def asked_variant(campaign: Campaign, request: ActorRequest) -> str:
    keys = [one.key for one in campaign.variants.all()]
    asked = request.GET.get("variant", "")
    return asked if asked in keys else next(iter(keys), "")


@require_safe
@needs("customers.identify")
@xframe_options_sameorigin
@csp(LETTER_POLICY)  # type: ignore[arg-type]  # it is written for views without arguments
def letter(request: ActorRequest, pk: int) -> HttpResponse:
    """The HTML part alone, for the frame of the preview; nothing in it may run."""
    return HttpResponse('<base target="_blank">' + asked_letter(request, places.found(pk)).html)


def asked_letter(request: ActorRequest, campaign: Campaign) -> Letter:
    reader, variant = asked_reader(request.actor, request), asked_variant(campaign, request)
    if reader is None or not variant:
        raise Http404
    try:
        language = asked_language(request)
        return queries.preview(campaign, variant, reader, as_of=timezone.now(), language=language)
    except merge.RenderFailed as failure:
        raise BadRequest(str(failure)) from failure


@require_POST
@needs("campaigns.change")
def send_test(request: ActorRequest, pk: int) -> HttpResponse:
    """Send what the chosen member would read to the visitor's own address."""
    found = places.found(pk)
    request.GET = request.POST
    reader, variant = asked_reader(request.actor, request), asked_variant(found, request)
    if reader is None or not variant:
        raise Http404
    to = request.user.email
    back = f"{reverse('campaign-preview', args=[pk])}?variant={variant}&customer={reader.pk}"
    if not to:
        notify(request, _("Your own settings have no e-mail address to send to."), level=levels.WARNING)
        return redirect(back)
    try:
        actions.send_test(found, variant, reader, to=to, by=request.actor, at=timezone.now())
    except (OSError, merge.RenderFailed) as failure:
        notify(request, _("The test was not sent: %(why)s") % {"why": failure}, level=levels.ERROR)
    else:
        notify(request, _("The test is on its way to %(address)s.") % {"address": to})
    return redirect(back)
