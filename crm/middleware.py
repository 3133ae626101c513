"""Around every request: the visitor's language and time zone, and a poke for those who follow changed customers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils import timezone, translation

from crm.actions.touches import was_touched
from crm.imports.files import MAX_FILE_BYTES
from crm.note_files import MOST_BYTES, MOST_FILES
from crm.tasks import poke_followers

TAKES_FILES = {  # pages by name; bytes beside the form
    "import-new": MAX_FILE_BYTES,
    **dict.fromkeys(("customer-note-add", "company-note-add"), MOST_FILES * MOST_BYTES),
}


def preferences(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: signed-in users get their own language and zone, everybody else the firm's zone."""

    def respond(request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(ZoneInfo(getattr(user, "time_zone", "") or settings.FIRM_TIME_ZONE)):
            return get_response(request)

    return respond


def whole_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whoever is signed out meanwhile is led to the sign-in by the whole page, and back to it afterwards.

    htmx would follow the redirect and put the sign-in, or nothing, into the place of a part of the page.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        door = resolve_url(settings.LOGIN_URL)
        if "HX-Request" not in request.headers or not response.get("Location", "").startswith(f"{door}?"):
            return response
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = urlencode({"next": urlunsplit(("", "", "/" + page.path.lstrip("/"), page.query, ""))})
        return HttpResponse(headers={"HX-Redirect": f"{door}?{back}"})

    return respond


def bounded(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: refuses bodies that nobody could mean before a byte of them is read: files are written to the disk
    while forms are read, and forms are read before any view could look who asks. The API looks at its callers first;
    of pages only those that take files take more than a form, and only from whoever is signed in.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        size = request.META.get("CONTENT_LENGTH") or "0"
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + _bytes_of_files(request)
        if size.isdecimal() and len(size) < 20 and int(size) <= most:
            return get_response(request)
        return HttpResponse(render_to_string("413.html", {"LANGUAGE_CODE": translation.get_language()}), status=413)

    return respond


def _bytes_of_files(request: HttpRequest) -> int:
    if request.path.startswith("/api/"):
        return MAX_FILE_BYTES
    if not request.user.is_authenticated:
        return 0
    try:
        return TAKES_FILES.get(resolve(request.path_info).url_name or "", 0)
    except Resolver404:
        return 0


def followers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: when the request changed customers, workers are told at once."""

    def respond(request: HttpRequest) -> HttpResponse:
        mark = was_touched.set(False)
        response = get_response(request)
        if was_touched.get():
            poke_followers()
        was_touched.reset(mark)
        return response

    return respond


def without_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: takes NUL out of the questions pages are asked; PostgreSQL holds none, and no person types it.

    The API refuses it at its place by itself.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query and not request.path.startswith("/api/"):
            request.META["QUERY_STRING"] = query.replace("%00", "")
        return get_response(request)

    return respond


class FormsWithoutNul:
    """Middleware: takes NUL out of the texts of forms, for every page at once.

    Addresses that ask for no token of the form read what they are sent themselves: calls of others may be signed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.method == "POST" and not getattr(view, "csrf_exempt", False):
            request.POST = _plain(request.POST)  # type: ignore[assignment]  # the stubs ask for a private class


def _plain(form: QueryDict) -> QueryDict:
    if not any("\0" in text for name, texts in form.lists() for text in (name, *texts)):
        return form
    plain = QueryDict(mutable=True, encoding=form.encoding)
    for name, texts in form.lists():
        plain.setlist(name.replace("\0", ""), [text.replace("\0", "") for text in texts])
    plain._mutable = False
    return plain
