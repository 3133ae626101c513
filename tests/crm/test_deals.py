"""Deals: their steps, what they add up to, who sees them, and how their pages behave."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from crm import access, actions, finding, forecast, queries, rights, timeline
from crm.models import AuditLine, Deal, DealMove, LostReason, Pipeline, PipelineStage, Task, User
from crm.refusals import ManyRefused, Refused
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")
DAY = timedelta(days=1)


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    return actions.default_pipeline(at=NOW)


@pytest.fixture
def offer(cast: SimpleNamespace, pipeline: Pipeline, make_customer: Callable) -> Callable[..., Deal]:
    """A deal of Anna's with a customer of hers: offer("Bikes", amount=100)."""
    customer = make_customer("C1", cast.north, first_name="Aada", last_name="Virtanen")

    def make(title: str = "Bikes", at: Any = NOW, stage: str = "new", **values: Any) -> Deal:
        usual = {"title": title, "customer": customer, "amount": Decimal(100), "expected_on": date(2026, 12, 15)}
        row = pipeline.stages.get(slug=stage)
        return actions.create_deal(values={**usual, **values}, stage=row, by=access.of_user(cast.anna), at=at)

    return make


def stage(slug: str) -> PipelineStage:
    return PipelineStage.objects.get(slug=slug)


# --- the lifecycle -------------------------------------------------------------------------------


def test_a_house_begins_with_one_pipeline_made_once(db: None) -> None:
    first, again = actions.default_pipeline(at=NOW), actions.default_pipeline(at=NOW)
    assert first == again and Pipeline.objects.count() == 1
    assert list(first.stages.values_list("position", flat=True)) == [1, 2, 3, 4]
    shares = list(first.stages.values_list("probability_share", flat=True))
    assert shares == sorted(shares) and LostReason.objects.exists()


def test_each_step_of_a_deal_begins_where_the_table_says(offer: Callable, cast: Any) -> None:
    anna, reason = access.of_user(cast.anna), LostReason.objects.first()
    doing = {
        "move": lambda row: actions.move_deal(row, stage("offer"), by=anna, at=NOW),
        "win": lambda row: actions.win_deal(row, by=anna, at=NOW),
        "lose": lambda row: actions.lose_deal(row, reason=reason, by=anna, at=NOW),
        "reopen": lambda row: actions.reopen_deal(row, by=anna, at=NOW),
    }
    assert doing.keys() == actions.STEPS.keys()
    facts = {"open": {}, "won": {"closed_at": NOW}, "lost": {"closed_at": NOW, "lost_reason": reason}}
    for name, do in doing.items():
        for status, columns in facts.items():
            row = offer()
            Deal.objects.filter(pk=row.pk).update(status=status, **columns)
            if status in actions.STEPS[name].begins:
                assert do(row).status == actions.STEPS[name].end
            else:
                with pytest.raises(actions.MoveNotAllowed):
                    do(row)


def test_a_deal_is_lost_only_with_a_reason(offer: Callable, cast: Any) -> None:
    row, anna = offer(), access.of_user(cast.anna)
    with pytest.raises(Refused) as fault:
        actions.lose_deal(row, reason=None, by=anna, at=NOW)
    assert fault.value.path == "reason" and "price" in (fault.value.choices or [])
    LostReason.objects.filter(slug="price").update(archived_at=NOW)
    with pytest.raises(Refused):
        actions.lose_deal(row, reason=LostReason.objects.get(slug="price"), by=anna, at=NOW)
    row.refresh_from_db()
    assert row.status == "open"


def test_moves_are_remembered_for_ageing(offer: Callable, cast: Any) -> None:
    row, anna = offer(), access.of_user(cast.anna)
    row = actions.move_deal(row, stage("offer"), by=anna, at=NOW + 3 * DAY)
    row = actions.move_deal(row, stage("offer"), by=anna, at=NOW + 4 * DAY)
    assert row.moves.count() == 2 and row.stage_since_at == NOW + 3 * DAY
    assert forecast.age_days(row, NOW + 10 * DAY) == 7 and not forecast.is_slow(row, NOW + 17 * DAY)
    assert forecast.is_slow(row, NOW + 18 * DAY)


def test_the_last_step_is_taken_back_as_if_never_made(offer: Callable, cast: Any) -> None:
    row, anna = offer(), access.of_user(cast.anna)
    row = actions.move_deal(row, stage("offer"), by=anna, at=NOW + DAY)
    row = actions.lose_deal(row, reason=LostReason.objects.first(), note="dear", by=anna, at=NOW + 2 * DAY)
    moved, lost = DealMove.objects.filter(deal=row).order_by("at")[1:]
    with pytest.raises(actions.ChangedSince):
        actions.undo_deal_move(row, moved.pk, by=anna, at=NOW + 3 * DAY)
    row = actions.undo_deal_move(row, lost.pk, by=anna, at=NOW + 3 * DAY)
    assert (row.status, row.lost_reason, row.lost_note, row.closed_at) == ("open", None, "", None)
    assert (row.stage.slug, row.stage_since_at) == ("offer", NOW + DAY)
    row = actions.undo_deal_move(row, moved.pk, by=anna, at=NOW + 3 * DAY)
    assert (row.stage.slug, row.stage_since_at, row.moves.count()) == ("new", NOW, 1)
    with pytest.raises(actions.MoveNotAllowed):
        actions.undo_deal_move(row, row.moves.get().pk, by=anna, at=NOW + 4 * DAY)
    verbs = AuditLine.objects.filter(kind="deal", object_id=row.pk).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["created", "moved", "lost", "taken back", "taken back"]


def test_faults_of_a_deal_name_their_place(offer: Callable, make_customer: Callable, cast: Any) -> None:
    anna, row = access.of_user(cast.anna), offer()
    with pytest.raises(ManyRefused) as many:
        actions.create_deal(values={"customer": row.customer, "amount": "dear"}, by=anna, at=NOW)
    assert {one.path for one in many.value.faults} == {"title", "amount", "expected_on"}
    theirs = make_customer("S", cast.south)
    for values, place in (
        ({"customer": None}, "customer"),
        ({"customer": theirs}, "customer"),
        ({"owner": cast.bertil}, "owner"),
        ({"amount": Decimal(-1)}, "amount"),
        ({"probability_share": Decimal("1.5")}, "probability_share"),
        ({"currency": "eur"}, "currency"),
    ):
        with pytest.raises(Refused) as fault:
            actions.change_deal(row, values=values, by=anna, at=NOW)
        assert fault.value.path == place, values


# --- sums ----------------------------------------------------------------------------------------


def test_sums_and_forecast_are_what_adding_up_by_hand_says(offer: Callable, cast: Any) -> None:
    planted = [
        ("new", "100.10", "EUR", None, date(2026, 10, 2)),  # overdue: counts in this month
        ("new", "50", "EUR", "0.5", date(2026, 11, 30)),
        ("offer", "1000", "EUR", None, date(2026, 12, 1)),
        ("offer", "70", "SEK", None, date(2026, 12, 1)),
        ("negotiating", "400", "EUR", "1", date(2027, 1, 31)),
        ("negotiating", "9999", "EUR", None, date(2028, 1, 1)),  # beyond the months shown
    ]
    for slug, amount, currency, share, day in planted:
        given = {"amount": Decimal(amount), "currency": currency, "expected_on": day}
        offer(stage=slug, probability_share=share and Decimal(share), **given)
    actions.win_deal(offer(amount=Decimal(5)), by=access.of_user(cast.anna), at=NOW)
    rows = queries.deals(access.of_user(cast.anna))
    usual = dict(PipelineStage.objects.values_list("slug", "probability_share"))
    stages = list(PipelineStage.objects.all())
    for one in forecast.of_stages(rows, stages):
        mine = [p for p in planted if p[0] == one.stage.slug]
        assert one.count == len(mine)
        for currency in {p[2] for p in mine}:
            own = [p for p in mine if p[2] == currency]
            assert one.amounts[currency] == sum(Decimal(p[1]) for p in own)
            weighted = sum(Decimal(p[1]) * Decimal(p[3] or usual[p[0]]) for p in own)
            assert abs(one.weighted[currency] - weighted) < Decimal("0.001")
    months = forecast.of_months(rows, currency="EUR", today=date(2026, 11, 21))
    assert [one.first for one in months][:3] == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert [one.count for one in months] == [2, 1, 1, 0, 0, 0]
    assert abs(months[0].weighted - (Decimal("100.10") * usual["new"] + 25)) < Decimal("0.001")


def test_the_win_rate_counts_what_was_closed_in_the_period(offer: Callable, cast: Any) -> None:
    anna = access.of_user(cast.anna)
    price, timing = LostReason.objects.get(slug="price"), LostReason.objects.get(slug="timing")
    actions.win_deal(offer(), by=anna, at=NOW - 400 * DAY)
    actions.win_deal(offer(), by=anna, at=NOW)
    for reason in (price, timing, timing):
        actions.lose_deal(offer(), reason=reason, by=anna, at=NOW)
    rows = queries.deals(anna)
    rate = forecast.win_rate(rows, since=NOW - 365 * DAY)
    assert (rate.won, rate.lost, rate.share) == (1, 3, 0.25)
    assert forecast.lost_reasons(rows, since=NOW - 365 * DAY) == [(timing, 2), (price, 1)]
    assert forecast.win_rate(rows, since=NOW + DAY).share is None


# --- who sees what -------------------------------------------------------------------------------


def test_deals_are_seen_by_their_team_and_without_words_by_analysts(offer: Callable, cast: Any) -> None:
    row = offer("Bikes for Aada")
    actions.add_deal_note(row, text="Aada likes blue", by=access.of_user(cast.anna), at=NOW)
    seen = lambda name: [str(one) for one in queries.deals(access.of_user(getattr(cast, name)))]  # noqa: E731
    assert seen("anna") == seen("maija") == ["Bikes for Aada"] and seen("bertil") == []
    assert seen("aino") == [f"#{row.pk}"] and not queries.deal_notes(access.of_user(cast.aino)).exists()
    with pytest.raises(rights.NotAllowed):
        actions.win_deal(row, by=access.of_user(cast.maija), at=NOW)


def test_other_teams_deals_are_not_found(as_: Callable, offer: Callable) -> None:
    row, client = offer(), as_("bertil")
    for address in ("", "edit/", "lose/"):
        assert client.get(f"/deals/{row.pk}/{address}").status_code == 404
    for verb in ("move", "win", "lose", "reopen", "undo/1", "notes"):
        assert client.post(f"/deals/{row.pk}/{verb}/", {"stage": 1, "text": "x"}).status_code == 404
    assert client.get(f"/customers/{row.customer_id}/deals/").status_code == 404
    for address in ("/deals/?whose=all", "/deals/list/?whose=all", "/deals/forecast/?whose=all"):
        assert "Bikes" not in client.get(address).content.decode()


def test_analysts_read_pages_of_deals_without_words(as_: Callable, offer: Callable) -> None:
    row, client = offer("Bikes for Aada", note="Virtanen"), as_("aino")
    addresses = (
        "/deals/",
        "/deals/list/",
        "/deals/forecast/",
        f"/deals/{row.pk}/",
        f"/customers/{row.customer_id}/deals/",
    )
    for address in (*addresses, f"/customers/{row.customer_id}/"):
        page = client.get(address)
        assert page.status_code == 200
        assert "Aada" not in page.content.decode() and "Virtanen" not in page.content.decode(), address


# --- pages ---------------------------------------------------------------------------------------


def test_a_deal_is_opened_moved_and_taken_back_on_the_board(as_: Callable, offer: Callable) -> None:
    row, client = offer(), as_("anna")
    page = client.get("/deals/").content.decode()
    assert "1 open deal, €100; €10 when weighted by probability." in page
    given = {"stage": stage("offer").pk, "next": "/deals/?whose=all"}
    assert client.post(f"/deals/{row.pk}/move/", given)["Location"] == "/deals/?whose=all"
    page = client.get("/deals/?whose=all").content.decode()
    undo = f"/deals/{row.pk}/undo/{row.moves.first().pk}/"
    assert "“Bikes” moved to “Offer made”." in page and undo in page
    stood = "http://testserver/deals/?whose=all"
    assert client.post(undo, headers={"Referer": stood})["Location"] == "/deals/?whose=all"
    row.refresh_from_db()
    assert row.stage.slug == "new"
    for elsewhere in ("", "https://evil.example/deals/", "http://testserver//evil.example/"):
        assert client.post(undo, headers={"Referer": elsewhere})["Location"] == f"/deals/{row.pk}/"


def test_a_deal_is_entered_changed_won_and_lost_on_its_pages(as_: Callable, offer: Callable) -> None:
    customer, client = offer().customer, as_("anna")
    given = {
        "title": "Tents", "customer": customer.number, "amount": "1234.50", "currency": "EUR",
        "expected_on": "2026-12-24", "chance": "80", "stage": stage("offer").pk,
    }  # fmt: skip
    response = client.post(f"/customers/{customer.pk}/deals/new/", given)
    assert response.status_code == 302, response.context["form"].errors
    row = Deal.objects.get(title="Tents")
    assert (row.amount, row.probability_share, row.stage.slug) == (Decimal("1234.50"), Decimal("0.8"), "offer")
    assert client.post(f"/deals/{row.pk}/edit/", {**given, "amount": "-5"}).status_code == 400
    assert client.post(f"/deals/{row.pk}/lose/", {}).status_code == 400
    reason = LostReason.objects.get(slug="price")
    assert client.post(f"/deals/{row.pk}/lose/", {"reason": reason.pk, "note": "Too dear"}).status_code == 302
    assert "Lost on" in client.get(f"/deals/{row.pk}/").content.decode()
    client.post(f"/deals/{row.pk}/reopen/")
    client.post(f"/deals/{row.pk}/win/")
    client.post(f"/deals/{row.pk}/notes/", {"text": "Sent the bill"})
    page = client.get(f"/deals/{row.pk}/").content.decode()
    assert "Won on" in page and "Sent the bill" in page and "Reopened" in page
    happenings, _more = timeline.of_customer(MACHINE, customer, before=timezone.now() + DAY, most=20)
    told = [one.words for one in happenings if "Tents" in one.words]
    assert told[0].startswith("Deal won:") and told[-1].startswith("Deal opened:")


def test_the_list_searches_filters_and_sorts(as_: Callable, offer: Callable, cast: Any) -> None:
    for title, amount in (("Bikes", 10), ("Tents", 30), ("Boats", 20)):
        offer(title, amount=Decimal(amount))
    actions.win_deal(offer("Skis"), by=access.of_user(cast.anna), at=NOW)
    client = as_("anna")

    def shown(query: str) -> list[str]:
        page = client.get("/deals/list/" + query).content.decode()
        found = [(page.find(f">{title}</a>"), title) for title in ("Bikes", "Tents", "Boats", "Skis")]
        return [title for place, title in sorted(found) if place >= 0]

    assert shown("?sort=-amount") == ["Tents", "Boats", "Bikes"] and shown("?q=boa") == ["Boats"]
    assert shown("?status=won") == ["Skis"] and len(shown("?q=virtanen")) == 3
    for odd in ("?sort=evil", "?cursor=x", "?stage=99999999999999999999", "?status=king", "?pipeline=none"):
        assert client.get("/deals/list/" + odd).status_code == 200


def test_the_pages_of_deals_take_few_queries_whatever_their_number(
    as_: Callable, offer: Callable, django_assert_max_num_queries: Any
) -> None:
    for slug in ("new", "new", "offer", "offer", "negotiating"):
        row = offer(stage=slug)
    client = as_("anna")
    for address, most in (
        ("/deals/", 14), ("/deals/list/", 8), ("/deals/forecast/", 13), (f"/deals/{row.pk}/", 9),
        (f"/customers/{row.customer_id}/deals/", 5),
    ):  # fmt: skip
        with django_assert_max_num_queries(most):
            client.get(address)


def test_the_search_over_everything_finds_open_deals_in_scope(offer: Callable, cast: Any) -> None:
    offer("Bikes for the club")
    actions.win_deal(offer("Bikes of old"), by=access.of_user(cast.anna), at=NOW)

    def found(name: str) -> list[str]:
        groups = finding.groups(access.of_user(getattr(cast, name)), "bikes")
        return [place.words for group in groups if group.icon == "banknotes" for place in group.places]

    assert found("anna") == ["Bikes for the club"] and found("bertil") == found("aino") == []


@pytest.mark.parametrize("why", ["closed", "moved"])
def test_a_form_keeps_an_owner_who_was_closed_or_went_to_another_team(
    why: str, as_: Callable, offer: Callable, cast: SimpleNamespace
) -> None:
    row, anna, south = offer(), access.of_user(cast.anna), cast.bertil
    task = actions.create_task(
        values={"title": "Ring", "due_at": row.created_at, "customer": row.customer}, by=anna, at=NOW
    )
    for table, one in ((Deal, row), (Task, task)):
        table.objects.filter(pk=one.pk).update(owner=south)
    if why == "closed":
        User.objects.filter(pk=south.pk).update(is_active=False)
    for address, table, one in ((f"/deals/{row.pk}/edit/", Deal, row), (f"/tasks/{task.pk}/", Task, task)):
        form = as_("anna").get(address).context["form"]
        shown = {f"initial-{name}": form[name].value() for name in form.fields}
        sent = {name: form[name].value() for name in form.fields} | shown | {"title": "New"}
        sent = {name: getattr(value, "pk", value) for name, value in sent.items() if value is not None}
        assert (cast.bertil.pk, str(cast.bertil)) in [(k.value, v) for k, v in form.fields["owner"].choices if k]
        response = as_("anna").post(address, sent)
        assert response.status_code == 302, response.context["form"].errors
        kept = table.objects.get(pk=one.pk)
        assert (kept.title, kept.owner_id) == ("New", south.pk)
