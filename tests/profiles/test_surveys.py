"""Surveys: drawn up, answered at an address of one's own, told to rules and profiles, summed up honestly."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from urllib.parse import urlsplit

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from statsmodels.stats.proportion import proportion_confint

from config.timetable import BY_NAME
from crm import access, actions
from crm.models import AuditLine, Customer, Event, FieldDefinition
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries
from profiles.models import Answer, AnswerSheet, Survey
from profiles.surveys import addresses, answering, drafting, expiring, results
from profiles.surveys.forgetting import forget_words

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def field(db):
    return FieldDefinition.objects.create(
        key="would_recommend", label="Would recommend", type="number", dimension="psychographic", created_at=AT
    )


@pytest.fixture
def survey(field, maija):
    made = drafting.create_survey(
        values={"title": "How was it", "title_fi": "Miltä tuntui"},
        questions=[
            {"kind": "nps", "text": "Would you recommend us", "text_fi": "Suosittelisitko", "is_required": True,
             "field": field, "key": "nps"},
            {"kind": "choice", "text": "Where", "choices": ["Shop", "Web"], "choices_fi": ["Myymälä", "Verkko"],
             "key": "where"},
            {"kind": "choices", "text": "What", "choices": ["Skis", "Boots", "Bikes"], "key": "what"},
            {"kind": "text", "text": "What else", "key": "else"},
        ],
        by=access.of_user(maija), at=AT,
    )  # fmt: skip
    return drafting.move_survey(made, "open", by=access.of_user(maija), at=AT)


def customer(number, **more):
    return Customer.objects.create(number=number, created_at=AT, updated_at=AT, **more)


def path(survey, who):
    return urlsplit(addresses.url(survey, who.pk)).path


def test_a_customer_answers_and_changes_their_mind_on_one_sheet(survey):
    ada, client = customer("1", language="fi"), Client()
    page = client.get(path(survey, ada)).content.decode()
    assert "Suosittelisitko" in page and "Myymälä" in page and "Would you" not in page
    assert not client.cookies
    client.post(path(survey, ada), {"nps": "9", "where": "1", "what": ["0", "2"], "else": "Kiitos <b>"})
    assert answering.answers_of(survey, ada.pk) == {
        "nps": ["9"], "where": ["Web"], "what": ["Skis", "Bikes"], "else": ["Kiitos <b>"],
    }  # fmt: skip
    page = client.post(path(survey, ada), {"nps": "3"}).content.decode()
    assert "Kiitos" in page
    assert AnswerSheet.objects.get().revision == 2
    assert answering.answers_of(survey, ada.pk) == {"nps": ["3"]}


def test_answers_are_events_without_own_words_and_fill_the_field(survey):
    ada = customer("1")
    answering.submit(survey, ada, sent={"nps": ["9"], "else": ["my secret"]}, language="en", at=AT)
    events = list(Event.objects.order_by("id").values_list("type", "value", "category", "properties"))
    assert [(kind, value, category) for kind, value, category, _ in events] == [
        ("answer", 9, "how-was-it"), ("answer", None, "how-was-it"),
    ]  # fmt: skip
    assert "my secret" not in str(events)
    ada.refresh_from_db()
    assert ada.attributes == {"would_recommend": "9"}


@pytest.mark.parametrize("sent", [{}, {"nps": "11"}, {"nps": "-1"}, {"nps": "x"}, {"nps": "5", "where": "7"}])
def test_what_does_not_fit_is_said_and_nothing_is_kept(survey, sent):
    answer = Client().post(path(survey, customer("1")), sent)
    assert answer.status_code == 400 and 'role="alert"' in answer.content.decode()
    assert not AnswerSheet.objects.exists() and not Event.objects.exists()


def test_wrong_addresses_look_all_alike(survey):
    ada, bob = customer("1"), customer("2")
    right = addresses.token(survey, ada.pk)
    wrong = [right[:-1] + ("0" if right[-1] != "0" else "1"), right.replace(f"-{ada.pk}-", f"-{bob.pk}-"), "x", "1-2"]
    answers = [Client().get(f"/s/{token}/") for token in [*wrong, f"{10**17}-1-{'0' * 32}"]]
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers}) == 1
    assert Client().get(f"/s/{right}/").status_code == 200


def test_a_draft_cannot_be_answered_and_a_closed_one_says_so(survey, maija):
    ada, by = customer("1"), access.of_user(maija)
    drafting.move_survey(survey, "close", by=by, at=AT)
    answer = Client().post(path(survey, ada), {"nps": "9"})
    assert "closed" in answer.content.decode() and not AnswerSheet.objects.exists()
    draft = drafting.create_survey(values={"title": "Next"}, by=by, at=AT)
    assert Client().get(path(draft, ada)).status_code == 404
    with pytest.raises(drafting.MoveRefused, match="at least one question"):
        drafting.move_survey(draft, "open", by=by, at=AT)


def test_the_erased_have_no_address_and_their_words_go(survey):
    ada = customer("1")
    answering.submit(survey, ada, sent={"nps": ["9"], "else": ["my secret"]}, language="en", at=AT)
    actions.erase_customer(ada, by=machine("test"), at=AT)
    assert Client().get(path(survey, ada)).status_code == 404
    assert forget_words(at=AT + timedelta(hours=1)) == 1
    assert list(Answer.objects.values_list("value", flat=True)) == ["9"]


def test_questions_stay_once_somebody_answered(survey, maija):
    answering.submit(survey, customer("1"), sent={"nps": ["9"]}, language="en", at=AT)
    by = access.of_user(maija)
    with pytest.raises(drafting.MoveRefused, match="answers already"):
        drafting.change_survey(survey, values={}, questions=[{"kind": "text", "text": "Other"}], by=by, at=AT)
    drafting.change_survey(survey, values={"title": "How was your visit"}, by=by, at=AT)
    survey.refresh_from_db()
    assert survey.title == "How was your visit"
    assert AuditLine.objects.filter(kind="survey").order_by("id").last().changes == {
        "title": ["How was it", "How was your visit"]
    }


def test_the_net_promoter_score_is_where_repeated_samples_say(survey):
    chances, n = np.array([0.2, 0.3, 0.5]), 400
    truth = 100 * (chances[2] - chances[0])
    draws = np.random.default_rng(3).multinomial(n, chances, size=2000)
    scores = [results.nps({3: low, 8: middle, 10: high}) for low, middle, high in draws]
    assert np.mean([one.value for one in scores]) == pytest.approx(truth, abs=0.5)
    assert np.mean([one.low <= truth <= one.high for one in scores]) == pytest.approx(0.95, abs=0.015)


def test_satisfaction_agrees_with_another_library():
    score = results.satisfaction({1: 3, 3: 10, 4: 20, 5: 17})
    low, high = proportion_confint(37, 50, method="wilson")
    assert (score.value, score.low, score.high) == pytest.approx((0.74, low, high))


def test_scores_wait_for_thirty_answers_and_are_counted_by_the_database(survey, django_assert_num_queries):
    for place in range(results.FEWEST):
        answering.submit(survey, customer(str(place)), sent={"nps": [str(6 + place % 5)]}, language="en", at=AT)
        if place == results.FEWEST - 2:
            assert results.results(survey)[0].score is None
    with django_assert_num_queries(4):
        found = results.results(survey, has_words=True)
    assert found[0].score.value == pytest.approx(100 * (2 - 1) / 5)
    assert dict(found[0].counts)["6"] == 6 and found[1].answered == 0


def test_a_marketer_draws_one_up_on_the_pages(field, maija):
    client = Client()
    client.force_login(maija)
    form = {
        "title": "How was it", "form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "1", "form-0-kind": "nps",
        "form-0-text": "Would you recommend us", "form-0-ORDER": "1", "form-0-field": "would_recommend",
        "form-1-kind": "choice", "form-1-text": "Where", "form-1-choices": "Shop\nWeb\n", "form-1-ORDER": "2",
    }  # fmt: skip
    answer = client.post("/surveys/new/", form)
    assert answer.status_code == 302
    kept = Survey.objects.get()
    assert [(one.kind, one.choices, one.field) for one in kept.questions.all()] == [
        ("nps", [], field), ("choice", ["Shop", "Web"], None),
    ]  # fmt: skip
    client.post(f"/surveys/{kept.slug}/move/open/")
    page = client.get(f"/surveys/{kept.slug}/").content.decode()
    assert "Nobody has answered yet" in page and "{{ survey.how_was_it }}" in page
    ada = customer("A-1")
    assert addresses.token(kept, ada.pk) in client.get(f"/surveys/{kept.slug}/link/?number=A-1").content.decode()
    assert client.post("/surveys/new/", form | {"form-1-choices": "Shop"}).status_code == 400


def test_sales_see_no_surveys_and_analysts_change_none(survey, anna, aino):
    for user, status in ((anna, 403), (aino, 200)):
        client = Client()
        client.force_login(user)
        assert client.get("/surveys/").status_code == status
        assert client.get(f"/surveys/{survey.slug}/answers.csv").status_code == status
        assert client.post(f"/surveys/{survey.slug}/move/close/").status_code == 403


def test_own_words_are_for_those_who_may_see_names(survey, maija, aino):
    ada = customer("1")
    Client().post(path(survey, ada), {"nps": "9", "else": "Written by Ada"})
    for user, sees in ((maija, True), (aino, False)):
        client = Client()
        client.force_login(user)
        page, file, told = (
            client.get(address).getvalue().decode()
            for address in (
                f"/surveys/{survey.slug}/",
                f"/surveys/{survey.slug}/answers.csv",
                f"/api/v1/surveys/{survey.pk}/results/",
            )
        )
        assert ("by Ada" in page, "shown to those who" in page) == (sees, not sees)
        assert "by Ada" not in file + told


def test_the_same_over_the_api(field, adele):
    key = actions.issue_key(name="t", scopes=["surveys:read", "surveys:write", "customers:read"],
                            by=access.of_user(adele), at=AT)[1]  # fmt: skip
    client = Client(headers={"authorization": f"Bearer {key}"})
    made = client.post("/api/v1/surveys/", {
        "title": "How was it", "questions": [{"kind": "nps", "text": "Recommend", "field": "would_recommend"}],
    }, content_type="application/json")  # fmt: skip
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    assert client.post(f"/api/v1/surveys/{pk}/open/").json()["status"] == "open"
    assert client.post(f"/api/v1/surveys/{pk}/open/").status_code == 409
    ada = customer("A-1")
    url = client.get(f"/api/v1/surveys/{pk}/link/?customer=A-1").json()["url"]
    assert Client().post(urlsplit(url).path, {"recommend": "10"}).status_code == 200
    told = client.get(f"/api/v1/surveys/{pk}/results/").json()
    assert told["sheets"] == 1 and told["questions"][0]["counts"]["10"] == 1 and told["questions"][0]["score"] is None
    bad = client.post("/api/v1/surveys/", {"title": "x", "questions": [{"kind": "nps", "text": "a", "field": "none"}]},
                      content_type="application/json")  # fmt: skip
    assert bad.status_code == 400 and "questions[0].field" in bad.json()["error"]["path"]
    assert client.get("/api/v1/surveys/1/link/?customer=nobody").status_code == 404
    assert ada.pk


def test_a_letter_leads_each_customer_to_their_own_sheet(survey):
    from campaigns.content import composition, facts, fields, merge

    source = composition.Source("Hello", "", '<a href="{{ survey.how_was_it }}">Answer</a>', "")
    assert composition.faults(source, fields.names()) == []
    foreign = composition.Source("Hello", "", '<a href="{{ survey.other }}">Answer</a>', "")
    assert "survey.other" in str(composition.faults(foreign, fields.names()))
    ada, bob = customer("1"), customer("2")
    told = facts.facts_for(facts.wanted([source]), [ada.pk, bob.pk], AT)
    letter = composition.compose(source).html
    html = [merge.filled(letter, {**told.of(one.pk, [], "en"), "firm": {}, "labels": {}}, escape=True)
            for one in (ada, bob)]  # fmt: skip
    assert addresses.url(survey, ada.pk) in html[0] and addresses.url(survey, bob.pk) in html[1]


def test_what_a_field_takes_no_longer_stays_on_the_sheet(maija):
    """A page that customers see breaks for no change of ours."""
    colour = FieldDefinition.objects.create(
        key="colour", label="Colour", type="choice", choices=["red", "blue"], dimension="psychographic", created_at=AT
    )
    asked = {"kind": "choice", "text": "Colour", "choices": ["green", "red"], "key": "colour", "field": colour}
    by, ada = access.of_user(maija), customer("1")
    with pytest.raises(drafting.SurveyRefused, match="other choices"):
        drafting.create_survey(values={"title": "A"}, questions=[asked], by=by, at=AT)
    asked["choices"] = ["blue", "red"]
    made = drafting.create_survey(values={"title": "A"}, questions=[asked], by=by, at=AT)
    drafting.move_survey(made, "open", by=by, at=AT)
    FieldDefinition.objects.update(choices=["red"])
    assert Client().post(path(made, ada), {"colour": "0"}).status_code == 200
    FieldDefinition.objects.update(archived_at=AT)
    assert Client().post(path(made, ada), {"colour": "1"}).status_code == 200
    ada.refresh_from_db()
    assert ada.attributes == {} and answering.answers_of(made, ada.pk) == {"colour": ["red"]}


def test_the_same_answers_sent_again_happen_once_and_nobody_changes_for_ever(survey):
    ada, client = customer("1"), Client()
    for _time in range(3):
        client.post(path(survey, ada), {"nps": "9", "what": ["2", "0"]})
    assert Event.objects.count() == 2
    AnswerSheet.objects.update(revision=answering.MOST_REVISIONS)
    client.post(path(survey, ada), {"nps": "1"})
    assert Event.objects.count() == 2 and answering.answers_of(survey, ada.pk)["nps"] == ["9"]


# --- answers that expire -------------------------------------------------------------------------


def held(months, maija, survey):
    drafting.change_survey(survey, values={"holds_months": months}, by=access.of_user(maija), at=AT)
    survey.refresh_from_db()
    return survey


def answered(survey, number, at=AT, **sent):
    who = customer(number)
    answering.submit(survey, who, sent={"nps": ["9"], **sent}, language="en", at=at)
    return who


def recommends(who):
    who.refresh_from_db()
    return who.attributes.get("would_recommend")


def test_an_answer_leaves_its_field_when_its_months_are_over(survey, maija):
    ada = answered(held(24, maija, survey), "1")
    assert expiring.expire(at=datetime(2028, 11, 1, 11, tzinfo=UTC)) == 0 and recommends(ada) == "9"
    over = datetime(2028, 11, 1, 12, tzinfo=UTC)
    assert expiring.expire(at=over) == 1 and recommends(ada) is None and ada.updated_at == over
    assert expiring.expire(at=over) == 0
    line = AuditLine.objects.filter(kind="customer").order_by("pk").last()
    assert (line.verb, line.changes, line.source) == ("answer expired", {"attributes.would_recommend": ["9", None]},
                                                      "survey")  # fmt: skip
    assert answering.answers_of(survey, ada.pk) == {"nps": ["9"]} and Event.objects.count() == 1  # what was said, was
    answering.submit(survey, ada, sent={"nps": ["9"]}, language="en", at=over)
    assert recommends(ada) == "9" and AnswerSheet.objects.get().expired_at is None


@pytest.mark.parametrize("what", ["for ever", "another value", "there and back", "a newer survey", "restricted"])
def test_what_is_not_an_old_answer_stays(survey, maija, field, what):
    months = None if what == "for ever" else 12
    ada, later = answered(held(months, maija, survey), "1"), AT + timedelta(days=100)
    if what in ("another value", "there and back"):
        for value in ("3",) if what == "another value" else ("3", "9"):
            actions.change_customer(
                ada, values={"attributes": {"would_recommend": value}}, by=machine("page"), at=later
            )
    if what == "a newer survey":
        asked = [{"kind": "nps", "text": "Still", "field": field}]
        again = drafting.create_survey(values={"title": "Again"}, questions=asked, by=access.of_user(maija), at=AT)
        drafting.move_survey(again, "open", by=access.of_user(maija), at=AT)
        again.refresh_from_db()
        answering.submit(again, ada, sent={again.questions.get().key: ["9"]}, language="en", at=later)
    if what == "restricted":
        Customer.objects.update(restricted_at=later)
    expiring.expire(at=AT + timedelta(days=400))
    assert recommends(ada) == ("3" if what == "another value" else "9")


def test_many_expire_in_batches_by_the_same_few_statements(survey, maija, monkeypatch, django_assert_max_num_queries):
    held(12, maija, survey)
    everybody = [answered(survey, str(n)) for n in range(7)]
    monkeypatch.setattr(expiring, "BATCH", 3)
    with django_assert_max_num_queries(1 + 4 * 16):  # three batches and an empty one
        assert expiring.expire(at=AT + timedelta(days=400)) == 7
    assert {recommends(one) for one in everybody} == {None}


@pytest.mark.django_db(transaction=True)
def test_the_job_empties_the_profile_with_the_next_refresh(survey, maija, client, anna, cast):
    """By the timetable's own task; the snapshot follows from what changed, and the page says what no longer holds."""
    now = timezone.now()
    held(12, maija, survey)
    ada = answered(survey, "1", at=now - timedelta(days=800))
    bob = answered(survey, "2", at=now - timedelta(days=100))
    Customer.objects.update(team=cast.north)
    profile_actions.refresh(at=now)
    known = "select customer_id from profile where would_recommend is not null order by 1"
    assert [row["customer_id"] for row in queries.select(known).to_pylist()] == [ada.pk, bob.pk]
    module, name = BY_NAME["expire-answers"].task.rsplit(".", 1)
    getattr(import_module(module), name)()
    assert not profile_actions.refresh(at=timezone.now()).is_full
    assert [row["customer_id"] for row in queries.select(known).to_pylist()] == [bob.pk]
    client.force_login(anna)
    page = client.get(f"/customers/{ada.pk}/profile/").content.decode()
    assert "Would recommend: answered" in page and "no longer used" in page and "2 years ago" in page
    assert "no longer used" not in client.get(f"/customers/{bob.pk}/profile/").content.decode()


def test_how_long_answers_hold_is_chosen_on_the_form_and_over_the_api(survey, maija, client):
    client.force_login(maija)
    page = client.get("/surveys/new/").content.decode()
    assert 'name="holds_months"' in page
    for months in (0, 121):
        with pytest.raises(drafting.SurveyRefused):
            held(months, maija, survey)
    url = f"/api/v1/surveys/{survey.pk}/"
    assert client.patch(url, {"holds_months": 6}, content_type="application/json").json()["holds_months"] == 6
    assert "For 6 months" in client.get(f"/surveys/{survey.slug}/").content.decode()
    assert client.patch(url, {"holds_months": 0}, content_type="application/json").status_code == 400
