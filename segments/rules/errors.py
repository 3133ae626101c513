"""How a rule is refused: the place, the reason, and what would be valid there."""

from collections.abc import Iterable


class RuleError(ValueError):
    """A rule that cannot be accepted. `path` is a JSON path such as `where.all[2].op`."""

    def __init__(self, path: str, message: str, choices: Iterable[str] = ()) -> None:
        self.path = path
        self.message = message
        self.choices = tuple(choices)
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        hint = f"; choose one of: {', '.join(self.choices)}" if self.choices else ""
        return f"{self.path}: {self.message}{hint}"
