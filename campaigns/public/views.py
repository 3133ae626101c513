"""What the addresses in a letter do: count an open or a click, let the person leave, show the letter again."""

from base64 import b64decode
from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import preferences, queries, responses
from campaigns.content import addresses
from campaigns.models import Link, Message

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
LETTER_POLICY = {
    "default-src": ["'none'"],
    "img-src": ["*", "data:"],
    "style-src": ["'unsafe-inline'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
    "frame-ancestors": ["'self'"],
}

View = Callable[..., HttpResponseBase]


def private(view: View) -> View:
    """No cache keeps it, no referrer tells the address on, and every wrong address looks the same."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            response = render(request, "public/not_found.html", status=404)
        response["Cache-Control"] = "no-store, private"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return answered


def found(token: str, purpose: str, subject: str = "") -> Message:
    """The message of the address, or the one same 404 for everything else."""
    message = addresses.message_of(token, purpose, subject)
    if message is None:
        raise Http404
    return message


@private
@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """Always the picture; counted when the address is right and the person lets us."""
    message = addresses.message_of(token, addresses.OPEN)
    if message is not None and responses.lets_us_watch(message, at=timezone.now()):
        responses.record_open(message, **hit(request))
    return HttpResponse(PIXEL, content_type="image/gif")


@private
@require_safe
def clicked(request: HttpRequest, token: str, link_id: int) -> HttpResponse:
    """Count the click and redirect to the stored address."""
    message = found(token, addresses.CLICK, str(link_id))
    link = Link.objects.filter(pk=link_id, variant=message.variant_id).first()
    if link is None:
        raise Http404
    responses.record_click(message, link, **hit(request))
    return HttpResponseRedirect(queries.where_link_leads(link, message))


def hit(request: HttpRequest) -> dict[str, Any]:
    return {
        "user_agent": request.headers.get("User-Agent", "").replace("\x00", ""),
        "method": request.method,
        "at": timezone.now(),
    }


@csrf_exempt  # the address itself is the permission, and mailbox providers post without cookies (RFC 8058)
@private
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET and HEAD show a button; POST, by the button or by a mailbox provider, leaves."""
    message = found(token, addresses.UNSUBSCRIBE)
    is_done = request.method == "POST"
    if is_done:
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        responses.unsubscribe(message, at=timezone.now(), way="one-click" if one_click else "unsubscribe page")
    return page(request, "public/unsubscribe.html", message, is_done=is_done)


@csrf_exempt  # as above: no cookie is needed, the address is the permission
@private
@require_http_methods(["GET", "HEAD", "POST"])
def preferences_page(request: HttpRequest, token: str) -> HttpResponse:
    """What we may send, to be ticked and unticked; why this message came."""
    message = found(token, addresses.PREFERENCES)
    if message.customer is None or responses.was_erased(message):
        raise Http404
    is_saved = request.method == "POST"
    if is_saved:
        preferences.save(message, set(request.POST.getlist("wanted")), at=timezone.now())
    choices = preferences.choices(message, at=timezone.now())
    reasons = preferences.why(message)
    return page(request, "public/preferences.html", message, choices=choices, reasons=reasons, is_saved=is_saved)


@csp_replace(LETTER_POLICY)
@private
@require_safe
def in_browser(request: HttpRequest, token: str) -> HttpResponse:
    """The letter as it was written, in a sandbox."""
    message = found(token, addresses.BROWSER)
    if message.customer is None or message.variant is None or responses.was_erased(message):
        raise Http404
    letter = queries.letter(message)
    return HttpResponse(letter.html) if letter.html else HttpResponse(letter.text, content_type="text/plain")


def page(request: HttpRequest, template: str, message: Message, **context: Any) -> HttpResponse:
    """A public page in the customer's language."""
    language = message.customer.language if message.customer else ""
    with override(language if language in ("en", "fi") else None):
        return render(request, template, {"address": preferences.masked_address(message), **context})
