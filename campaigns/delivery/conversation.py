"""What every line to the outside answers to, whatever the channel: the one protocol of the worker."""

from collections.abc import Callable
from typing import Any, Protocol

from campaigns.delivery.replies import Reply

Begin = Callable[[], bool]


class Broken(Exception):
    """The connection broke in this phase. Before `data` the message provably did not leave."""

    def __init__(self, phase: str, text: str) -> None:
        self.phase, self.text = phase, text
        super().__init__(f"{phase}: {text}")


class Line(Protocol):
    """Hands one message over. `begin` is called just before the payload; when it returns False nothing is sent."""

    def hand_over(self, item: Any, begin: Begin) -> Reply | None:
        """The last reply; None when `begin` refused. Raises `Broken`."""

    def close(self) -> None:
        """Hang up."""
