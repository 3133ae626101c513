"""How a rule is refused: the place, the reason in the reader's language, and what would be valid there."""

from collections.abc import Iterable
from typing import Any

from segments.rules.faults import FINNISH, FINNISH_OF, FINNISH_WORDS


class RuleError(ValueError):
    """A rule that cannot be accepted. `path` is a JSON path such as `where.all[2].op`.

    The reason is a row of `faults.FINNISH` with `words` in its places; `message` is the English one.
    """

    def __init__(self, path: str, reason: str, choices: Iterable[str] = (), **words: Any) -> None:
        self.path = path
        self.reason = reason
        self.words = words
        self.choices = tuple(choices)
        self.message = self.said()
        super().__init__(self.sentence())

    def said(self, language: str = "en") -> str:
        """The reason alone."""
        if language != "fi" or self.reason not in FINNISH:
            return self.reason.format(**self.words)
        words = {name: FINNISH_WORDS.get(word, word) for name, word in self.words.items()}
        return FINNISH[self.reason].format(**words, of=FINNISH_OF.get(self.words.get("what", ""), ""))

    def sentence(self, language: str = "en") -> str:
        """The place, the reason and the valid choices."""
        hint = HINTS[language == "fi"].format(choices=", ".join(self.choices)) if self.choices else ""
        return f"{self.path}: {self.said(language)}{hint}"


HINTS = ("; choose one of: {choices}", "; valitse jokin näistä: {choices}")
