"""The feature catalogue as plain values: what a profile's columns are called, hold and allow."""

from dataclasses import dataclass, field
from typing import Final

KINDS: Final = ("text", "number", "money", "date", "datetime", "truth", "choice", "list")
DIMENSIONS: Final = (
    "demographic",
    "geographic",
    "psychographic",
    "behavioural",
    "technographic",
    "economic",
    "social",
    "life_situation",
    "market_position",
    "cultural",
)
SENSITIVITIES: Final = ("normal", "special", "not_for_marketing")


@dataclass(frozen=True)
class Feature:
    """One typed column of the profile.

    `unit` is a word for numbers and an ISO 4217 code for money; `choices` are the allowed values of a choice;
    `sensitivity` is one of SENSITIVITIES, where special means special-category data (GDPR article 9). `words` are
    what the house calls its own choices: value, English, Finnish; a firm's own choices are read as they are given.
    """

    key: str
    label: str
    label_fi: str
    kind: str
    dimension: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    sensitivity: str = "normal"
    source: str = ""
    words: tuple[tuple[str, str, str], ...] = field(default=(), compare=False)

    def named(self, value: str, *, is_finnish: bool) -> str:
        """What the house calls one of its own choices; any other value as it is."""
        return next((words[is_finnish] for key, *words in self.words if key == value), value)
