"""What uses a tag beside the rows that have it: saved views of lists, and what floors above bring."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.models import SavedView
from crm.rights import Actor


@dataclass(frozen=True)
class Use:
    """One thing that names the tag: what it is, its name, and its page (empty: it has none)."""

    slug: str
    kind: Any
    name: str
    url: str = ""


# A source says what names tags: one question, however many tags there are.
Source = Callable[[Actor], Iterable[Use]]


def of_views(actor: Actor) -> Iterable[Use]:
    for view in SavedView.objects.filter(deleted_at__isnull=True):
        for slug in view.query.get("tag", []):
            yield Use(slug, _("Saved view"), view.name)


SOURCES: list[Source] = [of_views]


def register(source: Source) -> None:
    """Add a source; called once, from the AppConfig.ready of the floor that brings it."""
    SOURCES.append(source)


def by_tag(actor: Actor) -> dict[str, list[Use]]:
    """The uses of each tag by its slug."""
    found: dict[str, list[Use]] = {}
    for source in SOURCES:
        for use in source(actor):
            found.setdefault(use.slug, []).append(use)
    return found
