"""Changes others may request: keyword-only verbs, atomic, on behalf of an actor (`by`) at a given time (`at`)."""

from crm.actions.audit import audit
from crm.actions.keys import issue_key, revoke_key

__all__ = [
    "audit",
    "issue_key",
    "revoke_key",
]
