"""What a visitor asks of a list: a saved view, and what the address says besides; the address goes before the view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from crm import queries
from crm.keyset import row_id
from crm.models import ListChoice, SavedView
from crm.rights import Actor

KEPT = ("stage", "team", "owner", "tag", "where")  # parameters that a view keeps: filters, never what was searched
MOST_VALUES = 20


@dataclass(frozen=True)
class Asked:
    """A list as asked for: `parameters` by name, the view they began from, the columns by key (empty: the usual)."""

    parameters: Mapping[str, Sequence[str]]
    view: SavedView | None = None
    columns: tuple[str, ...] = ()
    views: tuple[SavedView, ...] = field(default=(), compare=False)
    usual_view: int | None = None

    def first(self, name: str) -> str:
        found = self.parameters.get(name) or [""]
        return found[-1]

    @property
    def query(self) -> QueryDict:
        """All parameters as a form reads them."""
        known = QueryDict(mutable=True)
        for name, values in self.parameters.items():
            known.setlist(name, list(values))
        return known

    @property
    def kept(self) -> dict[str, list[str]]:
        """What a view saved from this would hold."""
        return {name: [one for one in self.parameters.get(name, []) if one] for name in KEPT if self.first(name)}

    @property
    def is_changed(self) -> bool:
        """Whether the address says something else than its view."""
        if self.view is None:
            return False
        own = (self.view.query, self.view.sort, self.view.columns)
        return own != (self.kept, self.first("sort"), list(self.columns))


def asked(actor: Actor, list_name: str, given: QueryDict) -> Asked:
    """What the address means for this visitor; without any parameter, the view she wants the list to open with."""
    choice = ListChoice.objects.filter(user=actor.user, list_name=list_name).first()
    views = tuple(queries.views(actor, list_name))
    usual = choice.view_id if choice else None
    wanted = row_id(given.get("view", "")) if given else usual
    view = next((one for one in views if one.pk == wanted), None)
    own = {name: values[:MOST_VALUES] for name, values in given.lists() if name not in ("cursor", "columns", "view")}
    if view is None:
        return Asked(own, None, _columns(given) or tuple(choice.columns if choice else ()), views, usual)
    begun = {**view.query, "view": [str(view.pk)], **({"sort": [view.sort]} if view.sort else {})}
    return Asked({**begun, **own}, view, _columns(given) or tuple(view.columns), views, usual)


def _columns(given: QueryDict) -> tuple[str, ...]:
    return tuple(given.getlist("columns")[:MOST_VALUES])


def address(path: str, parameters: Mapping[str, Sequence[str]], **changes: Any) -> str:
    """The list with some parameters changed; None takes one away."""
    now = {**parameters, **changes}
    pairs = [(name, values) for name, values in now.items() if values is not None]
    return f"{path}?{urlencode(pairs, doseq=True)}" if pairs else path
