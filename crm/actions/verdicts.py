"""What became of each row of a batch."""

from dataclasses import dataclass

STORED, DUPLICATE, REFUSED = "stored", "duplicate", "refused"


@dataclass(frozen=True)
class Verdict:
    """The row at `index` (from 0) with the firm's `number`: stored, duplicate (nothing changed) or refused, and why."""

    index: int
    status: str
    number: str = ""
    code: str = ""
    message: str = ""
    path: str = ""
