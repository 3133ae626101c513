"""Questions others may ask about customers and what happened to them. Every answer is scoped to the actor."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm import due, rights
from crm.addresses import AddressRefused, address_key
from crm.among import Among
from crm.fields import FieldRefused, stored
from crm.keyset import LARGEST_ID
from crm.models import (
    ApiKey,
    AuditLine,
    BulkChange,
    Channel,
    Company,
    CompanyTag,
    ConsentEntry,
    ConsentState,
    Customer,
    CustomerTag,
    Deal,
    DealMove,
    DealNote,
    Event,
    FieldDefinition,
    Import,
    LikePair,
    LostReason,
    Mention,
    Merge,
    Note,
    Notification,
    Order,
    Pipeline,
    PipelineStage,
    PrivacyRequest,
    Product,
    RecoveryCode,
    SavedView,
    Sensitivity,
    Sharing,
    Suppression,
    Tag,
    Task,
    Team,
    Touch,
    TwoFactor,
    User,
    Visit,
)
from crm.pseudonyms import MaskedCustomers, NamelessRows
from crm.rights import Actor


def touched(limit: int) -> dict[int, list[Touch]]:
    """Customers that changed and were not followed yet, those of the oldest `limit` touches, with all their touches."""
    oldest = Touch.objects.order_by("id").values_list("customer_id", flat=True)[:limit]
    return touches_of(set(oldest))


def touches_of(customer_ids: Iterable[int]) -> dict[int, list[Touch]]:
    """The touches of these customers; those without any are left out."""
    found: dict[int, list[Touch]] = {}
    for row in Touch.objects.filter(customer_id__in=list(customer_ids)).order_by("id"):
        found.setdefault(row.customer_id, []).append(row)
    return found


def customers(actor: Actor) -> QuerySet[Customer]:
    """Customers the actor may see, without tombstones of merges and the erased.

    Sales staff and keys with a team get their teams' customers; whoever lacks `customers.identify` gets masked rows.
    """
    rows = Customer.objects.filter(merged_into__isnull=True, erased_at__isnull=True)
    rows = rows.filter(_of_teams(actor, "team"))
    return rows if rights.may(actor, "customers.identify") else MaskedCustomers.over(rows)


def now_known_as(customer_id: int) -> Customer | None:
    """The living customer behind an id that was given out once, through merges; None when there is none any more."""
    same = Q(pk=customer_id, merged_into__isnull=True) | Q(merged=customer_id)
    return Customer.objects.filter(same, erased_at__isnull=True).first()


def erased_since(moment: datetime) -> QuerySet[Customer]:
    """Customers erased at or after a moment, for floors above that keep rows about them."""
    return Customer.objects.filter(updated_at__gte=moment, erased_at__gte=moment)


def companies(actor: Actor) -> QuerySet[Company]:
    """Companies of the actor's teams."""
    return Company.objects.filter(_of_teams(actor, "team"))


def orders(actor: Actor) -> QuerySet[Order]:
    """Orders of customers in scope; guests' orders only for actors who see every team."""
    return Order.objects.filter(_of_living_customers(actor))


def orders_to_add_up() -> QuerySet[Order]:
    """Orders of all living customers, for sums over everybody: who is gone is taken out, nobody else looked up."""
    gone = Customer.objects.filter(Q(merged_into__isnull=False) | Q(erased_at__isnull=False)).order_by()
    return Order.objects.filter(customer__isnull=False).exclude(customer__in=gone.values("pk"))


def orders_of(customers: Q) -> QuerySet[Order]:
    """Orders of customers by a condition on `customer_id`: for floors above that have looked at each of them before."""
    return Order.objects.filter(customers)


# What rests on facts is as new as the newest event, the last writing of an order, the last import taken back.
MARKS_OF_FACTS = ((Event, "id"), (Order, "updated_at"), (Import, "undone_at"))
# Who is reached may change when a customer or a consent is written, or an address suppressed.
MARKS_OF_REACH = ((Customer, "updated_at"), (ConsentState, "updated_at"), (Suppression, "id"))


def events(actor: Actor) -> QuerySet[Event]:
    """Events of customers in scope; those of unknown visitors only for actors who see every team."""
    return Event.objects.filter(_of_living_customers(actor))


def consents(actor: Actor) -> QuerySet[ConsentState]:
    """What the consent ledger says now, for customers in scope."""
    return ConsentState.objects.filter(_of_living_customers(actor))


def consent_entries(actor: Actor) -> QuerySet[ConsentEntry]:
    """Lines of the consent ledger, for customers in scope."""
    return ConsentEntry.objects.filter(_of_living_customers(actor))


def consenting(purpose: str, channel: str, *, at: datetime) -> QuerySet[ConsentState]:
    """Grants that hold at a time, for the channel or for any; what was said last decides, and at one time no wins.

    `.values("customer")` is the subquery of everyone who may be contacted. Objection, restriction and suppression
    come on top.
    """
    said = ConsentState.objects.filter(purpose=purpose, channel__in=[channel, Channel.ANY])
    later_no = said.filter(customer=OuterRef("customer"), is_granted=False, since_at__gte=OuterRef("since_at"))
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    return said.filter(lasting, ~Exists(later_no), is_granted=True, since_at__lte=at)


def refusing(purpose: str, channel: str) -> QuerySet[ConsentState]:
    """What forbids contact by the channel, or by any: for channels that need no consent beforehand."""
    return ConsentState.objects.filter(purpose=purpose, channel__in=[channel, Channel.ANY], is_granted=False)


def is_suppressed(channel: str, address: str) -> bool:
    """Whether the address must not be contacted by the channel; what has no normal form cannot be contacted at all."""
    try:
        key = address_key(channel, address)
    except AddressRefused:
        return True
    return key in suppressed_keys(channel, [key])


def suppressed_keys(channel: str, keys: Iterable[str]) -> set[str]:
    """Those of the keyed hashes that are on the suppression list of the channel or of any."""
    rows = Suppression.objects.filter(Among(F("address_key"), list(keys)), channel__in=[channel, Channel.ANY])
    return set(rows.values_list("address_key", flat=True))


def tasks(actor: Actor) -> QuerySet[Task]:
    """Tasks about customers and companies in scope, and those about nobody that belong to the actor or their teams.

    Whoever lacks `customers.identify` gets them without free texts and names.
    """
    about_nobody = Q(customer__isnull=True, company__isnull=True)
    own = _of_teams(actor, "team") | Q(owner=actor.user) if actor.team_ids is not None else Q()
    return _nameless(Task.objects.filter(_of_those_in_scope(actor) | (about_nobody & own)), actor)


def deals(actor: Actor) -> QuerySet[Deal]:
    """Deals with customers and companies in scope; without free texts and names as `tasks`."""
    return _nameless(Deal.objects.filter(_of_those_in_scope(actor)), actor)


def deal_moves(actor: Actor) -> QuerySet[DealMove]:
    """The steps of deals in scope."""
    return DealMove.objects.filter(deal__in=Deal.objects.filter(_of_those_in_scope(actor)).values("pk"))


def deal_notes(actor: Actor) -> QuerySet[DealNote]:
    """Notes of deals in scope, for those who may see names."""
    if not rights.may(actor, "customers.identify"):
        return DealNote.objects.none()
    return DealNote.objects.filter(deal__in=Deal.objects.filter(_of_those_in_scope(actor)).values("pk"))


def notes(actor: Actor, *, with_deleted: bool = False) -> QuerySet[Note]:
    """Notes on customers and companies in scope, for those who may read them."""
    if not rights.may(actor, "notes.view"):
        return Note.objects.none()
    rows = Note.objects.filter(_of_those_in_scope(actor))
    return rows if with_deleted else rows.filter(deleted_at__isnull=True)


def mentions(actor: Actor) -> QuerySet[Mention]:
    """Where the actor is mentioned, in notes they may still read."""
    return Mention.objects.filter(user=actor.user, note__in=notes(actor).values("pk"))


def readers_of_notes(subject: Customer | Company) -> QuerySet[User]:
    """Who may read what is noted about a customer or company: sales staff of its team, others everywhere."""
    rows = User.objects.filter(is_active=True, role__in=rights.RIGHTS["notes.view"].roles)
    mates = User.teams.through.objects.filter(team=subject.team).values("user_id")
    return rows.filter(~Q(role=rights.SALES) | Q(pk__in=mates))


def privacy_requests(actor: Actor) -> QuerySet[PrivacyRequest]:
    """Requests of persons in scope, also of those erased since, for those who may file them."""
    if not rights.may(actor, "privacy.view") and not rights.may(actor, "privacy.file"):
        return PrivacyRequest.objects.none()
    return PrivacyRequest.objects.filter(_of_teams(actor, "customer__team"))


def pipelines(actor: Actor) -> QuerySet[Pipeline]:
    """Pipelines that take deals; the same for everyone."""
    return Pipeline.objects.filter(archived_at__isnull=True)


def stages(actor: Actor) -> QuerySet[PipelineStage]:
    """Stages that deals may be moved to; the same for everyone."""
    return PipelineStage.objects.filter(archived_at__isnull=True, pipeline__archived_at__isnull=True)


def lost_reasons(actor: Actor) -> QuerySet[LostReason]:
    """Why deals may be lost; the same for everyone."""
    return LostReason.objects.filter(archived_at__isnull=True)


def colleagues(actor: Actor, *, present: int | None = None) -> QuerySet[User]:
    """Whom the actor may give tasks and deals: those who may do them, of the actor's teams; and `present`, whose they
    are already, though the account was closed or is another team's."""
    fitting = Q(is_active=True, role__in=rights.RIGHTS["tasks.change"].roles)
    if actor.team_ids is not None:
        mates = User.teams.through.objects.filter(team_id__in=actor.team_ids).values("user_id")
        fitting &= Q(pk__in=mates) | Q(pk=actor.user.pk)
    return User.objects.filter(fitting | Q(pk=present)).order_by("username")


def products(actor: Actor) -> QuerySet[Product]:
    """Products; the same for everyone."""
    return Product.objects.all()


def fields(actor: Actor, entity: str = "customer") -> QuerySet[FieldDefinition]:
    """Custom fields the actor may read the values of: special categories only with a grant."""
    rows = FieldDefinition.objects.filter(entity=entity, archived_at__isnull=True)
    return rows if sees_special(actor) else rows.exclude(sensitivity=Sensitivity.SPECIAL)


def fields_ever() -> QuerySet[FieldDefinition]:
    """Every custom field, sensitive and archived ones too: to tell persons in words what is held about them."""
    return FieldDefinition.objects.order_by("pk")


def takes_now(field: FieldDefinition, value: Any) -> bool:
    """Whether a custom field holds such a value: it may have been archived since, or lost a choice."""
    try:
        return field.archived_at is None and bool(stored(field, value))
    except FieldRefused:
        return False


def users(actor: Actor, *, present: int | None = None) -> QuerySet[User]:
    """People who may come in, for pickers of owners; and `present`, who is the owner already."""
    return User.objects.filter(Q(is_active=True) | Q(pk=present)).order_by("username")


def users_named(actor: Actor, text: str) -> QuerySet[User]:
    """Users, also closed ones, by how a name begins, for those who keep them."""
    if not rights.may(actor, "users.change"):
        return User.objects.none()
    named = [Q(**{f"{column}__istartswith": text}) for column in ("username", "first_name", "last_name", "email")]
    return User.objects.filter(reduce(or_, named)).order_by("username")


def end_of_firms_day(at: datetime) -> datetime:
    """The last second of the firm's day that holds the moment: until then, what is due today is not overdue."""
    return due.end_of(due.day_of(at))


def has_two_factor(user: User) -> bool:
    """Whether a code is asked for when the user signs in."""
    return TwoFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def two_factor_of(user: User) -> TwoFactor | None:
    """The user's app of codes, confirmed or only begun."""
    return TwoFactor.objects.filter(user=user).first()


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def visits_of(user: User, *, most: int | None = 20) -> QuerySet[Visit]:
    """The user's sign-ins, the last first."""
    return Visit.objects.filter(user=user).select_related("user").order_by("-began_at", "-pk")[:most]


def visits(actor: Actor) -> QuerySet[Visit]:
    """Everybody's sign-ins, for those who keep users."""
    rows = Visit.objects.select_related("user").order_by("-began_at", "-pk")
    return rows if rights.may(actor, "users.change") else rows.none()


def open_sessions(keys: Iterable[str]) -> set[str]:
    """Those of the session keys that are still good."""
    rows = Session.objects.filter(session_key__in=list(keys), expire_date__gt=timezone.now())
    return set(rows.values_list("session_key", flat=True))


def all_users(actor: Actor) -> QuerySet[User]:
    """Every account, closed ones too, for those who keep them."""
    rows = User.objects.select_related("two_factor").prefetch_related("teams").order_by("-is_active", "username")
    return rows if rights.may(actor, "users.change") else rows.none()


def keys(actor: Actor) -> QuerySet[ApiKey]:
    """API keys, for those who issue them."""
    rows = ApiKey.objects.select_related("created_by", "team").order_by("-pk")
    return rows if rights.may(actor, "keys.change") else rows.none()


def teams(actor: Actor) -> QuerySet[Team]:
    """Teams the actor may assign to or filter by."""
    rows = Team.objects.all()
    return rows if actor.team_ids is None else rows.filter(pk__in=actor.team_ids)


def teams_with_members(actor: Actor) -> QuerySet[Team]:
    """The teams with how many open accounts belong to each."""
    return teams(actor).annotate(size=Count("members", filter=Q(members__is_active=True))).order_by("name")


def views(actor: Actor, list_name: str = "") -> QuerySet[SavedView]:
    """Saved views the actor may use: her own, and those shared with her teams or with everyone."""
    rows = SavedView.objects.filter(deleted_at__isnull=True).select_related("owner")
    shared = Q(owner=actor.user) | Q(sharing=Sharing.EVERYONE)
    with_teams = Q(sharing=Sharing.TEAMS)
    if actor.team_ids is not None:
        with_teams &= Q(pk__in=SavedView.teams.through.objects.filter(team__in=actor.team_ids).values("savedview"))
    return rows.filter(shared | with_teams, **({"list_name": list_name} if list_name else {}))


def tags(actor: Actor) -> QuerySet[Tag]:
    """Tags to choose from; the same for everyone."""
    return Tag.objects.filter(archived_at__isnull=True)


def counted_tags(actor: Actor) -> QuerySet[Tag]:
    """The same, each with `customers` and `companies`: how many rows in the whole house have it."""
    return tags(actor).annotate(customers=_worn(CustomerTag), companies=_worn(CompanyTag))


def _worn(link: type[CustomerTag] | type[CompanyTag]) -> Coalesce:
    counted = link.objects.filter(tag=OuterRef("pk")).order_by().values("tag").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def news(actor: Actor) -> QuerySet[Notification]:
    """What the actor was told of."""
    return Notification.objects.filter(user=actor.user)


def bulk_changes(actor: Actor) -> QuerySet[BulkChange]:
    """Changes of many rows at once that the actor made; administrators see everybody's."""
    rows = BulkChange.objects.all()
    return rows if rights.may(actor, "audit.view") else rows.filter(by=actor.user)


def suppressions(actor: Actor) -> QuerySet[Suppression]:
    """The suppression list: keyed hashes and reasons, no addresses."""
    return Suppression.objects.all() if rights.may(actor, "suppressions.view") else Suppression.objects.none()


def audit_lines(actor: Actor) -> QuerySet[AuditLine]:
    """Audit lines, for those who may read them."""
    return AuditLine.objects.all() if rights.may(actor, "audit.view") else AuditLine.objects.none()


HIDDEN = "…"


def special_names() -> set[str]:
    """Names that changes of special-category fields have in the audit, also of fields archived since."""
    keys = FieldDefinition.objects.filter(sensitivity=Sensitivity.SPECIAL).values_list("key", flat=True)
    return {f"attributes.{key}" for key in keys}


def told_changes(line: AuditLine, special: set[str]) -> dict[str, Any]:
    """The changes of a line; values of special categories stand on the customer's page alone, where seeing is noted."""
    return {
        name: [one and HIDDEN for one in pair] if name in special and isinstance(pair, list) else pair
        for name, pair in line.changes.items()
    }


@dataclass(frozen=True)
class Origin:
    """Where a present value came from: the door or source system, and when."""

    source: str
    at: datetime


LINES_READ = 200


def origins(customer: Customer) -> dict[str, Origin]:
    """For each column and `attributes.<key>` the last change that the audit of the customer knows of."""
    lines = AuditLine.objects.filter(kind="customer", object_id=customer.pk).order_by("-id")
    found: dict[str, Origin] = {}
    for line in lines.only("changes", "source", "at")[:LINES_READ]:
        for name in line.changes:
            found.setdefault(name, Origin(line.source, line.at))
    return found


def imports(actor: Actor) -> QuerySet[Import]:
    """Imports, for those who may see them."""
    return Import.objects.all() if rights.may(actor, "imports.view") else Import.objects.none()


def sees_special(actor: Actor) -> bool:
    """Whether values of special-category fields may be shown to the actor."""
    return actor.role == rights.MACHINE or actor.may_see_special


def shown_attributes(actor: Actor, row: Model, definitions: dict[str, FieldDefinition]) -> dict[str, Any]:
    """The custom field values of a customer or company that the actor may see; `definitions` by key, from `fields`."""
    return {key: value for key, value in row.attributes.items() if key in definitions}  # type: ignore[attr-defined]


def _of_teams(actor: Actor, column: str) -> Q:
    if actor.team_ids is None:
        return Q()
    only = tuple(actor.team_ids)  # one team is compared, so that an index on it also gives the order
    return Q(**{column: only[0]}) if len(only) == 1 else Q(**{f"{column}__in": only})


def _of_living_customers(actor: Actor) -> Q:
    living = Q(customer__merged_into__isnull=True, customer__erased_at__isnull=True)
    if actor.team_ids is None:
        return Q(customer__isnull=True) | living
    return living & _of_teams(actor, "customer__team")


def _of_those_in_scope(actor: Actor) -> Q:
    """Rows with a customer in scope, or with no customer but a company in scope."""
    of_company = Q(customer__isnull=True, company__isnull=False) & _of_teams(actor, "company__team")
    living = Q(customer__isnull=False, customer__merged_into__isnull=True, customer__erased_at__isnull=True)
    return (living & _of_teams(actor, "customer__team")) | of_company


def _nameless(rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    named = rights.may(actor, "customers.identify")
    return rows if named else NamelessRows.over(rows.select_related("customer"))


def like_pairs(actor: Actor) -> QuerySet[LikePair]:
    """Pairs that may be one person, both living and in scope, for those who may merge."""
    if not rights.may(actor, "customers.merge"):
        return LikePair.objects.none()
    rows = LikePair.objects.select_related("first__team", "second__team")
    for side in ("first", "second"):
        rows = rows.filter(_of_teams(actor, f"{side}__team"))
        rows = rows.filter(**{f"{side}__merged_into__isnull": True, f"{side}__erased_at__isnull": True})
    return rows


def merges(actor: Actor) -> QuerySet[Merge]:
    """Merges whose survivor is in scope, for those who may merge."""
    if not rights.may(actor, "customers.merge"):
        return Merge.objects.none()
    return Merge.objects.filter(_of_teams(actor, "survivor__team")).select_related("survivor", "merged", "by")


MOST_LIKES = 5


def likes_of(actor: Actor, customer: Customer) -> list[Customer]:
    """Customers that may be the same person as this one, the likeliest first."""
    rows = like_pairs(actor).filter(dismissed_at=None)
    sides = [*rows.filter(first=customer)[:MOST_LIKES], *rows.filter(second=customer)[:MOST_LIKES]]
    sides.sort(key=lambda pair: -pair.score)
    return [pair.second if pair.first_id == customer.pk else pair.first for pair in sides[:MOST_LIKES]]


def became(actor: Actor, customer_id: int) -> int | None:
    """Whom a record that was merged away belongs to now, if the actor may see them."""
    merged = Customer.objects.filter(pk=min(customer_id, LARGEST_ID), merged_into__isnull=False)
    return customers(actor).filter(pk__in=merged.values("merged_into")).values_list("pk", flat=True).first()
