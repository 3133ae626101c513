"""What the house tells others: topics, the outbox written with each change, and the calls made from it.

A happening is written for every hook that wants it in the transaction in which it happens, many at once by one
INSERT … SELECT. Calls name what happened by ids; the rest is read by the API, within the rights of the caller's key.
"""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import connection, transaction
from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat, JSONObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from crm import calling
from crm.models import AuditLine, Customer, Deal, Hook, HookCall, HookCallState

TOPICS: dict[str, Any] = {
    "customer.created": gettext_lazy("A customer was entered"),
    "customer.changed": gettext_lazy("A customer was changed"),
    "customer.merged": gettext_lazy("Two customers were joined"),
    "customer.erased": gettext_lazy("A customer was erased"),
    "deal.created": gettext_lazy("A deal was opened"),
    "deal.moved": gettext_lazy("A deal moved to another stage"),
    "deal.won": gettext_lazy("A deal was won"),
    "deal.lost": gettext_lazy("A deal was lost"),
}
TEST = "test"
VERBS = {"assigned": "changed", "tagged": "changed", "untagged": "changed"}
NUMBERS = {"customer": Customer.objects.values("number"), "deal": Deal.objects.values("customer__number")}

# Minutes until the next try; after the last one a call is given up. About three days in all.
WAITS = (1, 5, 30, 120, 480, 1440, 1440)
STOPS_AFTER = timedelta(days=3)
OVERLAP = timedelta(days=1)  # both keys sign, so that a receiver may change over without losing a call
LEASE = timedelta(minutes=5)
BATCH, IN_A_ROW = 200, 5
KEPT = timedelta(days=30)


def register(topic: str, label: Any) -> None:
    """Add a topic of a floor above; called once, from its AppConfig.ready."""
    TOPICS[topic] = label


# --- the outbox -------------------------------------------------------------------------------------------------------


def wanting(topic: str) -> list[int]:
    """Ids of the hooks that are told of the topic."""
    rows = Hook.objects.filter(is_active=True).order_by().values_list("pk", "topics")
    return [pk for pk, topics in rows if topic in topics]


def announce(topic: str, rows: QuerySet[Any], *, key: str, data: dict[str, Any], at: datetime) -> None:
    """Write the happening of each row for each hook that wants it: one statement per hook, however many rows.

    `key` and the row's id name the happening; `data` maps names to expressions over the row.
    """
    for hook in wanting(topic):
        named = Concat(Value(f"{key}:"), Cast("pk", CharField()), output_field=CharField())
        told = (
            rows.order_by().annotate(call_key=named, call_data=JSONObject(**data)).values_list("call_key", "call_data")
        )
        _insert(hook, topic, told, at)


def _insert(hook: int, topic: str, rows: QuerySet[Any], at: datetime) -> None:
    sql, parameters = rows.query.sql_with_params()
    moment = connection.ops.adapt_datetimefield_value(at)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_hookcall (hook_id, topic, at, state, attempts, next_at, answer, key, data)"
            f" SELECT %s, %s, %s, 'waiting', 0, %s, '', told.* FROM ({sql}) AS told WHERE TRUE ON CONFLICT DO NOTHING",
            [hook, topic, moment, moment, *parameters],
        )


def announce_lines(lines: Sequence[AuditLine], *, at: datetime) -> None:
    """Tell of changes by their audit lines, just written and all of one kind and verb."""
    if not lines or f"{lines[0].kind}.{_verb(lines[0])}" not in TOPICS:
        return
    kind, topic = lines[0].kind, f"{lines[0].kind}.{_verb(lines[0])}"
    ids = [line.pk for line in lines]
    rows = AuditLine.objects.filter(pk__gte=min(ids), pk__lte=max(ids), kind=kind, verb=lines[0].verb)
    number = Subquery(NUMBERS[kind].filter(pk=OuterRef("object_id"))[:1])
    data = {kind: F("object_id"), "customer_number": number, "verb": F("verb")}
    announce(topic, rows, key="audit", data=data, at=at)


def _verb(line: AuditLine) -> str:
    return VERBS.get(line.verb, line.verb)


# --- the calls --------------------------------------------------------------------------------------------------------


def secrets_of(hook: Hook, at: datetime) -> list[bytes]:
    """The keys that sign now: the newest, and for a day the one before."""
    numbers = [hook.key_number]
    if hook.rotated_at and at < hook.rotated_at + OVERLAP:
        numbers.append(hook.key_number - 1)
    return [calling.secret_of("hook", hook.pk, number) for number in numbers]


def call_of(row: HookCall) -> calling.Call:
    """The body: type, time and data; the id is the same at every attempt."""
    body = {"type": row.topic, "timestamp": row.at.isoformat(), "data": row.data}
    return calling.Call(f"hook_{row.pk}", json.dumps(body, ensure_ascii=False, sort_keys=True).encode())


def deliver(*, at: datetime) -> int:
    """Make the calls that are due; a hook that fails several times in a row is left until the next round."""
    failures: dict[int, int] = {}
    rows = claimed(at)
    for row in rows:
        if failures.get(row.hook_id, 0) < IN_A_ROW:
            failures[row.hook_id] = 0 if tell(row, at=at) else failures.get(row.hook_id, 0) + 1
        else:
            HookCall.objects.filter(pk=row.pk, state=HookCallState.WAITING).update(next_at=at + LEASE)
    return len(rows)


@transaction.atomic
def claimed(at: datetime) -> list[HookCall]:
    """Due calls that no other worker makes at this moment, the oldest first."""
    due = HookCall.objects.filter(state=HookCallState.WAITING, next_at__lte=at, hook__is_active=True)
    free = due.order_by("next_at", "pk").select_for_update(skip_locked=True, of=("self",))
    ids = list(free.values_list("pk", flat=True)[:BATCH])
    HookCall.objects.filter(pk__in=ids).update(next_at=at + LEASE)
    return list(HookCall.objects.filter(pk__in=ids).select_related("hook__created_by").order_by("pk"))


@dataclass(frozen=True)
class Answer:
    """What a call got: whether it was taken, and in short what was said."""

    is_taken: bool
    words: str


def answer_to(row: HookCall, *, at: datetime) -> Answer:
    """Call once. Only 2xx means taken; a redirect is not followed."""
    try:
        status = calling.post(row.hook.url, call_of(row), secrets_of(row.hook, at))
    except calling.NotAllowed as refusal:
        return Answer(False, str(refusal))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(False, type(error).__name__)
    return Answer(200 <= status < 300, f"HTTP {status}")


def tell(row: HookCall, *, at: datetime) -> bool:
    """Make one call and write down what it got."""
    answer = answer_to(row, at=at)
    values: dict[str, Any] = {"attempts": row.attempts + 1, "answer": answer.words[:120]}
    if answer.is_taken:
        values |= {"state": HookCallState.DONE, "done_at": at, "next_at": None}
    elif row.attempts >= len(WAITS) or row.topic == TEST:
        values |= {"state": HookCallState.FAILED, "done_at": at, "next_at": None}
    else:
        values["next_at"] = at + timedelta(minutes=WAITS[row.attempts])
    HookCall.objects.filter(pk=row.pk).update(**values)
    _judge(row.hook, answer, at)
    return answer.is_taken


def _judge(hook: Hook, answer: Answer, at: datetime) -> None:
    """A success ends what failed before; a hook that failed for days is stopped, and its maker is told."""
    own = Hook.objects.filter(pk=hook.pk)
    if answer.is_taken:
        own.exclude(failing_since=None).update(failing_since=None)
        return
    own.filter(failing_since=None).update(failing_since=at)
    late = own.filter(is_active=True, failing_since__lte=at - STOPS_AFTER)
    if late.update(is_active=False, stopped_at=at):
        _tell_maker(hook, answer)


def _tell_maker(hook: Hook, answer: Answer) -> None:
    if hook.created_by is None or not hook.created_by.email:
        return
    with override(hook.created_by.language or settings.LANGUAGE_CODE):
        subject = _("The webhook “%(name)s” was stopped") % {"name": hook.name}
        told = _("For three days %(url)s took no call; the last answer was: %(answer)s. Calls that wait are kept.")
        body = told % {"url": hook.url, "answer": answer.words}
        text = f"{body}\n\n{settings.BASE_URL}/settings/webhooks/{hook.pk}/\n"
        send_mail(subject, text, None, [hook.created_by.email], fail_silently=True)


def forget(*, at: datetime) -> int:
    """Delete calls that ended a month ago; returns how many."""
    return HookCall.objects.filter(overdue(at)).delete()[0]


def overdue(at: datetime) -> Q:
    return Q(done_at__lt=at - KEPT)
