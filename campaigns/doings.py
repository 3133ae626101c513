"""What people did with a message, as bits of one number kept in its row, so that a report need not read all answers.

Kept by whoever writes an answer, in the same transaction and under the lock of the row: made anew from the message's
answers, so a repeat, or a click that turns out to be a machine's, needs nothing of its own. Conversions are not in it:
they go again with their orders.
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import Aggregate, BigIntegerField, Case, IntegerField, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from campaigns.models import Message, Response, ResponseClass, ResponseKind
from crm.statements import Call, Given, Statement

SENT_BIT = 1
KINDS = tuple(ResponseKind)  # their places are kept in rows: a new kind goes to the end


def bit(kind: ResponseKind, *, is_human: bool) -> int:
    """The place of a kind of response among what a person did; every other place says that a person was behind it."""
    return 1 << (1 + 2 * KINDS.index(kind) + is_human)


class AnyBit(Aggregate):
    """The bits that are set in any of the rows."""

    function = "BIT_OR"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite has no such aggregate: the largest value of each bit, added up."""
        inner, parameters = compiler.compile(self.source_expressions[0])
        bits = [1 << place for place in range(1, 2 * len(KINDS) + 1)]
        return " + ".join(f"MAX(({inner}) & {one})" for one in bits), tuple(parameters) * len(bits)


def did() -> AnyBit:
    """Over responses: what they say was done."""
    by_people = [
        When(kind=kind, by_class=ResponseClass.HUMAN, then=bit(kind, is_human=True) | bit(kind, is_human=False))
        for kind in KINDS
    ]
    by_anybody = [When(kind=kind, then=bit(kind, is_human=False)) for kind in KINDS]
    return AnyBit(Case(*by_people, *by_anybody, default=0, output_field=IntegerField()))


ANSWERS = Response.objects.filter(message=OuterRef("pk")).exclude(kind=ResponseKind.CONVERSION).order_by()
DID = Coalesce(Subquery(ANSWERS.values("message").annotate(did=did()).values("did")), 0)
KEPT_UP = Statement(Message.objects.filter(pk=Given("id", BigIntegerField)).exclude(did=DID).order_by(), {"did": DID})
LOCK = f"SELECT id FROM {Message._meta.db_table} WHERE id = %s FOR NO KEY UPDATE"


def held(message: int) -> list[Call]:
    """Before an answer is written: nobody else writes one to this message until the transaction ends."""
    return [Call(LOCK, [message])] if connection.vendor == "postgresql" else []


def kept_up(message: int) -> Call:
    """After it."""
    return KEPT_UP.call(id=message)


@transaction.atomic
def recount(messages: QuerySet[Message]) -> int:
    """Make the bits of these messages anew from their answers; returns how many were wrong."""
    wrong = messages.order_by("pk").exclude(did=DID).select_for_update(no_key=True)
    return Message.objects.filter(pk__in=list(wrong.values_list("pk", flat=True))).update(did=DID)
