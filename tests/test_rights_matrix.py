"""Every address × role × method does what tests/rights_matrix.toml says, and no address is missing there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from crm.rights import ADMIN, RIGHTS, ROLES

pytestmark = pytest.mark.once("rights come before look-ups; browser/test_every_page opens the pages there, with rows")
HERE = Path(__file__).parent
MATRIX: dict[str, dict[str, str]] = {
    route: entry
    for file in sorted(HERE.rglob("rights_matrix.toml"))
    for route, entry in tomllib.loads(file.read_text()).items()
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PERSONS = {"sales": "anna", "marketer": "maija", "analyst": "aino", "admin": "adele"}
# What stands for a part of an address; 1 where nothing is said. Rows need not exist: rights come before look-ups.
SAMPLES: dict[str, str] = {
    "slug": "none",
    "token": "0" * 32,
    "token>.gif": "0.gif",
    "kind>.csv": "none.csv",
    "app_label": "crm",
    "url": "x",
    "var": "nothing",
}
NO_RIGHT = (403,)


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLPattern):
            yield re.sub(r"<\w+:", "<", simplify_regex(pattern))
        else:
            yield from _routes(entry, pattern)


def all_routes() -> list[str]:
    return sorted(set(_routes(get_resolver())))


def entry_of(route: str) -> dict[str, str] | None:
    stars = (name for name in MATRIX if name.endswith("*") and route.startswith(name[:-1]))
    return MATRIX.get(route) or next((MATRIX[name] for name in stars), None)


def address(route: str) -> str:
    parts = []
    for part in route.split("/"):
        name = part.strip("<>").split(":")[-1]
        parts.append(SAMPLES.get(name, "1") if part.startswith("<") else part)
    return "/".join(parts)


def holders(right: str) -> frozenset[str]:
    if right in ("everyone", "signed-in"):
        return frozenset(ROLES)
    return frozenset([ADMIN]) if right == "admins" else RIGHTS[right].roles


def test_every_address_is_listed() -> None:
    missing = [route for route in all_routes() if entry_of(route) is None]
    assert not missing, f"say in tests/rights_matrix.toml what these take: {missing}"


def test_every_listed_address_exists() -> None:
    routes = set(all_routes())
    gone = [name for name in MATRIX if not name.endswith("*") and name not in routes]
    assert not gone, f"no such address any more: {gone}"


@pytest.mark.parametrize("route", [route for route in all_routes() if not route.startswith("/admin/")])
def test_each_role_may_do_what_the_matrix_says(route: str, cast: SimpleNamespace) -> None:
    entry = entry_of(route) or {}
    for role in ROLES:
        client = Client(raise_request_exception=True)
        client.force_login(getattr(cast, PERSONS[role]))
        for method in METHODS:
            status = client.generic(method, address(route), "{}", content_type="application/json").status_code
            right = entry.get(method) or entry.get("ANY")
            place = f"{method} {route} as {role}: {status}"
            if right is None:
                assert status in (403, 405), f"{place}, but the method is not listed"
            elif role in holders(right):
                assert status not in NO_RIGHT and status < 500, f"{place}, but the role holds {right}"
            else:
                assert status in NO_RIGHT, f"{place}, but the role lacks {right}"


@pytest.mark.parametrize("route", all_routes())
def test_strangers_get_in_nowhere_but_where_everyone_may(route: str, db: None) -> None:
    entry = entry_of(route) or {}
    for method in METHODS:
        response = Client().generic(method, address(route), "{}", content_type="application/json")
        if "everyone" in (entry.get(method), entry.get("ANY")):
            assert response.status_code < 500
        else:
            assert response.status_code in (301, 302, 401, 403, 404, 405), f"{method} {route}: {response.status_code}"
            assert response.status_code != 302 or "/sign-in" in response["Location"] or "login" in response["Location"]
