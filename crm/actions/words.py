"""The words of names kept up: gathered from what changed, forgotten when nobody bears them any more."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from crm import words
from crm.models import Company, Customer, Word, WordKind, WordMark

AT_ONCE = 500
OVERLAP = timedelta(minutes=10)  # changes of a transaction that took long show later than they say


def gather_words(*, at: datetime) -> int:
    """Learn the names of what changed since the last time; return how many were new."""
    return sum(_gathered("customer", living(), (WordKind.LAST_NAME, WordKind.FIRST_NAME), at=at)) + sum(
        _gathered("company", Company.objects.all(), (WordKind.COMPANY,), at=at)
    )


def living() -> QuerySet[Customer]:
    return Customer.objects.filter(erased_at__isnull=True, merged_into__isnull=True)


def _gathered(kind: str, rows: QuerySet, kinds: Iterable[WordKind], *, at: datetime) -> Iterator[int]:
    mark = WordMark.objects.filter(kind=kind).first()
    changed = rows.filter(updated_at__gte=mark.gathered_until - OVERLAP) if mark else rows
    for one in kinds:
        yield from _learned(one, changed)
    WordMark.objects.update_or_create(kind=kind, defaults={"gathered_until": at})


def _learned(kind: WordKind, changed: QuerySet) -> Iterator[int]:
    column = COLUMNS[kind]
    texts = changed.exclude(**{column: ""}).order_by().values_list(column, flat=True).distinct().iterator()
    while piece := list(islice(texts, AT_ONCE)):
        with transaction.atomic():
            n = words.learn(kind, piece)
        yield n


COLUMNS = {WordKind.LAST_NAME: "last_name", WordKind.FIRST_NAME: "first_name", WordKind.COMPANY: "name"}


def forget_words(texts: Iterable[str] | None = None) -> int:
    """Forget those of the words that nobody bears any more, or of all when none are named; return how many."""
    asked = Word.objects.all() if texts is None else Word.objects.filter(text__in=[text for text in texts if text])
    return sum(_forgotten(asked.filter(kind=kind), kind) for kind in WordKind)


def _forgotten(asked: QuerySet[Word], kind: WordKind) -> int:
    bearers: QuerySet = Company.objects.all() if kind == WordKind.COMPANY else living()
    gone = asked.filter(~Exists(bearers.filter(**{COLUMNS[kind]: OuterRef("text")})))
    return gone.delete()[1].get(Word._meta.label, 0)
