"""A JSON document read place by place, so that every refusal names the spot and the valid choices."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from crm.refusals import Refused

MOST_DIGITS = 30  # before the point: “1e999999999” is short to write and endless to work out


class MappingError(Refused):
    """A mapping that cannot be used: `path` is the faulty place, such as `columns.Income.type`."""

    code = "mapping"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message, path=path)

    def __str__(self) -> str:
        return f"{self.path or 'mapping'}: {self.message}"


@dataclass(frozen=True)
class Place:
    """A value of the document and where it stands."""

    value: Any
    path: str = ""

    def __getitem__(self, name: str) -> "Place":
        """The member `name`; its value is None when absent."""
        return Place(self.value.get(name), f"{self.path}.{name}" if self.path else name)

    def __bool__(self) -> bool:
        return self.value is not None

    def refuse(self, message: str) -> MappingError:
        return MappingError(self.path, message)

    def members(self, *allowed: str) -> "Place":
        """The place itself, once known to be an object with none but the allowed members."""
        if not isinstance(self.value, dict):
            raise self.refuse("must be an object { … }")
        for name in self.value:
            if allowed and name not in allowed:
                raise self[str(name)].refuse(f"is not known here; choose from {', '.join(allowed)}")
        return self

    def each_member(self) -> Iterator[tuple[str, "Place"]]:
        self.members()
        return ((name, self[name]) for name in self.value)

    def each(self) -> Iterator["Place"]:
        if not isinstance(self.value, list):
            raise self.refuse("must be a list [ … ]")
        return (Place(item, f"{self.path}[{index}]") for index, item in enumerate(self.value))

    def text(self, default: str | None = None, longest: int = 200) -> str:
        if not self and default is not None:
            return default
        if not isinstance(self.value, str) or len(self.value) > longest:
            raise self.refuse(f"must be a text of at most {longest} characters")
        return self.value

    def needed_text(self, longest: int = 200) -> str:
        if not self or not self.text(longest=longest).strip():
            raise self.refuse("is needed")
        return self.value

    def choice(self, choices: Any, default: str | None = None) -> str:
        if not self and default is not None:
            return default
        if self.value not in list(choices):
            raise self.refuse(f"“{self.value}” is not a choice; choose from {', '.join(choices)}")
        return str(self.value)

    def truth(self, default: bool = False) -> bool:
        if not self:
            return default
        if not isinstance(self.value, bool):
            raise self.refuse("must be true or false")
        return self.value

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.each()) if self else ()

    def numbers(self) -> tuple[Decimal, ...]:
        return tuple(item.number() for item in self.each()) if self else ()

    def number(self) -> Decimal:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | str):
            raise self.refuse("must be a number")
        try:
            number = Decimal(str(self.value))
        except InvalidOperation as error:
            raise self.refuse("must be a number") from error
        if not number.is_finite() or number.adjusted() > MOST_DIGITS:
            raise self.refuse("must be a number")
        return number

    def optional_number(self) -> Decimal | None:
        return self.number() if self else None
