"""Single customers followed as they change: the same answers as the refresh and as a plain-Python reading."""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crm import access
from crm import actions as crm_actions
from crm.models import Customer, FieldDefinition, Merge, Role, Touch, User
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from segments import actions, evaluation, following
from segments.models import Membership, Segment
from segments.rules.errors import RuleError
from tests.segments import worlds
from tests.segments.oracle import reads

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = machine("test")
ZONE = ZoneInfo("Europe/Helsinki")
TWO_ORDERS = {"version": 1, "where": {"event": "order", "op": "at_least", "value": 2, "window": {"last_days": 30}}}
EXAMPLES = settings().max_examples // 8  # each fills a house and builds three snapshots of it
TABLES = ("profile", "event", "order_line", "membership", "consent", "reach")


def customer(number: str, **values) -> Customer:
    return crm_actions.create_customer(values={"number": number, **values}, by=BY, at=AT - timedelta(days=400))


def order(buyer: Customer, number: str, at: datetime, *, now: datetime = AT) -> None:
    line = crm_actions.NewLine(quantity=Decimal(1), unit_amount=Decimal(10))
    new = crm_actions.NewOrder("shop", number, at, "EUR", lines=[line], customer_id=buyer.pk)
    crm_actions.record_order(new, by=BY, at=now)


def follow(at: datetime) -> list[following.Outcome]:
    return list(actions.follow_customers(clock=lambda: at))


def refresh(at: datetime, *, profiles: bool = True) -> None:
    if profiles:
        profile_actions.refresh(at=at)
    actions.refresh_segments(at=at, slugs=list(Segment.objects.exclude(kind="static").values_list("slug", flat=True)))


def members(slug: str) -> set[int]:
    rows = Membership.objects.filter(segment__slug=slug, left_at=None)
    return set(rows.values_list("customer_id", flat=True))


@pytest.fixture
def repeat(db) -> Segment:
    """Customers with two orders in 30 days; evaluated once, nobody is in and nobody waits."""
    segment = actions.create_segment(name="Repeat", rule=TWO_ORDERS, by=BY, at=AT - timedelta(days=1))
    refresh(AT - timedelta(minutes=10))
    follow(AT)
    return segment


def test_a_second_order_lets_the_customer_in_within_one_pass_and_the_ledger_says_why(repeat) -> None:
    ada = customer("1")
    order(ada, "a", AT - timedelta(days=3))
    order(ada, "b", AT)
    (done,) = follow(AT)
    assert (done.customers, done.entered, done.left) == (1, 1, 0)
    row = Membership.objects.get()
    assert (row.customer_id, row.entered_at, row.entered_reason, row.entered_version) == (ada.pk, AT, "matched", 1)
    repeat.refresh_from_db()
    assert (repeat.size, Touch.objects.count()) == (1, 0)


def test_a_refresh_on_an_older_snapshot_overrules_nothing_and_time_puts_customers_out(repeat) -> None:
    ada = customer("1")
    order(ada, "a", AT)
    order(ada, "b", AT)
    follow(AT)
    refresh(AT + timedelta(minutes=1), profiles=False)
    assert members("repeat") == {ada.pk}
    refresh(AT + timedelta(minutes=5))
    assert Membership.objects.count() == 1
    later = AT + timedelta(days=31)
    refresh(later)
    assert members("repeat") == set()
    assert Membership.objects.get().left_reason == "no_longer"


def test_time_puts_out_whom_the_refresh_leaves_alone_even_when_no_snapshot_is_made(repeat) -> None:
    ada = customer("1")
    order(ada, "a", AT)
    order(ada, "b", AT)
    follow(AT)
    later = AT + timedelta(days=31)
    refresh(later, profiles=False)
    assert members("repeat") == {ada.pk}
    follow(later)
    assert members("repeat") == set()


def test_what_changes_between_evaluating_and_writing_is_evaluated_again(repeat) -> None:
    ada = customer("1")
    order(ada, "a", AT)
    taken = {ada.pk: list(Touch.objects.all())}
    decided = following.decide(taken, at=AT)
    order(ada, "b", AT)
    assert following._write(decided, taken, at=AT).customers == 0
    assert members("repeat") == set()
    assert follow(AT)[0].entered == 1


def test_two_workers_with_the_same_customer_write_once(repeat) -> None:
    ada = customer("1")
    order(ada, "a", AT)
    order(ada, "b", AT)
    taken = {ada.pk: list(Touch.objects.all())}
    decided = following.decide(taken, at=AT)
    assert following._write(decided, taken, at=AT).entered == 1
    assert following._write(decided, taken, at=AT).customers == 0
    assert Membership.objects.count() == 1


def test_a_worker_killed_before_it_writes_loses_nothing(repeat, monkeypatch) -> None:
    ada = customer("1")
    order(ada, "a", AT)
    order(ada, "b", AT)
    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(following, "_write", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        following.claim(at=AT)
        following.follow(at=AT)
    assert follow(AT) == []  # its lease
    assert follow(AT + following.LEASE)[0].entered == 1


def test_a_rule_changed_meanwhile_is_left_to_the_refresh_which_has_everybody_seen_again(repeat) -> None:
    ada = customer("1")
    order(ada, "a", AT)
    order(ada, "b", AT)
    follow(AT)
    one = {"version": 1, "where": {"event": "order"}}
    actions.change_segment(segment=repeat, rule=one, by=BY, at=AT)
    refresh(AT + timedelta(minutes=1), profiles=False)
    assert members("repeat") == set()  # as the old snapshot has it
    follow(AT + timedelta(minutes=1))
    assert members("repeat") == {ada.pk}


def test_rules_that_compare_customers_and_those_resting_on_them_are_left_to_the_refresh(repeat) -> None:
    top = {"version": 1, "where": {"feature": "monetary_amount", "op": "top_percent", "value": 10}}
    cell = {"version": 1, "where": {"feature": "rfm_cell", "op": "is", "value": "champions"}}
    for name, rule in (
        ("Best", top),
        ("Champions", cell),
        ("Best or not", {"version": 1, "where": {"segment": "best"}}),
        ("Repeaters", {"version": 1, "where": {"segment": "repeat"}}),
    ):
        actions.create_segment(name=name, rule=rule, by=BY, at=AT)
    found = {one.segment.slug: (one.rule is not None, one.names) for one in following.standings()}
    assert found == {
        "repeat": (True, ()),
        "best": (False, ()),
        "champions": (False, ()),
        "best-or-not": (False, ("best",)),
        "repeaters": (True, ()),
    }


def test_a_segment_that_names_another_follows_it_in_the_same_pass(repeat) -> None:
    actions.create_segment(name="Also", rule={"version": 1, "where": {"segment": "repeat"}}, by=BY, at=AT)
    refresh(AT)
    ada = customer("1")
    order(ada, "a", AT)
    order(ada, "b", AT)
    follow(AT)
    assert members("also") == {ada.pk}
    crm_actions.erase_customer(ada, by=BY, at=AT)
    follow(AT + timedelta(seconds=1))
    assert (members("also"), members("repeat")) == (set(), set())
    assert set(Membership.objects.values_list("left_reason", flat=True)) == {"erased"}


def test_a_change_over_the_api_pokes_a_worker_and_a_reading_does_not(repeat, client, adele, settings) -> None:
    settings.FOLLOWERS = ("segments.tasks.follow_customers",)
    client.force_login(adele)
    with mock.patch("segments.tasks.follow_customers.apply_async") as poked:
        client.get("/api/v1/customers/")
        assert not poked.called
        said = client.post("/api/v1/customers/", {"number": "77"}, content_type="application/json")
        assert said.status_code == 201, said.content
        assert poked.call_count == 1


@pytest.mark.django_db
def test_every_other_feature_is_the_same_for_a_few_customers_as_among_all() -> None:
    people = [customer(str(n), city="Turku", email=f"c{n}@example.com") for n in range(5)]
    for n, buyer in enumerate(people):
        for i in range(n):
            order(buyer, f"{n}-{i}", AT - timedelta(days=40 * i + n))
    profile_actions.refresh(at=AT)
    everyone = {row["customer_id"]: row for row in profile_queries.select("from profile").to_pylist()}
    alone = {}
    for one in people:
        with profile_queries.customers_now([one.pk], at=AT) as (cursor, everybody):
            alone |= {row["customer_id"]: row for row in profile_queries.answer(cursor, "from profile").to_pylist()}
        assert everybody == {one.pk}
    relative = profile_queries.relative_features()
    assert alone != everyone
    for rows in (*alone.values(), *everyone.values()):
        for key in relative:
            del rows[key]
    assert alone == everyone


# --- batch = live = a plain reading ----------------------------------------------------------------------------------


class Shop:
    """A small firm whose days are drawn from a seed: gaps, late and future events, merges done and undone, erasures."""

    def __init__(self, seed: int) -> None:
        self.random, self.number = random.Random(seed), 0
        self.decider = access.of_user(User.objects.create_user("decider", role=Role.ADMIN))
        for key, kind in (("income", "money"), ("is_eco", "truth"), ("interests", "list"), ("joined_at", "datetime")):
            FieldDefinition.objects.create(key=key, label=key, type=kind, dimension="economic", created_at=AT)
        self.people = [self.join() for _ in range(7)]
        for slug in worlds.SEGMENTS:
            made = actions.create_segment(name=slug, slug=slug, kind="static", by=BY, at=AT - timedelta(days=50))
            for days in (45, 9):
                listed = [one.pk for one in self.people if self.random.random() < 0.4]
                actions.add_members(segment=made, customers=listed, by=BY, at=AT - timedelta(days=days))

    def maybe(self, options):
        return self.random.choice(options) if self.random.random() < 0.7 else None

    def next(self) -> str:
        self.number += 1
        return str(self.number)

    def time(self) -> datetime:
        days = self.random.choice([self.random.randint(0, 12), self.random.randint(0, 70), 364, 400])
        return AT - timedelta(days=days, seconds=self.random.randint(-7200, 86_400))

    def join(self) -> Customer:
        born = self.maybe([(AT - timedelta(days=self.random.randint(0, 3300))).date()])
        values = {"city": self.maybe(worlds.TEXTS), "birth_date": born, "phone": self.maybe(["+358401234567"])}
        number = self.next()
        values |= {"email": self.maybe([f"c{number}@example.com"]), "attributes": self.attributes()}
        kept = {key: value for key, value in values.items() if value not in (None, {})}
        return crm_actions.create_customer(values={"number": number, **kept}, by=BY, at=AT - timedelta(days=60))

    def attributes(self) -> dict:
        found = {
            "income": self.maybe(["12.5", "99.99", "150"]),
            "is_eco": self.maybe([True, False]),
            "interests": self.maybe([["bike"], ["yoga", "home"]]),
            "joined_at": self.maybe([self.time()]),
        }
        return {key: value for key, value in found.items() if value is not None}

    def live(self) -> Customer:
        return self.random.choice(list(Customer.objects.filter(erased_at=None, merged_into=None)))

    def event(self) -> None:
        free = worlds.Chance(self.random.random(), AT, ZONE).free()
        new = crm_actions.NewEvent(
            "web", self.next(), self.random.choice(["page", "cart", "click", "open"]), self.time(), self.live().pk,
            value=self.maybe([Decimal("12.5"), Decimal(-1), Decimal(100)]), channel=self.maybe(worlds.CHANNELS) or "",
            category=self.maybe(["bike", "yoga"]) or "", properties=free,
        )  # fmt: skip
        (verdict,) = crm_actions.record_events([new], by=BY, at=AT)
        assert verdict.status == crm_actions.STORED, verdict

    def order(self) -> None:
        kind = self.random.choice(["sale", "sale", "return"])
        sign = -1 if kind == "return" else 1
        lines = [
            crm_actions.NewLine(Decimal(sign * self.random.randint(1, 3)), Decimal(self.random.randint(0, 40)), sku="A")
            for _ in range(self.random.randint(1, 2))
        ]
        new = crm_actions.NewOrder("shop", self.next(), self.time(), "EUR", lines, customer_id=self.live().pk,
                                   kind=kind, channel=self.maybe(worlds.CHANNELS) or "")  # fmt: skip
        crm_actions.record_order(new, by=BY, at=AT)

    def consent(self) -> None:
        act = self.random.choice(["granted", "granted", "withdrawn"])
        crm_actions.record_consent(
            self.live(), purpose=self.random.choice(["marketing", "profiling"]),
            channel=self.random.choice(["any", "email"]), act=act, said_at=min(self.time(), AT), source="form",
            evidence={"form": 1}, by=BY, at=AT, expires_at=self.maybe([None, AT - timedelta(days=1)]),
        )  # fmt: skip

    def change(self) -> None:
        values = {"city": self.random.choice(worlds.TEXTS), "attributes": self.attributes()}
        crm_actions.change_customer(self.live(), values=values, by=BY, at=AT)

    def merge(self) -> None:
        survivor, merged = self.live(), self.live()
        take = [name for name in ("city", "email", "attributes.is_eco") if self.random.random() < 0.3]
        known = [name for name in take if "." not in name or name.partition(".")[2] in merged.attributes]
        if survivor != merged:
            crm_actions.merge_customers(survivor, merged, take=known, by=self.decider, at=AT)

    def unmerge(self) -> None:
        if merges := list(Merge.objects.filter(undone_at=None).order_by("id")):
            with suppress(crm_actions.MergeRefused):  # an earlier one of several, or one of them was erased
                crm_actions.unmerge(self.random.choice(merges), by=self.decider, at=AT)

    def erase(self) -> None:
        crm_actions.erase_customer(self.live(), by=BY, at=AT)

    def happen(self, steps: int) -> None:
        for step in self.random.choices(
            [self.event, self.order, self.consent, self.change, self.join, self.merge, self.unmerge, self.erase],
            weights=[12, 8, 4, 4, 1, 2, 1, 1], k=steps,
        ):  # fmt: skip
            step()


def world() -> dict[str, list[dict]]:
    """The rows that a rule may see, from a snapshot of every row and the ledger."""
    found = {name: profile_queries.select(f"from {name}").to_pylist() for name in TABLES if name != "membership"}
    return {
        **found,
        "membership": evaluation.membership_rows(Segment.objects.values_list("slug", flat=True)).to_pylist(),
    }


def storable(rules: list[dict]) -> list[Segment]:
    made = []
    for n, rule in enumerate(rules):
        try:
            made.append(
                actions.create_segment(
                    name=f"Rule {n}", rule=rule, purpose="analysis", by=BY, at=AT - timedelta(days=1)
                )
            )
        except RuleError:
            continue  # it names what only the generated worlds have
    return made


def found_by_the_engine(segments: list[Segment]) -> list[set[int]]:
    engine = evaluation.engine(at=AT)
    return [set(engine.members_of(segment).tolist()) for segment in segments]


@pytest.mark.slow
class FollowedAsRefreshed(TestCase):
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        rules=st.lists(worlds.rules(AT), min_size=8, max_size=8),
        zone=st.sampled_from(worlds.ZONES),
    )
    def test_following_refreshing_and_a_plain_reading_let_in_the_same(
        self, seed: int, rules: list[dict], zone: ZoneInfo
    ) -> None:
        with override_settings(FIRM_TIME_ZONE=zone.key):
            self.agree(Shop(seed), rules, zone)

    def agree(self, shop: Shop, rules: list[dict], zone: ZoneInfo) -> None:
        shop.happen(25)
        segments = storable(rules)
        refresh(AT - timedelta(minutes=1))
        shop.happen(15)
        crm_actions.touch(Customer.objects.values_list("pk", flat=True), at=AT)
        before = world()["membership"]
        follow(AT)
        followed = {one.segment.slug: members(one.segment.slug) for one in following.standings() if one.rule}
        profile_actions.refresh(at=AT)
        grown = found_by_the_engine(segments)
        profile_actions.refresh(at=AT, full=True)
        seen, kinds = {**world(), "membership": before}, {k: f.kind for k, f in evaluation.catalogue().items()}
        for segment, from_changes, from_all in zip(segments, grown, found_by_the_engine(segments), strict=True):
            assert from_changes == from_all, segment.rule
            if segment.slug in followed:
                plain = reads(segment.rule, seen, kinds, AT, zone)
                assert followed[segment.slug] == plain, segment.rule
                assert from_all == plain, segment.rule


def test_tags_are_a_feature_that_batch_and_live_read_alike(db) -> None:
    from crm.models import Tag

    tagged, other, plain = customer("T1"), customer("T2"), customer("T3")
    vip = crm_actions.create_tag(name="VIP guest", by=BY, at=AT)
    crm_actions.create_tag(name="Cold", by=BY, at=AT)
    crm_actions.add_tag(vip, to=Customer, ids=[tagged.pk], by=BY, at=AT)
    crm_actions.add_tag(Tag.objects.get(slug="cold"), to=Customer, ids=[tagged.pk, other.pk], by=BY, at=AT)
    for slug, op in (("has", "includes"), ("lacks", "excludes")):
        rule = {"version": 1, "where": {"feature": "tags", "op": op, "value": "vip-guest"}}
        actions.create_segment(slug=slug, name=slug, rule=rule, by=BY, at=AT)
    refresh(AT)
    assert members("has") == {tagged.pk} and members("lacks") == {other.pk, plain.pk}
    assert dict(profile_queries.value_counts("tags")) == {"cold": 2, "vip-guest": 1}

    later = AT + timedelta(minutes=1)
    crm_actions.remove_tag(vip, to=Customer, ids=[tagged.pk], by=BY, at=later)
    crm_actions.add_tag(vip, to=Customer, ids=[plain.pk], by=BY, at=later)
    follow(later)
    live = members("has"), members("lacks")
    refresh(later + timedelta(minutes=1))
    assert live == (members("has"), members("lacks")) == ({plain.pk}, {tagged.pk, other.pk})


def test_a_tag_that_a_rule_names_is_not_deleted(db) -> None:
    vip = crm_actions.create_tag(name="VIP", by=BY, at=AT)
    rule = {"version": 1, "where": {"feature": "tags", "op": "includes_any", "value": ["vip"]}}
    actions.create_segment(slug="vips", name="Best people", rule=rule, by=BY, at=AT)
    with pytest.raises(crm_actions.TagInUse, match="Best people"):
        crm_actions.archive_tag(vip, by=BY, at=AT)


def test_a_deleted_tag_leaves_the_feature_with_the_next_refresh(db) -> None:
    row = customer("T1")
    vip = crm_actions.create_tag(name="VIP", by=BY, at=AT)
    crm_actions.add_tag(vip, to=Customer, ids=[row.pk], by=BY, at=AT)
    profile_actions.refresh(at=AT)
    crm_actions.archive_tag(vip, by=BY, at=AT + timedelta(minutes=1))
    profile_actions.refresh(at=AT + timedelta(minutes=2))
    assert profile_queries.value_counts("tags") == []
