"""Figures that take long: a page that has them at hand shows them, another comes at once and fetches them after."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from crm import answers

NOW = "figures"  # in the address: somebody waits for them


def figures(request: HttpRequest, make: Callable[[], Mapping[str, Any]], *, rows: int) -> dict[str, Any]:
    """What `make` brings to the context of a page; where it rests on many `rows` and is not at hand, `later`: the
    address that waits for it. The page's part that shows them has the id `figures` (components/later.html)."""
    if rows < answers.MANY or NOW in request.GET:
        return dict(make())
    try:
        with answers.only_at_hand():
            return dict(make())
    except answers.NotAtHand:
        query = request.GET.copy()
        query[NOW] = "now"
        return {"later": f"?{query.urlencode()}"}


def by_worker(
    request: HttpRequest, make: Callable[[], Mapping[str, Any]], *, rows: int, name: str, poke: Callable[[], None]
) -> dict[str, Any]:
    """The same for what takes longer than anybody waits: a worker is poked once to work out what is called `name`, and
    the page asks again; `so_far` says how much is done. The worker says `answers.going_on` and `answers.ended`."""
    if rows < answers.MANY:
        return dict(make())
    try:
        with answers.only_at_hand():
            return dict(make())
    except answers.NotAtHand:
        if answers.begin(name):
            poke()
        return {"later": request.get_full_path(), "is_polled": True, "so_far": answers.done_so_far(name)}
