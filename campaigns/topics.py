"""Topics: named by marketers, carried by campaigns, chosen by customers, who may want all but one of them."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.models import Topic, TopicChoice
from crm import actions as crm_actions
from crm.refusals import Refused
from crm.rights import Actor, require

CHANGEABLE = ("name_en", "name_fi", "is_offered")
NAMES = ("name_en", "name_fi")
REFUSED = "topic_refused"


def topics() -> QuerySet[Topic]:
    """All topics, each with how many campaigns carry it and how many people do not want it."""
    refusing = Count("choices", filter=Q(choices__is_wanted=False), distinct=True)
    return Topic.objects.annotate(carried_by=Count("campaigns", distinct=True), refused_by=refusing)


def offered() -> QuerySet[Topic]:
    """Those that new campaigns and customers may choose."""
    return Topic.objects.filter(is_offered=True)


@transaction.atomic
def keep_topic(values: Mapping[str, Any], *, by: Actor, at: datetime, topic: Topic | None = None) -> Topic:
    """A new topic, or other values of one. Raises `Refused` at a name that is empty or taken."""
    require(by, "campaigns.change")
    row = Topic.objects.select_for_update().get(pk=topic.pk) if topic else Topic()
    before = {name: getattr(row, name) for name in CHANGEABLE}
    for name in CHANGEABLE:
        setattr(row, name, values.get(name, before[name]))
    for name in NAMES:
        setattr(row, name, unlike_others(row, name))
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:  # somebody else was faster with the name
        raise Refused(_("There is a topic of this name already."), path=NAMES[0]) from error
    changes = {name: [before[name], getattr(row, name)] for name in CHANGEABLE if before[name] != getattr(row, name)}
    if changes or topic is None:
        verb = "changed" if topic else "created"
        crm_actions.audit(kind="topic", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)
    return row


def unlike_others(row: Topic, name: str) -> str:
    """The name with single spaces, once it is neither empty nor another topic's."""
    text = " ".join(getattr(row, name).split())
    if not text:
        raise Refused(_("This is needed."), path=name)
    if Topic.objects.filter(**{f"{name}__iexact": text}).exclude(pk=row.pk).exists():
        raise Refused(_("There is a topic of this name already."), path=name)
    return text


def choices(customer: Any) -> list[tuple[Topic, bool]]:
    """The topics on offer, each with whether the person wants it."""
    unwanted = set(TopicChoice.objects.filter(customer=customer, is_wanted=False).values_list("topic", flat=True))
    return [(topic, topic.pk not in unwanted) for topic in sorted(offered(), key=lambda one: str(one).casefold())]


@transaction.atomic
def choose(customer: Any, wanted: Set[str], shown: Set[str], *, by: Actor, at: datetime) -> None:
    """Make of the topics that were shown (ids as texts) these the ones the person wants; changes alone are written."""
    for topic, is_wanted in choices(customer):
        key = str(topic.pk)
        if key not in shown or (key in wanted) == is_wanted:
            continue
        said = {"is_wanted": key in wanted, "said_at": at}
        TopicChoice.objects.update_or_create(customer=customer, topic=topic, defaults=said)
        verb, change = ("topic wanted", [None, str(topic)]) if key in wanted else ("topic left", [str(topic), None])
        crm_actions.audit(kind="customer", object_id=customer.pk, verb=verb, changes={"topic": change}, by=by, at=at)


def refusing(topic_id: int | None) -> QuerySet[TopicChoice]:
    """What people said who do not want a topic; nobody refuses a campaign without one."""
    said = TopicChoice.objects.filter(is_wanted=False).order_by()
    return said.filter(topic=topic_id) if topic_id else said.none()


def is_refused() -> Exists:
    """True for a message whose recipient does not want the topic of its campaign."""
    said = TopicChoice.objects.filter(customer=OuterRef("customer_id"), is_wanted=False)
    return Exists(said.filter(topic__campaigns__runs=OuterRef("run_id")).order_by())
