"""Pages of the mail catcher: what was caught, one message as its reader sees it."""

from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from config.mail_catcher import store
from crm.access import needs

# The message itself may show pictures and styles and open links in a new tab, and nothing else.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "img-src": ["'self'", "data:"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@needs("campaigns.change")
def caught(request: HttpRequest) -> HttpResponse:
    """The newest messages, by search."""
    search, before = request.GET.get("q", ""), request.GET.get("before", "")
    found = store.newest(
        settings.MAIL_CATCHER_FILE, search=search, before=int(before) if before.isdecimal() else None, most=51
    )
    context = {"letters": found[:50], "search": search, "more": found[49].id if len(found) > 50 else None}
    return render(request, "mail_catcher/caught.html", context)


@needs("campaigns.change")
def letter(request: HttpRequest, number: int) -> HttpResponse:
    """One message: headers, both parts."""
    found = _found(number)
    return render(request, "mail_catcher/letter.html", {"letter": found, "text": found.part("plain")})


@needs("campaigns.change")
@xframe_options_sameorigin
@csp(LETTER_POLICY)
def letter_html(request: HttpRequest, number: int) -> HttpResponse:
    """The HTML part alone, for the frame of its page."""
    return HttpResponse('<base target="_blank">' + _found(number).part("html"))


def _found(number: int) -> store.Caught:
    found = store.one(settings.MAIL_CATCHER_FILE, number)
    if found is None:
        raise Http404
    return found
