"""Results equal an independent reading of the raw rows, and are read as of the send."""

import json
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import override

from campaigns import doings, queries
from campaigns.conversions import attribute
from campaigns.experiments.answers import CannotTell
from campaigns.models import Campaign, Message, MessageState, Response, Run, Variant
from campaigns.results import evidence, shape, words
from campaigns.results.planned import baseline
from crm.models import Customer, Order
from crm.refusals import NotPossibleNow
from segments.models import Membership, MembershipReason, Segment, SegmentKind
from tests.campaigns.conftest import AT

pytestmark = pytest.mark.django_db
SENT_AT = AT + timedelta(days=3)
PLAN = {
    "goal": "conversion",
    "goal_event": "order",
    "window_days": 14,
    "guardrails": [],
    "holdout_share": "0.2",
    "weights": {"A": 1, "B": 1},
    "exclude": [],
}


def world(rng, people=1500, **settings):
    """A sent campaign over three overlapping lists, with responses and orders drawn at random."""
    customers = Customer.objects.bulk_create(
        Customer(number=f"W{n}", email=f"w{n}@mail.example", created_at=AT, updated_at=AT) for n in range(people)
    )
    lists = [named_list(name, customers, rng.random(people) < share) for name, share in LISTS.items()]
    campaign = Campaign.objects.create(
        slug="world", name="World", status="finished", seed="s", created_at=AT, updated_at=AT, holdout_share="0.2",
        cost_per_message_amount="0.05", goal=settings.get("goal", "conversion"),
    )  # fmt: skip
    campaign.include.set(lists)
    variants = [Variant.objects.create(campaign=campaign, key=key) for key in "AB"]
    run = Run.objects.create(
        campaign=campaign, occurrence_key="once", status="completed", expected=people, seed="s", content_hash="",
        plan={**PLAN, **settings, "include": [one.pk for one in lists]}, on_ambiguous="hold", started_at=SENT_AT,
        sealed_at=SENT_AT,
    )  # fmt: skip
    messages = Message.objects.bulk_create(message(run, one, rng, variants) for one in customers)
    respond(messages, rng)
    written_down(run)
    buy(customers, rng)
    attribute(run, at=timezone.now())
    run.refresh_from_db()
    return SimpleNamespace(campaign=campaign, run=run, customers=customers, lists=lists)


def written_down(run):
    """What the sealing and the answers would have left in rows that were written past them."""
    own = pd.DataFrame(Membership.objects.values("customer_id", "segment_id"))
    listed = own.sort_values("segment_id").astype(str).groupby("customer_id")["segment_id"].agg(",".join)
    for customer, groups in listed.items():
        Message.objects.filter(run=run, customer=customer).update(groups=groups)
    doings.recount(run.messages.all())


LISTS = {"Families": 0.5, "Regulars": 0.3, "Nobody": 0.0}


def named_list(name, customers, is_in):
    segment = Segment.objects.create(
        slug=name.lower(), name=name, kind=SegmentKind.STATIC, created_at=AT, updated_at=AT
    )
    Membership.objects.bulk_create(
        Membership(segment=segment, customer=one, entered_at=AT, entered_reason=MembershipReason.ADDED)
        for one, inside in zip(customers, is_in, strict=True)
        if inside
    )
    return segment


def message(run, customer, rng, variants):
    arm = rng.choice([None, *variants, "skipped"], p=[0.2, 0.38, 0.38, 0.04])
    state = (
        "held_out" if arm is None else "skipped" if arm == "skipped" else rng.choice(["sent", "failed"], p=[0.97, 0.03])
    )
    return Message(
        run=run, channel="email", customer=customer, person_key=f"p{customer.pk}", state=state,
        variant=arm if isinstance(arm, Variant) else None, token=f"{customer.pk:032}",
    )  # fmt: skip


def respond(messages, rng):
    kinds = [("open", "human", 0.4), ("open", "machine", 0.3), ("click", "human", 0.1), ("click", "unknown", 0.1),
             ("unsubscribe", "human", 0.004), ("complaint", "human", 0.0005)]  # fmt: skip
    Response.objects.bulk_create(
        Response(message=one, kind=kind, by_class=by, at=SENT_AT + timedelta(hours=n + 1), source_id=f"{by}{n}")
        for one in messages
        if one.state == MessageState.SENT
        for kind, by, chance in kinds
        for n in range(rng.binomial(2, chance))
    )


def buy(customers, rng):
    Order.objects.bulk_create(
        Order(
            source="shop",
            number=f"{one.pk}-{n}",
            customer=one,
            kind=rng.choice(["sale", "return"], p=[0.85, 0.15]),
            currency="EUR",
            total_amount=f"{rng.integers(100, 9000) / 100:.2f}",
            created_at=AT,
            updated_at=AT,
            ordered_at=SENT_AT + timedelta(days=float(rng.uniform(-30, 30))),
        )
        for one in customers
        for n in range(rng.poisson(0.8))
    )
    Order.objects.filter(kind="return").update(total_amount=-1.25)


def raw(made):
    """One row per allocated person by pandas, from the raw tables."""
    people = pd.DataFrame(Message.objects.values("id", "customer_id", "variant__key", "state"))
    people["arm"] = people["variant__key"].fillna("hold_out")
    people = people[(people["variant__key"].notna()) | (people["state"] == "held_out")].set_index("customer_id")
    told = pd.DataFrame(Response.objects.values("message_id", "kind", "by_class"))
    for key, kinds in {"open": ["human"], "open_any": ["human", "machine", "unknown"], "click": ["human"]}.items():
        did = told[(told["kind"] == key.removesuffix("_any")) & told["by_class"].isin(kinds)]["message_id"]
        people[key] = people["id"].isin(did) & (people["state"] == "sent")
    orders = pd.DataFrame(Order.objects.values("customer_id", "kind", "ordered_at", "total_amount"))
    inside = orders[(orders["ordered_at"] >= SENT_AT) & (orders["ordered_at"] < SENT_AT + timedelta(days=14))]
    sold = inside[inside["kind"] == "sale"]
    people["converted"] = people.index.isin(sold["customer_id"])
    people["revenue"] = inside.groupby("customer_id")["total_amount"].sum()
    people["revenue"] = people["revenue"].fillna(0).astype(float)
    return people


def test_results_equal_pandas_over_the_raw_rows():
    made = world(np.random.default_rng(5))
    people = raw(made)
    found = queries.results(made.campaign)
    groups = [people, *(people[people.index.isin(members_of(one))] for one in made.lists)]
    by_name = {one.name: one for one in found.report.segments}
    readings = [found.report.overall, *(by_name[one.name] for one in made.lists)]
    for frame, reading in zip(groups, readings, strict=True):
        assert reading.people == len(frame)
        for arm in reading.arms:
            mine = frame[frame["arm"] == arm.key]
            assert arm.people == len(mine)
            if not len(mine):
                continue
            assert arm.value == pytest.approx(mine["converted"].mean())
            assert arm.revenue_per_person == pytest.approx(mine["revenue"].mean())
            for key in ("open", "open_any", "click") if arm.key != "hold_out" else ():
                rate = arm.rates[key]
                assert (rate.n, rate.successes) == ((mine["state"] == "sent").sum(), mine[key].sum())
    for key, total in found.revenue.items():
        assert float(total) == pytest.approx(people[people["arm"] == key]["revenue"].sum(), abs=1e-6)


def members_of(segment):
    return set(Membership.objects.filter(segment=segment).values_list("customer_id", flat=True))


def test_revenue_is_read_as_a_mean_with_past_spend_beside_it():
    made = world(np.random.default_rng(6), goal="revenue")
    people, found = raw(made), queries.results(made.campaign)
    before = pd.DataFrame(Order.objects.filter(ordered_at__lt=SENT_AT).values("customer_id", "total_amount"))
    past = before.groupby("customer_id")["total_amount"].sum().astype(float)
    for row in evidence.rows(made.run, []):
        mine = people[people["arm"] == row.arm]
        y, x = mine["revenue"], pd.Series(past.reindex(mine.index).fillna(0))
        assert row.revenue.variance == pytest.approx(y.var())
        assert row.with_past.covariance == pytest.approx(np.cov(y, x)[0, 1], abs=1e-6)
    assert found.report.overall.arms[0].value == pytest.approx(people[people["arm"] == "A"]["revenue"].mean())


def test_whoever_moved_after_the_send_counts_where_they_were():
    made = world(np.random.default_rng(7), people=300)
    before = shape.shape(queries.results(made.campaign))
    families = Membership.objects.filter(segment=made.lists[0])
    families.update(left_at=SENT_AT + timedelta(hours=1), left_reason="removed")
    others = Customer.objects.exclude(memberships__segment=made.lists[1])
    Membership.objects.bulk_create(
        Membership(segment=made.lists[1], customer=one, entered_at=SENT_AT + timedelta(days=1), entered_reason="added")
        for one in others
    )
    assert shape.shape(queries.results(made.campaign)) == before


@pytest.mark.parametrize("people", [20, 400])
def test_a_report_takes_as_many_queries_for_many_as_for_few(people, django_assert_num_queries):
    campaign = world(np.random.default_rng(8), people=people).campaign
    run = queries.latest_run(campaign)
    run.plan["baseline"] = {"people": people, "expected": 0.1}
    run.save()
    with django_assert_num_queries(7):
        queries.results(Campaign.objects.get())
    with django_assert_num_queries(5):  # kept: nothing has come since
        queries.results(Campaign.objects.get())


def test_before_the_sealing_there_is_nothing_to_read(new_customer, new_campaign):
    with pytest.raises(NotPossibleNow):
        queries.results(new_campaign([new_customer(1)]))


def test_what_members_did_before_is_the_baseline(new_customer, new_campaign):
    people = [new_customer(n) for n in range(40)]
    campaign = new_campaign(people)
    for n, days in enumerate([1, 5, 13, 15, 400]):
        Order.objects.create(
            source="shop",
            number=str(n),
            customer=people[n],
            currency="EUR",
            total_amount="20",
            created_at=AT,
            updated_at=AT,
            ordered_at=SENT_AT - timedelta(days=days),
        )
    known = baseline(campaign, SENT_AT)
    assert (known.people, known.expected) == (40, pytest.approx(3.5 / 41))


def test_the_sentence_names_version_and_segments_in_both_languages():
    made = world(np.random.default_rng(9), people=900)
    Response.objects.filter(kind__in=["unsubscribe", "complaint"]).delete()  # no veto by chance
    families = set(members_of(made.lists[0])) - set(members_of(made.lists[1]))
    favoured = Message.objects.filter(variant__key="B", customer__in=families).exclude(responses__kind="conversion")
    Response.objects.bulk_create(
        Response(message=one, kind="conversion", by_class="human", at=SENT_AT, source_id="planted") for one in favoured
    )
    found = queries.results(made.campaign)
    with override("en"):
        assert words.conclusion(found).startswith("Version B works better for Families")
    with override("fi"):
        assert words.conclusion(found).startswith("Versio B toimii paremmin ryhmälle Families")


def test_the_command_tells_people_and_machines_the_same():
    made = world(np.random.default_rng(10), people=200)
    out = StringIO()
    call_command("campaign_results", "world", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert [one["name"] for one in told["groups"]] == ["", "Families", "Nobody", "Regulars"]
    assert told["groups"][0]["people"] == len(raw(made))
    out = StringIO()
    call_command("campaign_results", "world", stdout=out)
    assert told["sentence"] in out.getvalue() and "Families" in out.getvalue()
    with pytest.raises(CommandError, match="world"):
        call_command("campaign_results", "wrold")


def test_a_segment_nobody_was_in_says_so_and_stops_nothing():
    made = world(np.random.default_rng(11), people=200)
    empty = next(one for one in queries.results(made.campaign).report.segments if one.name == "Nobody")
    assert empty.people == 0 and isinstance(empty.contest, CannotTell)


def test_the_api_gives_the_same_as_the_command(client, maija):
    made = world(np.random.default_rng(12), people=200)
    client.force_login(maija)
    told = client.get(f"/api/v1/campaigns/{made.campaign.pk}/results/").json()
    out = StringIO()
    call_command("campaign_results", "world", "--json", stdout=out)
    expected = json.loads(out.getvalue())
    assert told["sentence"] == expected["sentence"]
    for mine, theirs in zip(told["groups"], expected["groups"], strict=True):
        assert mine["comparisons"] == theirs["comparisons"] and mine["decision"] == theirs["decision"]
        assert [arm["rates"] for arm in mine["arms"]] == [arm["rates"] for arm in theirs["arms"]]


def test_revenue_above_the_cap_fixed_at_launch_counts_as_the_cap_and_in_full_for_what_was_caused():
    made = world(
        np.random.default_rng(13),
        goal="revenue",
        baseline={"people": 1500, "expected": 5.0, "deviation": 20.0, "cap": 40.0},
    )
    people = raw(made)
    found = queries.results(made.campaign).report
    for arm in found.overall.arms:
        mine = people[people["arm"] == arm.key]["revenue"]
        assert arm.value == pytest.approx(mine.clip(upper=40).mean())
        assert arm.revenue_per_person == pytest.approx(mine.mean())
    assert found.plan.goal.cap == 40.0


def test_the_cap_is_what_one_in_a_thousand_spent_before(new_customer, new_campaign):
    people = Customer.objects.bulk_create(
        Customer(number=f"C{n}", email=f"c{n}@mail.example", created_at=AT, updated_at=AT) for n in range(2500)
    )
    campaign = new_campaign(people, goal="revenue")
    spent = [float(n) for n in range(10, 310, 10)]
    for n, amount in enumerate(spent):
        Order.objects.create(
            source="shop", number=str(n), customer=people[n], currency="EUR", total_amount=amount,
            created_at=AT, updated_at=AT, ordered_at=SENT_AT - timedelta(days=2),
        )  # fmt: skip
    known = baseline(campaign, SENT_AT)
    frame = pd.Series([*spent, *[0.0] * (2500 - len(spent))])
    assert known.cap == frame.sort_values(ascending=False).iloc[2] == 280.0
    assert known.expected == pytest.approx(frame.clip(upper=280).mean())
    assert known.deviation == pytest.approx(frame.clip(upper=280).std())
