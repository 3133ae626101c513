"""Who may do what: one table of rights, and the actor every door asks on behalf of. Knows no framework."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crm.refusals import Refused

SALES, MARKETER, ANALYST, ADMIN = "sales", "marketer", "analyst", "admin"
ROLES = (SALES, MARKETER, ANALYST, ADMIN)
MACHINE = "machine"


@dataclass(frozen=True)
class Right:
    """Roles that hold it, and the scope an API key needs; without a scope no key ever holds it."""

    roles: frozenset[str]
    scope: str | None
    meaning: str


def _right(roles: Iterable[str], scope: str | None, meaning: str) -> Right:
    return Right(frozenset(roles), scope, meaning)


# fmt: off
RIGHTS: dict[str, Right] = {
    "customers.view":      _right(ROLES, "customers:read", "See customers: sales their teams', analysts nameless."),
    "customers.identify":  _right((SALES, MARKETER, ADMIN), "customers:read", "See and search names and addresses."),
    "customers.change":    _right((SALES, ADMIN), "customers:write", "Create and change customers and companies."),
    "customers.assign":    _right((ADMIN,), "customers:admin", "Set owner and team."),
    "customers.merge":     _right((SALES, ADMIN), "customers:admin", "Merge duplicates, when both are in scope."),
    "tasks.view":          _right(ROLES, "customers:read", "See tasks: sales their teams', analysts without words."),
    "tasks.change":        _right((SALES, ADMIN), "customers:write", "Plan and do tasks, log calls and meetings."),
    "deals.view":          _right(ROLES, "deals:read", "See deals: sales their teams', analysts without words."),
    "deals.change":        _right((SALES, ADMIN), "deals:write", "Open, change, move, win and lose deals."),
    "notes.view":          _right((SALES, MARKETER, ADMIN), "customers:read", "Read notes, with their files."),
    "notes.change":        _right((SALES, MARKETER, ADMIN), "customers:write", "Write notes, change one's own, pin."),
    "letters.write":       _right((SALES, ADMIN), "letters:write", "Write a letter to one customer, by e-mail."),
    "news.view":           _right(ROLES, None, "Hear of what concerns oneself, and say how."),
    "worklist.view":       _right((SALES, ADMIN), "customers:read", "See one's own worklist."),
    "tags.change":         _right((SALES, MARKETER, ADMIN), "customers:write", "Make tags; put them on and off."),
    "tags.manage":         _right((ADMIN,), "customers:admin", "Rename, merge and delete tags."),
    "fields.view":         _right(ROLES, "customers:read", "See the definitions of custom fields."),
    "fields.change":       _right((ADMIN,), "customers:admin", "Define and archive custom fields."),
    "orders.view":         _right(ROLES, "orders:read", "See orders and products."),
    "orders.record":       _right((ADMIN,), "orders:write", "Record orders and products."),
    "events.view":         _right(ROLES, "events:read", "See events."),
    "events.record":       _right((ADMIN,), "events:write", "Record events."),
    "consents.view":       _right((SALES, MARKETER, ADMIN), "consent:read", "See consents and their ledger."),
    "consents.withdraw":   _right((SALES, MARKETER, ADMIN), "consent:write", "Record that somebody opts out."),
    "consents.grant":      _right((ADMIN,), "consent:write", "Record a consent with its evidence."),
    "suppressions.view":   _right((MARKETER, ADMIN), "consent:read", "See the suppression list."),
    "suppressions.lift":   _right((ADMIN,), None, "Lift a suppression, with new proof."),
    "exports.persons":     _right((SALES, MARKETER, ADMIN), "export:read", "Export persons; sales at most 500 rows."),
    "imports.view":        _right((MARKETER, ADMIN), "import:read", "See imports."),
    "imports.run":         _right((MARKETER, ADMIN), "import:write", "Import files and undo one's own imports."),
    "features.view":       _right(ROLES, "features:read", "See the feature catalogue and profiles in scope."),
    "surveys.view":        _right((MARKETER, ANALYST, ADMIN), "surveys:read", "See surveys and what they found."),
    "surveys.change":      _right((MARKETER, ADMIN), "surveys:write", "Draw up, open and close surveys."),
    "segments.view":       _right(ROLES, "segments:read", "See segments; members in scope only."),
    "segments.change":     _right((MARKETER, ADMIN), "segments:write", "Create, change, refresh and archive segments."),
    "campaigns.view":      _right(ROLES, "campaigns:read", "See campaigns."),
    "campaigns.change":    _right((MARKETER, ADMIN), "campaigns:write", "Draft and change campaigns."),
    "campaigns.launch":    _right((MARKETER, ADMIN), "campaigns:launch", "Launch, pause, resume and cancel."),
    "campaigns.approve":   _right((MARKETER, ADMIN), "campaigns:launch", "Approve what somebody else wrote."),
    "campaigns.resend":    _right((ADMIN,), None, "Send again what may or may not have arrived."),
    "reports.view":        _right((MARKETER, ANALYST, ADMIN), "reports:read", "See results."),
    "privacy.view":        _right((MARKETER, ADMIN), "privacy:read", "See all requests about personal data."),
    "privacy.file":        _right((SALES, MARKETER, ADMIN), "privacy:write", "File a request about personal data."),
    "privacy.execute":     _right((ADMIN,), "privacy:execute", "Erase, restrict, export one person's data."),
    "settings.view":       _right((MARKETER, ADMIN), None, "See the names of channels and domains."),
    "settings.change":     _right((ADMIN,), None, "Change channels, domains, retention, timetable."),
    "keys.change":         _right((ADMIN,), None, "Issue and revoke API keys; no key can."),
    "users.change":        _right((ADMIN,), None, "Create users, set roles and teams."),
    "audit.view":          _right((ADMIN,), None, "Read the audit lines; nobody changes them."),
    "health.view":         _right(ROLES, None, "See queues, lateness and the last runs."),
}
# fmt: on
SCOPES = tuple(sorted({right.scope for right in RIGHTS.values() if right.scope}))

# What an actor without `customers.identify` never sees, and may not search, filter or sort by.
PERSONAL_COLUMNS = ("first_name", "last_name", "email", "phone", "street", "postal_code", "birth_date")


@dataclass(frozen=True)
class Actor:
    """On whose behalf something is done: a signed-in user, an API key (bounded by its issuer) or a machine.

    `team_ids` None means every team, `scopes` None means no key is involved.
    """

    role: str
    user: Any = None
    key: Any = None
    team_ids: frozenset[int] | None = None
    scopes: frozenset[str] | None = None
    may_see_special: bool = False
    language: str = "en"
    source: str = "page"


class NotAllowed(Refused):
    """In scope, but this actor lacks the right."""

    code = "not_allowed"
    status = 403


def machine(source: str) -> Actor:
    """The actor of jobs and commands: every right, no person. `source` is written into the audit line."""
    return Actor(role=MACHINE, source=source)


def may(actor: Actor, right: str) -> bool:
    """Whether the actor holds the right. Unknown rights are a mistake in the code and raise KeyError."""
    row = RIGHTS[right]
    if actor.role == MACHINE:
        return True
    return actor.role in row.roles and (actor.scopes is None or row.scope in actor.scopes)


def require(actor: Actor, right: str) -> None:
    """Raise NotAllowed unless the actor holds the right."""
    if not may(actor, right):
        raise NotAllowed(_refusal(actor, right))


def _refusal(actor: Actor, right: str) -> str:
    scope = RIGHTS[right].scope
    if actor.key is not None and scope and actor.role in RIGHTS[right].roles:
        return f"This key lacks the scope {scope}."
    return f"The right {right} is needed for this."
