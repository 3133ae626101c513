"""From results to deeds over REST: decisions and guardrails read, rolled out and taken back; results as files."""

from io import BytesIO

import openpyxl
import pytest
from django.utils import timezone

from campaigns.delivery.sweeping import sweep
from campaigns.models import Message, Response, Run
from tests.campaigns.conftest import launched

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(new_customer, new_campaign):
    """A finished test, half held out, in which everybody who got B bought."""
    campaign = new_campaign([new_customer(n) for n in range(160)], holdout_share="0.5")
    run = launched(campaign)
    Message.objects.filter(run=run, state="queued").update(state="sent", final_at=timezone.now())
    sweep(at=timezone.now())
    campaign.refresh_from_db()
    Response.objects.bulk_create(
        Response(message=one, kind="conversion", by_class="human", at=timezone.now(), source_id="planted")
        for one in Message.objects.filter(run=run, variant__key="B")
    )
    return campaign


@pytest.fixture
def call(client, maija):
    client.force_login(maija)

    def ask(campaign, verb, body=None):
        url = f"/api/v1/campaigns/{campaign.pk}/{verb}/"
        return client.post(url, body or {}, "application/json") if body is not None else client.get(url)

    return ask


def everybody(variant):
    return {"decisions": [{"segment": None, "variant": variant}], "reason": "B sold more"}


def test_a_decision_read_in_the_results_is_rolled_out_and_taken_back(decided, call):
    told = call(decided, "results").json()["groups"][0]["decision"]
    assert (told["kind"], told["variant"]) == ("variant", "B")
    answer = call(decided, "roll-out", everybody("B"))
    assert answer.status_code == 202, answer.content
    run = Run.objects.get(pk=answer.json()["run"])
    assert run.rolls_out is not None and run.plan["reason"] == "B sold more"
    assert call(decided, "roll-out", everybody("B")).status_code == 409
    assert call(decided, "take-back", {}).json() == {"left": 0}
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert call(decided, "take-back", {}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        everybody("A"),
        {"decisions": [], "reason": "x"},
        {"decisions": [{"segment": 999_999, "variant": "B"}], "reason": "x"},
        {"decisions": [{"segment": "x", "variant": "B"}], "reason": "x"},
        {"decisions": [{"variant": "B"}], "reason": "x"},
        {"decisions": [{"segment": None, "variant": "B"}]},
        {},
    ],
)
def test_another_decision_or_a_body_of_another_shape_is_refused_with_its_place(decided, call, body):
    answer = call(decided, "roll-out", body)
    assert answer.status_code == 400, answer.content
    assert not Run.objects.exclude(rolls_out=None).exists()


def test_guardrails_are_told_for_each_version_with_limit_and_measure(decided, call):
    rows = {(one["guardrail"], one["variant"]): one for one in call(decided, "results").json()["guardrails"]}
    assert set(rows) == {(key, variant) for key in ("unsubscribe", "complaint") for variant in "AB"}
    assert rows["complaint", "A"]["ceiling"] == 0.003 and not rows["complaint", "A"]["is_broken"]


def test_the_files_hold_the_figures_that_the_api_tells(decided, call):
    told = call(decided, "results").json()
    answer = call(decided, "results/xlsx")
    assert answer.headers["Content-Disposition"].endswith('-results.xlsx"')
    book = openpyxl.load_workbook(BytesIO(answer.content))
    assert book.sheetnames == ["arms", "decisions", "comparisons", "guardrails", "caused", "waves"]
    head, first, *_rest = book["decisions"].values
    assert dict(zip(head, first, strict=True))["variant"] == told["groups"][0]["decision"]["variant"]
    head, *rows = book["comparisons"].values
    written = [dict(zip(head, row, strict=True)) for row in rows]
    pairs = told["groups"][0]["comparisons"]
    assert any(one["always"] for one in pairs)
    for row, one in zip(written, pairs, strict=False):
        assert row["always_low"] == (one["always"] and pytest.approx(one["always"]["low"]))
    lines = call(decided, "results/csv").content.decode().splitlines()
    assert lines[0].startswith("\ufeffgroup,arm,people") and len(lines) == len(list(book["arms"].values))


def test_resending_needs_its_right_and_mending_a_run_that_is_incomplete(decided, call, client, adele):
    Message.objects.filter(pk=Message.objects.filter(state="sent").first().pk).update(state="unknown")
    assert call(decided, "resend", {}).status_code == 403
    client.force_login(adele)
    assert call(decided, "resend", {}).json() == {"count": 1}
    assert call(decided, "mend", {}).status_code == 409
