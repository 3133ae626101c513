"""Posts of many rows at once: each row gets its own verdict, bad ones never take the good ones with them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from crm.actions.verdicts import REFUSED, Verdict
from crm.refusals import Refused
from crm.rest.errors import flattened
from crm.rest.parsing import faults


class BatchRefused(Refused):
    """Not a batch at all."""

    code = "batch_invalid"


class VerdictSerializer(serializers.Serializer):
    """What became of one row of the batch."""

    index = serializers.IntegerField(help_text="Place in the batch, from 0.")
    status = serializers.ChoiceField(["stored", "duplicate", "refused"], help_text="duplicate: nothing changed.")
    number = serializers.CharField(help_text="Its number or source id.")
    code = serializers.CharField(help_text="Why refused: a code.")
    message = serializers.CharField(help_text="Why refused, in words.")
    path = serializers.CharField(help_text="Place of the fault in the row.")


class VerdictsSerializer(serializers.Serializer):
    """Counts and one verdict per row, in the order given."""

    stored = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    refused = serializers.IntegerField()
    verdicts = VerdictSerializer(many=True)


def rows_of(data: Any, name: str, most: int) -> list[Any]:
    """The rows under `name` in the body. Raises BatchRefused."""
    if not isinstance(data, dict) or set(data) != {name} or not isinstance(data[name], list):
        message = _("An object with one list named %(name)s is needed.") % {"name": name}
        raise BatchRefused(message, path=name, choices=[name])
    if len(data[name]) > most:
        raise BatchRefused(_("At most %(most)s rows at once.") % {"most": most}, path=name)
    return data[name]


def judged(
    rows: Sequence[Any], read: Callable[[int, Any], Any], record: Callable[[list[Any]], Iterable[Verdict]]
) -> dict[str, Any]:
    """Read every row, record the good ones together, and answer with a verdict for each in the order given."""
    good: list[tuple[int, Any]] = []
    verdicts: dict[int, Verdict] = {}
    for index, row in enumerate(rows):
        try:
            good.append((index, _read(read, index, row)))
        except (Refused, serializers.ValidationError) as error:
            verdicts[index] = refusal(index, error)
    for (index, _value), verdict in zip(good, record([value for _index, value in good]), strict=True):
        verdicts[index] = verdict
    return counted([verdicts[index] for index in range(len(rows))])


def _read(read: Callable[[int, Any], Any], index: int, row: Any) -> Any:
    for path, fault in faults(row):
        raise Refused(fault, path=path, code="parse_error")
    return read(index, row)


def refusal(index: int, error: Refused | serializers.ValidationError) -> Verdict:
    """The verdict that says why a row could not be read."""
    if isinstance(error, Refused):
        return Verdict(index, REFUSED, code=error.code, message=error.message, path=error.path)
    first = next(iter(flattened(error.detail)))
    return Verdict(index, REFUSED, code=first["code"], message=first["message"], path=first["path"])


def counted(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The answer: counts, then each verdict with its place in the batch."""
    rows = [{**vars(verdict), "index": index} for index, verdict in enumerate(verdicts)]
    counts = {status: sum(row["status"] == status for row in rows) for status in ("stored", "duplicate", "refused")}
    return {**counts, "verdicts": rows}
