"""What an action or a reader of input raises when it cannot be done: what, where, and what would do."""

from collections.abc import Iterable, Sequence
from typing import ClassVar


class Refused(Exception):
    """Cannot be done as asked. `path` names the place in the input, `choices` what would be valid there."""

    code: ClassVar[str] = "invalid"
    status: ClassVar[int] = 400

    def __init__(self, message: str, *, path: str = "", choices: Iterable[str] | None = None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.choices = None if choices is None else list(choices)
        if code:
            self.code = code  # type: ignore[misc]


class ManyRefused(Refused):
    """Several faults found in one reading of the input; the first speaks for all."""

    def __init__(self, faults: Sequence[Refused]) -> None:
        first = faults[0]
        super().__init__(first.message, path=first.path, choices=first.choices, code=first.code)
        self.faults = list(faults)


class NotPossibleNow(Refused):
    """The rows are not in a state that allows it: somebody was first, or a step is missing."""

    code = "conflict"
    status = 409


def at_path(prefix: str, path: str) -> str:
    """Join two places: `lines` and `[0].sku` make `lines[0].sku`.

    >>> at_path("lines", "[0].sku"), at_path("lines[0]", "sku"), at_path("", "sku"), at_path("sku", "")
    ('lines[0].sku', 'lines[0].sku', 'sku', 'sku')
    """
    if not prefix or not path or path.startswith("["):
        return prefix + path
    return f"{prefix}.{path}"
