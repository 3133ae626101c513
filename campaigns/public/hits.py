"""Opens and clicks, answered in front of sessions, languages and sign-ins: they need none and come by the thousand."""

import re
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from campaigns import queries, responses
from campaigns.content import addresses
from campaigns.models import Message
from crm.public_pages import poke_seldom, untold

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

Answer = Callable[[HttpRequest], HttpResponse]


def first(get_response: Answer) -> Answer:
    """Middleware: hits are answered here; what is no hit, or has a wrong address, goes the usual way."""

    def respond(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            for address, answer in ANSWERS:
                if found := address.fullmatch(request.path_info):
                    return answered(request, answer, found.groups()) or get_response(request)
        return get_response(request)

    return respond


def answered(request: HttpRequest, answer: Callable[..., HttpResponse], words: tuple[str, ...]) -> HttpResponse | None:
    try:
        response = answer(request, *words)
    except Http404:
        return None
    poke_seldom()
    return untold(response)


def opened(request: HttpRequest, token: str) -> HttpResponse:
    """Always the picture; counted when the address is right and the person lets us."""
    known = message_of(token, addresses.OPEN)
    if known is not None and known[1]:
        responses.record_open(known[0], **hit(request))
    return HttpResponse(PIXEL, content_type="image/gif")


def clicked(request: HttpRequest, token: str, link_id: int | str) -> HttpResponse:
    """Count the click and redirect to the stored address."""
    known = message_of(token, addresses.CLICK, str(link_id))
    url = responses.address_of_link(int(link_id), known[0].variant_id) if known else None
    if known is None or url is None:
        raise Http404
    responses.record_click(known[0], int(link_id), url, **hit(request))
    return HttpResponseRedirect(where(url, known[0].pk))


def message_of(token: str, purpose: str, subject: str = "") -> tuple[responses.Answered, bool] | None:
    """What is known of the message whose address this is; None unless every character is right."""
    number = addresses.number_of(token)
    known = responses.answered(number) if number is not None else None
    return known if known and addresses.is_signed(known[0], token, purpose, subject) else None


def where(url: str, message_id: int) -> str:
    """The stored address; only one with fields asks for the person again."""
    if "{" not in url:
        return url
    message = Message.objects.select_related("run__campaign", "customer").get(pk=message_id)
    return queries.where_link_leads(url, message)


def hit(request: HttpRequest) -> dict[str, Any]:
    return {
        "user_agent": request.headers.get("User-Agent", "").replace("\x00", ""),
        "method": request.method,
        "at": timezone.now(),
    }


ANSWERS: tuple[tuple[re.Pattern[str], Callable[..., HttpResponse]], ...] = (
    (re.compile(r"/o/([^/]+)\.gif"), opened),
    (re.compile(r"/c/([^/]+)/([0-9]{1,18})/"), clicked),
)
