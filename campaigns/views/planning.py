"""Planning a campaign step by step: each step has an address, saves a draft, says what is missing, and leads on."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from campaigns import actions, queries
from campaigns.content import matrix
from campaigns.forms import KEYS, SHARES, initial_of
from campaigns.forms_steps import PARTS, StepForm, Versions
from campaigns.models import Campaign
from campaigns.results import sketch
from campaigns.views import drafting, places, reaching, rules, running
from campaigns.views.steps import LAST, STEPS, Step, address, left_to_do, steps
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])


@ONLY_FORMS
@needs("campaigns.change")
def begin(request: ActorRequest) -> HttpResponse:
    """The first step of a new campaign; the draft exists from then on."""
    form = StepForm(given(request), actor=request.actor, step="goal")
    if form.is_valid():
        try:
            made = actions.create_campaign(
                **form.changes(),
                **usual_test(),
                variants=[{"key": "A"}],
                slug=drafting.free_slug(form.cleaned_data["name"]),
                by=request.actor,
                at=timezone.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return onward(request, made, STEPS[0])
    context = {
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "form": form,
        **common(None, STEPS[0]),
    }
    return render(request, "campaigns/plan_goal.html", context, status=400 if form.is_bound else 200)


def usual_test() -> dict[str, Any]:
    """What a test begins with, before anybody thought about it: a hold-out, and a smallest effect worth acting on."""
    return {column: Decimal(StepForm.base_fields[field].initial) / 100 for column, field in SHARES.items()}


@ONLY_FORMS
@needs("campaigns.change")
def step(request: ActorRequest, pk: int, key: str) -> HttpResponse:
    """One step of a draft."""
    found = places.found(pk)
    here = next((one for one in STEPS if one.key == key), None)
    if here is None:
        raise Http404
    if found.status not in places.EDITABLE:
        notify(request, _("It is on its way already and cannot be changed."))
        return redirect("campaign", pk)
    return VIEWS[key](request, found, here)


def given(request: ActorRequest) -> Any:
    """What was posted, be it nothing; None when the page is only read."""
    return request.POST if request.method == "POST" else None


def frame(request: ActorRequest, campaign: Campaign, here: Step) -> dict[str, Any]:
    return {**places.frame(request, campaign), **common(campaign, here)}


def common(campaign: Campaign | None, here: Step) -> dict[str, Any]:
    """Where in the steps the page stands, and what is missing so far."""
    number = STEPS.index(here) + 1
    return {
        "steps": steps(campaign),
        "current": number,
        "here_answer": here.answer,
        "step": here.key,
        **left_to_do(campaign),
        "next": STEPS[number].label if number < len(STEPS) else LAST,
        "back_url": address(campaign, STEPS[number - 2].key) if campaign and number > 1 else "",
    }


def onward(request: ActorRequest, campaign: Campaign, here: Step) -> HttpResponse:
    """The next step, or the campaign when the visitor leaves it for later."""
    if "later" in request.POST:
        notify(request, _("Saved as a draft."))
        return redirect("campaign", campaign.pk)
    number = STEPS.index(here) + 1
    if number < len(STEPS):
        return redirect("campaign-plan", campaign.pk, STEPS[number].key)
    return redirect("campaign-launch", campaign.pk)


def is_glance(request: ActorRequest) -> bool:
    """Whether htmx only asks what the change would mean."""
    return request.headers.get("HX-Request") == "true"


def simple(request: ActorRequest, campaign: Campaign, here: Step) -> HttpResponse:
    """A step that is one form."""
    form = StepForm(given(request), actor=request.actor, step=here.key, initial=initial_of(campaign))
    if form.is_valid() and saved(request, campaign, form, changes=form.changes()):
        return onward(request, campaign, here)
    context = {**frame(request, campaign, here), "form": form, **EXTRAS.get(here.key, nothing)(campaign)}
    return render(request, f"campaigns/plan_{here.key}.html", context, status=400 if form.is_bound else 200)


def saved(request: ActorRequest, campaign: Campaign, form: StepForm, **changes: Any) -> bool:
    """Whether the change was made; a refusal stands on the form."""
    try:
        actions.change_campaign(campaign, **changes, by=request.actor, at=timezone.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def nothing(_campaign: Campaign) -> dict[str, Any]:
    return {}


def bounds(campaign: Campaign) -> dict[str, Any]:
    """What the firm's rules say to it anyway."""
    found = queries.rules()
    hours = (
        _("Quiet hours of the firm: %(start)s–%(end)s where the recipient lives.")
        % {"start": f"{found.quiet_from:%H:%M}", "end": f"{found.quiet_until:%H:%M}"}
        if found.quiet_from and found.quiet_until and campaign.purpose == "marketing"
        else ""
    )
    caps = [rules.sentence(cap) for cap in queries.caps() if cap.is_active]
    return {"bounds": [*([hours] if hours else []), *caps]}


def audience(request: ActorRequest, campaign: Campaign, here: Step) -> HttpResponse:
    """Whom it is for. A tick is saved at once, so that the reach beside is that of the draft."""
    form = StepForm(given(request), actor=request.actor, step="audience", initial=initial_of(campaign))
    if form.is_valid():
        chosen = {name: list(form.cleaned_data[name]) for name in PARTS["audience"]}
        if saved(request, campaign, form, **chosen) and not is_glance(request):
            return onward(request, campaign, here)
    is_chosen = campaign.include.exists() and not form.errors
    context = {
        **frame(request, campaign, here),
        "form": form,
        **(reaching.counted(request, campaign, lambda: reached(campaign)) if is_chosen else {}),
        "faces": drafting.faces_of(request.actor, campaign, "") if is_chosen and may_see_people(request) else (),
    }
    is_refused = form.is_bound and not is_glance(request)
    return render(request, "campaigns/plan_audience.html", context, status=400 if is_refused else 200)


def reached(campaign: Campaign) -> dict[str, Any]:
    """The funnel of the draft as it stands."""
    reach = queries.reach(campaign, as_of=timezone.now())
    return {"reach": running.steps(reach), "will_get_it": reach.will_get_it}


def may_see_people(request: ActorRequest) -> bool:
    return may(request.actor, "customers.identify")


def messages(request: ActorRequest, campaign: Campaign, here: Step) -> HttpResponse:
    """The versions, and beside them the letter at both widths as a chosen member reads it."""
    if request.method == "POST":
        return versions_changed(request, campaign, here)
    context = {**frame(request, campaign, here), "versions": versions(campaign), "may_add": may_add(campaign)}
    if may_see_people(request):
        context |= shown(request, campaign)
    return render(request, "campaigns/plan_messages.html", context)


def shown(request: ActorRequest, campaign: Campaign) -> dict[str, Any]:
    """The preview of the page's address: version, reader and language."""
    faces = list(drafting.faces_of(request.actor, campaign, request.GET.get("q", "").strip()))
    reader = drafting.asked_reader(request.actor, request) or next(iter(faces), None)
    variant, language = drafting.asked_variant(campaign, request), drafting.asked_language(request)
    return {
        "may_preview": True,
        "faces": faces,
        "reader": reader,
        "variant": variant,
        "search": request.GET.get("q", ""),
        "language": language,
        "languages": settings.LANGUAGES,
        **(drafting.written(campaign, variant, reader, language) if variant and reader else {}),
    }


@dataclass(frozen=True)
class Version:
    """One version in the list: what stands in it, how many texts of its own, and what is wrong with them."""

    key: str
    name: str
    subject: str
    own_texts: int
    faults: tuple[str, ...]


def versions(campaign: Campaign) -> list[Version]:
    faults = queries.faults(campaign)
    found = matrix.matrices_of(campaign)
    names = {one.key: one for one in campaign.variants.all()}
    return [
        Version(
            key=one.key,
            name=names[one.key].name,
            subject=names[one.key].subject,
            own_texts=len(one.cells) - 1,
            faults=tuple(str(fault) for fault in faults.get(one.key, ())),
        )
        for one in sorted(found.values(), key=lambda one: one.key)
    ]


def may_add(campaign: Campaign) -> bool:
    return campaign.variants.count() < len(KEYS)


def versions_changed(request: ActorRequest, campaign: Campaign, here: Step) -> HttpResponse:
    """A version more, one less, or onward."""
    written = full(campaign)
    if "add" in request.POST and may_add(campaign):
        key = next(one for one in KEYS if one not in {version["key"] for version in written})
        newest: Mapping[str, Any] = written[-1] if written else {}
        written.append({**newest, "key": key, "name": "", "is_mass": False})
        said = _("Version %(key)s begins as a copy: change one thing, so that you know what made the difference.")
        return rewritten(request, campaign, written, said % {"key": key})
    if gone := request.POST.get("remove"):
        kept = [one for one in written if one["key"] != gone]
        return rewritten(request, campaign, kept, _("Version %(key)s is removed.") % {"key": gone})
    return onward(request, campaign, here)


def rewritten(request: ActorRequest, campaign: Campaign, written: list[dict[str, Any]], said: str) -> HttpResponse:
    try:
        actions.change_campaign(campaign, variants=written, by=request.actor, at=timezone.now())
    except Refused as refusal:
        said = str(refusal)
    notify(request, said)
    return redirect("campaign-plan", campaign.pk, "messages")


def full(campaign: Campaign) -> list[dict[str, Any]]:
    """The versions as the actions take them, with all their texts."""
    own = [name for name in actions.OF_VARIANT if name != "texts"]
    rows = campaign.variants.order_by("key")
    return [{**{name: getattr(one, name) for name in own}, "texts": drafting.cells_of(one)} for one in rows]


def test(request: ActorRequest, campaign: Campaign, here: Step) -> HttpResponse:
    """How it is tested; the smallest effect beside follows what is chosen, saved or not."""
    form = StepForm(given(request), actor=request.actor, step="test", initial=initial_of(campaign))
    written = full(campaign)
    formset = Versions(given(request), prefix="v", initial=written)
    is_valid = form.is_valid() & formset.is_valid()
    if is_valid:
        told = [one.cleaned_data for one in formset.forms[: len(written)]]
        written = [{**one, **new} for one, new in zip(written, told, strict=False)]
    if is_valid and not is_glance(request) and saved(request, campaign, form, changes=form.changes(), variants=written):
        return onward(request, campaign, here)
    context = {
        **frame(request, campaign, here),
        "form": form,
        "versions": formset,
        "keys": [one["key"] for one in written],
        "rows": list(zip([one["key"] for one in written], formset.forms, strict=False)),
        **reaching.counted(request, campaign, lambda: {"design": design(campaign, form, written)}),
    }
    is_refused = form.is_bound and not is_glance(request)
    return render(request, "campaigns/plan_test.html", context, status=400 if is_refused else 200)


def design(campaign: Campaign, form: StepForm, written: list[dict[str, Any]]) -> sketch.Sketch | None:
    """What the audience could show; None while something on the page is not right."""
    chosen = form.cleaned_data if form.is_bound else form.initial
    include, exclude = (list(used.all()) for used in (campaign.include, campaign.exclude))
    if not include or form.errors or not set(SHARES.values()) <= chosen.keys():
        return None
    campaign.worthwhile_lift = chosen["worthwhile_percent"] / 100
    masses = [one["key"] for one in written if one["is_mass"]]
    arms = sketch.Arms(
        {one["key"]: one["weight"] for one in written},
        chosen["holdout_percent"] / 100,
        masses[0] if 0 < len(masses) < len(written) else "",
        chosen.get("waves") or 1,
        chosen.get("wave_hours") or 24,
    )
    at = timezone.now()
    people = queries.reach(campaign, as_of=at).will_get_it
    return sketch.of_form(campaign, arms, include, exclude, at=at, people=people)


EXTRAS = {"schedule": bounds}
VIEWS = {"goal": simple, "audience": audience, "messages": messages, "test": test, "schedule": simple}
