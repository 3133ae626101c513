"""Around every request: workers are told at once which segments it made due."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from segments import refresh, tasks


def refreshers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whoever draws a segment sees its members within seconds; the timetable stays the net."""

    def respond(request: HttpRequest) -> HttpResponse:
        mark = refresh.asked.set(frozenset())
        response = get_response(request)
        if slugs := refresh.asked.get():
            tasks.poke_refresh(slugs)
        refresh.asked.reset(mark)
        return response

    return respond
