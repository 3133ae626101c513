"""Actors and API callers for the tests of customers."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm import access, actions, rights
from crm.models import Customer, Team

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def make_customer(db: None) -> Callable[..., Customer]:
    """A customer straight into the table: number and whatever else."""

    def make(number: str, team: Team | None = None, **more: Any) -> Customer:
        return Customer.objects.create(number=number, team=team, created_at=NOW, updated_at=NOW, **more)

    return make


@pytest.fixture
def caller(cast: SimpleNamespace) -> Callable[..., Client]:
    """An API client with a fresh key: caller("customers:read", team=…); the issuer is the admin."""

    def make(*scopes: str, **more: Any) -> Client:
        by = access.of_user(more.pop("issuer", cast.adele))
        key, raw_key = actions.issue_key(name="test", scopes=scopes or rights.SCOPES, by=by, at=NOW, **more)
        client = Client(headers={"Authorization": f"Bearer {raw_key}"})
        client.key = key  # type: ignore[attr-defined]
        return client

    return make


@pytest.fixture
def as_(cast: SimpleNamespace) -> Callable[[str], Client]:
    """A browser in which somebody of the cast is signed in: as_("anna")."""

    def browser(name: str) -> Client:
        client = Client()
        client.force_login(getattr(cast, name))
        return client

    return browser
