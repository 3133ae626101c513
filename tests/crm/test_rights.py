"""The rights table: every role × right × scope, and what no role ever gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm import rights
from crm.rights import ADMIN, ANALYST, MARKETER, RIGHTS, ROLES, SALES, SCOPES, Actor, NotAllowed, may, require


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("role", ROLES)
def test_a_signed_in_user_may_exactly_what_the_table_gives_the_role(role: str, right: str) -> None:
    assert may(Actor(role=role), right) == (role in RIGHTS[right].roles)


@given(
    role=some.sampled_from(ROLES),
    right=some.sampled_from(sorted(RIGHTS)),
    scopes=some.frozensets(some.sampled_from(SCOPES)),
)
def test_a_key_never_may_more_than_its_issuer_nor_beyond_its_scopes(role: str, right: str, scopes: frozenset) -> None:
    key = Actor(role=role, key=object(), scopes=scopes)
    if may(key, right):
        assert may(Actor(role=role), right)
        assert RIGHTS[right].scope in scopes


def test_no_key_manages_keys_users_settings_or_the_audit_even_with_every_scope() -> None:
    key = Actor(role=ADMIN, key=object(), scopes=frozenset(SCOPES))
    never = {"keys.change", "users.change", "settings.change", "audit.view", "suppressions.lift", "campaigns.resend"}
    assert not [right for right in never if may(key, right)]


def test_the_promises_of_the_published_matrix_hold() -> None:
    """Written from the permission matrix, not from the table; what analysts see of persons is nameless."""
    assert {right for right in RIGHTS if may(Actor(role=ANALYST), right)} - {"news.view"} == {  # news are one's own
        "customers.view", "fields.view", "orders.view", "events.view", "features.view", "segments.view",
        "campaigns.view", "reports.view", "health.view", "surveys.view", "tasks.view", "deals.view",
    }  # fmt: skip
    assert not may(Actor(role=SALES), "campaigns.launch") and not may(Actor(role=SALES), "imports.run")
    assert not may(Actor(role=MARKETER), "customers.change") and not may(Actor(role=MARKETER), "suppressions.lift")
    assert may(Actor(role=SALES), "consents.withdraw") and not may(Actor(role=SALES), "consents.grant")


def test_a_refusal_names_the_missing_scope() -> None:
    with pytest.raises(NotAllowed, match="customers:write"):
        require(Actor(role=ADMIN, key=object(), scopes=frozenset(["customers:read"])), "customers.change")


def test_an_unknown_right_is_a_mistake_in_the_code() -> None:
    with pytest.raises(KeyError):
        may(rights.machine("task"), "customers.fly")
