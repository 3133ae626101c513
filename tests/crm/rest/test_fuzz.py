"""Requests made from the OpenAPI file, sensible and not: never a 5xx, always the one error shape."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

ROOT = Path(__file__).resolve().parents[3]
API = schemathesis.openapi.from_path(str(ROOT / "docs" / "openapi.yaml"))
OPERATIONS = {result.ok().label: result.ok() for result in API.get_all_operations()}
BOUNDED = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    derandomize=True,
)


@pytest.fixture
def client(caller: Callable[..., Client], make_customer: Callable) -> Client:
    """A caller that may do everything, with some rows to find."""
    for number in ("0", "1"):
        make_customer(number)
    return caller()


def sent(client: Client, case: Any) -> Any:
    """The case, sent in this process."""
    has_body = isinstance(case.body, dict | list | str | int | float | bool) or case.body is None
    body = json.dumps(case.body) if has_body else ""
    query = urlencode(case.query or {}, doseq=True, errors="replace")
    address = case.formatted_path + (f"?{query}" if query else "")
    return client.generic(case.method, address, body, content_type="application/json")


@pytest.mark.slow(0.3)
@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(GenerationMode.POSITIVE, id="sensible"),
        pytest.param(
            GenerationMode.NEGATIVE, id="senseless", marks=pytest.mark.once("refused before a row is asked for")
        ),
    ],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_ends_in_a_server_error(name: str, mode: GenerationMode, client: Client) -> None:
    @BOUNDED
    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode))
    def try_one(case: Any) -> None:
        response = sent(client, case)
        assert response.status_code < 500, response.content
        if response.status_code >= 400:
            assert set(response.json()["error"]) >= {"code", "message", "path", "details"}

    try_one()
