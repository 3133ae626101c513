"""Pages of the mail catcher: what was caught, one message as its reader sees it."""

from urllib.parse import urlencode

from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from config.mail_catcher import store
from crm.access import needs
from crm.keyset import LARGEST_ID, row_id
from crm.tables import Column

COLUMNS = (Column(gettext_lazy("Subject")), Column(gettext_lazy("To")), Column(gettext_lazy("Arrived")))

# The message itself may show pictures and styles and open links in a new tab, and nothing else.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "img-src": ["'self'", "data:"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@require_safe
@needs("campaigns.change")
def caught(request: HttpRequest) -> HttpResponse:
    """The newest messages, by search."""
    search, before = request.GET.get("q", ""), request.GET.get("before", "")
    found = store.newest(settings.MAIL_CATCHER_FILE, search=search, before=row_id(before), most=51)
    more = f"?{urlencode({'q': search, 'before': found[49].id})}" if len(found) > 50 else ""
    context = {"letters": found[:50], "search": search, "more_url": more, "columns": COLUMNS}
    return render(request, "mail_catcher/caught.html", context)


@require_safe
@needs("campaigns.change")
def letter(request: HttpRequest, number: int) -> HttpResponse:
    """One message: headers, both parts."""
    found = _found(number)
    crumbs = [(_("Caught mail"), reverse("caught-mail"))]
    context = {"letter": found, "text": found.part("plain"), "headers": found.headers(), "crumbs": crumbs}
    return render(request, "mail_catcher/letter.html", context)


@require_safe
@needs("campaigns.change")
@csp(LETTER_POLICY)  # type: ignore[arg-type]  # it is written for views without arguments
@xframe_options_sameorigin
def letter_html(request: HttpRequest, number: int) -> HttpResponse:
    """The HTML part alone, for the frame of its page."""
    return HttpResponse('<base target="_blank">' + _found(number).part("html"))


def _found(number: int) -> store.Caught:
    found = store.one(settings.MAIL_CATCHER_FILE, min(number, LARGEST_ID))
    if found is None:
        raise Http404
    return found
