"""What the addresses in a letter do: count an open or a click, let the person leave, show the letter again."""

from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import notes, preferences, queries, responses, topics
from campaigns import own_data as data
from campaigns.content import addresses
from campaigns.models import Message
from campaigns.public import hits
from crm.public_pages import private, spoken_to
from crm.refusals import Refused

LETTER_POLICY = {
    "default-src": ["'none'"],
    "img-src": ["*", "data:"],
    "style-src": ["'unsafe-inline'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
    "frame-ancestors": ["'self'"],
}


def found(token: str, purpose: str, subject: str = "") -> Message:
    """The message of the address, or the one same 404 for everything else."""
    message = addresses.message_of(token, purpose, subject)
    if message is None:
        raise Http404
    return message


@private
@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    return hits.opened(request, token)


@private
@require_safe
def clicked(request: HttpRequest, token: str, link_id: int) -> HttpResponse:
    return hits.clicked(request, token, link_id)


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
    may_choose = is_done and message.customer is not None and not responses.was_erased(message)
    preferences_url = addresses.preferences_url(message) if may_choose else ""
    return page(request, "public/unsubscribe.html", message, is_done=is_done, preferences_url=preferences_url)


@csrf_exempt  # as above: no cookie is needed, the address is the permission
@private
@require_http_methods(["GET", "HEAD", "POST"])
def preferences_page(request: HttpRequest, token: str) -> HttpResponse:
    """What we may send, to be ticked and unticked; why this message came."""
    message = found(token, addresses.PREFERENCES)
    if message.customer is None or responses.was_erased(message):
        raise Http404
    said = changed(request, message) if request.method == "POST" else ""
    now = timezone.now()
    return page(
        request,
        "public/preferences.html",
        message,
        choices=lambda: preferences.choices(message, at=now),
        topics=lambda: topics.choices(message.customer),
        frequencies=preferences.FREQUENCIES,
        frequency=preferences.frequency(message),
        languages=preferences.languages(message),
        theirs=message.customer.language,
        reasons=preferences.why(message),
        said=said,
    )


def changed(request: HttpRequest, message: Message) -> str:
    """Do what the page asks; return which sentence it shows."""
    now = timezone.now()
    if "data" in request.POST:
        try:
            return "data" if preferences.send_way_to_data(message, at=now) else "data_sent_before"
        except Refused:
            return "not_now"
    preferences.save(message, set(request.POST.getlist("wanted")), at=now)
    wanted, shown = set(request.POST.getlist("topic")), set(request.POST.getlist("shown"))
    preferences.choose_topics(message, wanted, shown, at=now)
    frequency = request.POST.get("frequency", "")
    if frequency.isascii() and frequency.isdigit() and len(frequency) < 6:
        preferences.wish_for(message, int(frequency), at=now)
    preferences.speak(message, request.POST.get("language", ""), at=now)
    return "saved"


@csrf_exempt  # as above
@private
@require_http_methods(["GET", "HEAD", "POST"])
def opt_in(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button; POST is the consent."""
    customer, told = asked(notes.OPT_IN, token)
    is_done = request.method == "POST"
    if is_done:
        notes.confirm(customer, told, at=timezone.now())
    return in_language_of(customer, request, "public/opt_in.html", is_done=is_done, firm=settings.FIRM_NAME)


@private
@require_safe
def own_data(request: HttpRequest, token: str) -> HttpResponse:
    """What we know about the person who reads the mailbox; `?as=json` to take along."""
    customer, _told = asked(notes.OWN_DATA, token)
    known = data.of_customer(customer)
    if request.GET.get("as") == "json":
        answer = JsonResponse(known, json_dumps_params={"indent": 1, "ensure_ascii": False})
        answer["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return answer
    return in_language_of(customer, request, "public/own_data.html", known=lambda: data.told(known))


def asked(purpose: str, token: str) -> tuple[Any, dict[str, Any]]:
    try:
        return notes.read(purpose, token)
    except (notes.Asked, Refused):
        raise Http404 from None


def in_language_of(customer: Any, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    def shown() -> HttpResponse:
        return render(request, template, {name: told() if callable(told) else told for name, told in context.items()})

    return spoken_to(customer.language if customer else "", shown)


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
    return in_language_of(message.customer, request, template, address=preferences.masked_address(message), **context)
