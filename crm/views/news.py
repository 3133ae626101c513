"""The bell: how much is unread, what there is, and the wishes of what to hear of and how."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, figures, keyset, news, queries
from crm.access import ActorRequest, needs
from crm.models import NewsWay, NewsWish
from crm.notices import notify

ROWS = 50
MOST_COUNTED = 100


@require_safe
@needs("news.view")
def bell(request: ActorRequest) -> HttpResponse:
    """The number on the bell, as a fragment: of what the page would tell, so that nothing is hinted at."""
    unread = queries.news(request.actor).filter(seen_at__isnull=True).select_related("by").order_by("-at")
    n = len(news.told(request.actor, list(unread[:MOST_COUNTED])))
    return render(request, "crm/news_bell.html", {"n": n})


@require_safe
@needs("news.view")
def listing(request: ActorRequest) -> HttpResponse:
    """What one was told, the newest first; the unread ones stand out. What is out of reach by now waits for nobody."""
    actor = request.actor
    rows = queries.news(actor).select_related("by")
    page = keyset.page_or_first(rows, order="-at", cursor=request.GET.get("cursor", ""), size=ROWS)
    told = news.told(actor, page.rows)
    out_of_reach = {row.pk for row in page.rows if not row.seen_at} - {one.row.pk for one in told}
    actions.see_news(out_of_reach, by=actor, at=timezone.now())
    unread = queries.news(actor).filter(seen_at__isnull=True).count()
    answer = ngettext("%(n)s is unread.", "%(n)s are unread.", unread) % {"n": figures.number(unread)}
    context = {
        "told": told,
        "unread": unread,
        "answer": answer if unread else _("You have read everything."),
        "more_url": f"{request.path}?cursor={page.next_cursor}" if page.next_cursor else "",
    }
    return render(request, "crm/news.html", context)


@require_safe
@needs("news.view")
def follow(request: ActorRequest, pk: int) -> HttpResponse:
    """To what it is about; it is read by that."""
    row = get_object_or_404(queries.news(request.actor), pk=min(pk, keyset.LARGEST_ID))
    actions.see_news([row.pk], by=request.actor, at=timezone.now())
    found = news.told(request.actor, [row])
    return redirect(found[0].url if found else reverse("news"))


@require_POST
@needs("news.view")
def see_all(request: ActorRequest) -> HttpResponse:
    """Everything is read."""
    actions.see_news(by=request.actor, at=timezone.now())
    return redirect("news")


class WishesForm(forms.Form):
    """A way for each kind that the user may hear of."""

    def __init__(self, data: Any = None, *, actor: Any) -> None:
        super().__init__(data)
        wishes = dict(NewsWish.objects.filter(user=actor.user).values_list("kind", "way"))
        for kind in news.open_to(actor):
            first = wishes.get(kind.key, kind.way)
            self.fields[kind.key] = forms.ChoiceField(label=kind.label, choices=NewsWay.choices, initial=first)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("news.view")
def wishes(request: ActorRequest) -> HttpResponse:
    """What one wants to hear of, and how."""
    form = WishesForm(request.POST or None, actor=request.actor)
    if form.is_valid():
        actions.choose_ways(form.cleaned_data, by=request.actor)
        notify(request, _("Saved."))
        return redirect("news-wishes")
    context = {"form": form, "has_address": bool(request.user.email)}
    return render(request, "crm/news_wishes.html", context, status=400 if form.is_bound else 200)
