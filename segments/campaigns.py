"""Names of campaigns, told by the floor above: for conditions on responses."""

from collections.abc import Callable, Mapping

NAMES: list[Callable[[], Mapping[str, str]]] = []


def register(names: Callable[[], Mapping[str, str]]) -> None:
    """Add a source of names by slug; called once, from AppConfig.ready of its floor."""
    NAMES.append(names)


def named() -> dict[str, str]:
    """Slug → name of the campaigns that customers can have answered, the newest first."""
    return {slug: name for source in NAMES for slug, name in source().items()}
