"""The rule editor over plain posts: what a page without scripts sends comes back as the same rule."""

import html
import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.core.cache import caches
from django.urls import reverse
from django.utils import timezone

from crm import rights
from crm.models import Customer, Event, Order
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from profiles.computed import COMPUTED
from profiles.given import GIVEN
from segments import actions, evaluation, queries, starters
from segments.models import RuleVersion, Segment

pytestmark = pytest.mark.django_db
BUILT_IN = {row.feature.key: row.feature for row in (*GIVEN, *COMPUTED)}
MACHINE = rights.machine("test")
NEW = "/segments/new/"


class Fields(HTMLParser):
    """What a browser would send for the form of a page, buttons left out."""

    def __init__(self, page):
        super().__init__()
        self.sent, self._select, self._area = [], None, None
        self.feed(page[page.index('id="editor"') :])

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "input" and "name" in given:
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.sent.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._select = [given["name"], None]
        elif tag == "option" and self._select and ("selected" in given or self._select[1] is None):
            self._select[1] = given.get("value", "")
        elif tag == "textarea":
            self._area = (given["name"], [])

    def handle_endtag(self, tag):
        if tag == "select":
            self.sent.append(tuple(self._select))
            self._select = None
        elif tag == "textarea":
            self.sent.append((self._area[0], "".join(self._area[1])))
            self._area = None

    def handle_data(self, data):
        if self._area:
            self._area[1].append(data)

    def __call__(self, **changed):
        fields = {}
        for name, value in self.sent:
            fields.setdefault(name, []).append(value)
        return {**fields, **changed}


@pytest.fixture
def oulu(transactional_db, cast):
    """Three customers, two of them of Oulu, in a built warehouse."""
    now = timezone.now()
    for number, city in (("K1", "Oulu"), ("K2", "Oulu"), ("K3", "Turku")):
        Customer.objects.create(number=number, first_name=number, city=city, created_at=now, updated_at=now)
    profile_actions.refresh(at=now)


@pytest.fixture
def inside(client, maija):
    client.force_login(maija)
    return client


def pressed(client, address, page, do, **changed):
    return client.post(address, Fields(page)(do=do, **changed)).content.decode()


def is_city(name):
    return {"version": 1, "where": {"feature": "city", "op": "is", "value": name}}


@pytest.mark.usefixtures("oulu")
def test_a_segment_is_drawn_by_buttons_alone(inside):
    page = inside.get(NEW).content.decode()
    page = pressed(inside, NEW, page, "add|r|feature|city")
    assert "not finished" in page
    page = pressed(inside, NEW, page, "value|r.0|value|Oulu")
    assert "<strong>2</strong>" in page and "Customers where city is “Oulu”." in page
    inside.post(NEW, Fields(page)(name="Of Oulu"))
    assert Segment.objects.get(slug="of-oulu").rule["where"] == {"feature": "city", "op": "one_of", "value": ["Oulu"]}


def test_who_converted_is_found_by_that_word_in_the_picker(inside):
    assert "Response to a campaign: opened, clicked, converted …" in inside.get(reverse("segment-new")).content.decode()


@pytest.mark.usefixtures("oulu")
def test_editing_says_who_would_come_and_go(inside):
    actions.create_segment(name="City", rule=is_city("Oulu"), by=MACHINE, at=timezone.now())
    actions.refresh_segments(at=timezone.now())
    address = reverse("segment-edit", args=["city"])
    page = inside.get(address).content.decode()
    page = pressed(inside, address, page, "look", **{"r.0:value": "Turku"})
    assert "1 would come in, 2 would go out" in page


@pytest.mark.parametrize("starter", starters.usable(BUILT_IN), ids=lambda one: one.key)
def test_saving_an_untouched_rule_leaves_its_version(inside, starter):
    one = actions.create_segment(name="As is", rule=starter.rule, by=MACHINE, at=timezone.now())
    address = reverse("segment-edit", args=["as-is"])
    answer = inside.post(address, Fields(inside.get(address).content.decode())(name="Renamed"))
    assert answer.status_code == 302
    one.refresh_from_db()
    assert (one.name, one.rule, one.rule_version) == ("Renamed", starter.rule, 1)


def test_a_changed_rule_gets_a_new_version(inside):
    actions.create_segment(name="City", rule=is_city("Oulu"), by=MACHINE, at=timezone.now())
    address = reverse("segment-edit", args=["city"])
    inside.post(address, Fields(inside.get(address).content.decode())(**{"r.0:value": "Turku"}))
    assert list(RuleVersion.objects.values_list("version", flat=True)) == [2, 1]
    assert Segment.objects.get().rule == is_city("Turku")


def test_what_is_missing_is_said_at_its_line(inside):
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|feature|city")
    answer = inside.post(NEW, Fields(page)(name="Nothing yet"))
    assert answer.status_code == 400 and "Something is still empty here." in answer.content.decode()
    assert not Segment.objects.exists()


def test_a_value_that_does_not_fit_is_said_at_its_line(inside):
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|feature|age", **{})
    page = pressed(inside, NEW, page, "look", **{"r.0:value": "many"})
    note = page[page.index('id="note-r-0"') :]
    assert "must be a number" in note[: note.index("</p>")]


def test_an_empty_segment_is_not_saved(inside):
    page = inside.get(NEW).content.decode()
    answer = inside.post(NEW, Fields(page)(name="Everyone"))
    assert answer.status_code == 400 and "Add at least one condition." in answer.content.decode()


def test_a_rule_given_as_json_is_drawn_and_saved_as_it_was(inside):
    tests = [{"property": "properties.score", "kind": "number", "op": "more_than", "value": 3}]
    odd = {"event": ["order", "cart"], "where": tests, "op": "at_least", "value": 1}
    page = inside.get(NEW).content.decode()
    page = pressed(inside, NEW, page, "json", json=json.dumps({"version": 1, "where": odd}))
    assert "Kept as it is" not in page
    inside.post(NEW, Fields(page)(name="Odd"))
    assert Segment.objects.get().rule["where"] == odd


@pytest.mark.usefixtures("oulu")
def test_what_a_line_shows_is_what_it_says(inside):
    """A choice that opens others makes the first of each: nothing is called unfinished that looks finished."""
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|event|order")
    page = pressed(inside, NEW, page, "look", **{"r.0:measure": "sum", "r.0:window": "before"})
    assert "not finished" not in page
    assert "total value of orders before the first order is at least 1" in page
    page = pressed(inside, NEW, page, "look", **{"r.0:measure": "last"})
    assert "not finished" in page and "unknown operator" not in page


def test_several_kinds_of_events_are_chosen_and_dropped(inside):
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|event|order")
    page = pressed(inside, NEW, page, "value|r.0|event|return")
    page = pressed(inside, NEW, page, "look", **{"r.0:event": ["order", "cart"]})
    assert html.unescape(page).count('"event": [\n') == 1
    page = pressed(inside, NEW, page, "unvalue|r.0|event|cart")
    assert '"event": "order"' in html.unescape(page)


def test_what_only_the_source_knows_is_offered_by_name_and_written_by_name(inside, oulu):
    buyer, now = Customer.objects.get(number="K1"), timezone.now()
    Event.objects.create(
        source="web", source_id="1", type="page", occurred_at=now, received_at=now, customer=buyer,
        properties={"minutes": 12, "utm.source": "ad", "is_new": True, "much": {"a": 1}},
    )  # fmt: skip
    profile_actions.refresh(at=timezone.now())
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|event|page")
    page = pressed(inside, NEW, page, "where|r.0|where")
    assert '<option value="properties.minutes|number">minutes</option>' in page
    assert '<option value="properties.utm.source|text">utm.source</option>' in page and "properties.much" not in page
    page = pressed(inside, NEW, page, "look", **{"r.0:where.0.property": "properties.utm.source|text"})
    assert '<option value="ad">1</option>' in page
    asked = {"r.0:where.0.property": "properties.|number", "r.0:where.0.name": "minutes"}
    page = pressed(inside, NEW, page, "look", **asked)
    page = pressed(inside, NEW, page, "look", **{**asked, "r.0:where.0.op": "more_than", "r.0:where.0.value": "10"})
    assert "1</strong> customer now" in page


@pytest.mark.usefixtures("oulu")
def test_a_run_that_a_newer_one_overtook_is_answered_with_nothing(inside, monkeypatch):
    runs = []

    def overtaken(self, rule):
        runs.append(self.run)
        raise profile_queries.Overtaken

    page = inside.get(NEW)
    assert f'name="run" value="{page.context["run"]}"' in page.content.decode()
    monkeypatch.setattr(evaluation.Engine, "look", overtaken)
    caches["answers"].clear()
    sent = {"do": "look", "run": page.context["run"], "r:word": "all", "r.0:kind": "everyone"}
    assert inside.post(NEW, sent).status_code == 204
    assert runs == [page.context["run"]]


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1, "where": {"feature": "nope", "op": "is"}}', "\0"])
def test_bad_json_is_answered_with_its_fault(inside, text):
    page = inside.get(NEW).content.decode()
    page = pressed(inside, NEW, page, "json", json=text)
    assert 'class="errorlist"' in page


@pytest.mark.parametrize(
    "do", ["", "up|r", "up|r.7", "remove|r.x.y", "add|r|feature|nope", "add|r.0.0|box", "|||", "drop|r.0|x"]
)
def test_buttons_that_make_no_sense_change_nothing(inside, do):
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|event|")
    answer = inside.post(NEW, Fields(page)(do=do))
    assert answer.status_code == 200


def test_a_rule_may_not_name_itself(inside):
    actions.create_segment(name="City", rule=is_city("Oulu"), by=MACHINE, at=timezone.now())
    address = reverse("segment-edit", args=["city"])
    page = pressed(inside, address, inside.get(address).content.decode(), "add|r|segment|")
    answer = inside.post(address, Fields(page)(**{"r.1:segment": "city"}))
    assert answer.status_code == 400 and Segment.objects.get().rule_version == 1


def test_a_name_that_is_not_written_yet_is_no_fault_before_saving(inside):
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|feature|city", description="For the fair")
    assert "This field is required." not in page and 'value="For the fair"' in page
    assert "This field is required." in inside.post(NEW, Fields(page)()).content.decode()


def test_values_of_events_are_offered_with_their_numbers(inside, oulu):
    buyer, now = Customer.objects.get(number="K1"), timezone.now()
    for n, channel in enumerate(["web", "web", "store"]):
        Order.objects.create(
            source="shop", number=str(n), customer=buyer, ordered_at=now - timedelta(days=1), currency="EUR",
            total_amount=10, channel=channel, created_at=now, updated_at=now,
        )  # fmt: skip
    profile_actions.refresh(at=timezone.now())
    page = pressed(inside, NEW, inside.get(NEW).content.decode(), "add|r|event|order")
    page = pressed(inside, NEW, page, "where|r.0|where")
    assert '<option value="web">2</option><option value="store">1</option>' in page
    page = pressed(inside, NEW, page, "look", **{"r.0:where.0.op": "one_of"})
    page = pressed(inside, NEW, page, "value|r.0|where.0.value|web")
    assert "(channel is “web”)" in page and "1</strong> customer now" in page


@pytest.mark.usefixtures("oulu")
def test_opening_and_updating_take_few_queries_however_long_the_rule(inside, django_assert_max_num_queries):
    parts = [{"feature": "city", "op": "one_of", "value": [f"Town {n}", "Oulu"]} for n in range(6)]
    parts += [{"event": "order", "op": "at_least", "value": 1, "window": {"last_days": 90}}]
    for name, some in (("short", parts[:1]), ("long", parts)):
        rule = {"version": 1, "where": {"all": some}}
        actions.create_segment(name=name, rule=rule, by=MACHINE, at=timezone.now())
    actions.refresh_segments(at=timezone.now())
    for name in ("short", "long"):
        address = reverse("segment-edit", args=[name])
        page = inside.get(address).content.decode()
        with django_assert_max_num_queries(11):
            inside.get(address)
        with django_assert_max_num_queries(11):
            pressed(inside, address, page, "look")


def test_what_somebody_else_saved_while_the_page_was_open_stays(inside):
    """Two people, one segment: each saves what they changed; a rule that both changed is said, and saved when meant."""
    segment = actions.create_segment(name="City", rule=is_city("Oulu"), by=MACHINE, at=timezone.now())
    address = reverse("segment-edit", args=["city"])
    mine, theirs, third = (Fields(inside.get(address).content.decode()) for _ in range(3))
    inside.post(address, theirs(**{"r.0:value": "Turku"}))
    inside.post(address, mine(name="Renamed", purpose="service"))
    segment.refresh_from_db()
    assert (segment.name, segment.purpose, segment.rule["where"]["value"]) == ("Renamed", "service", "Turku")
    answer = inside.post(address, third(**{"r.0:value": "Espoo"}))
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "Somebody changed the rule" in page and "Turku" in page
    assert dict(Fields(page).sent)["r.0:value"] == "Espoo", "nothing that was written is lost"
    inside.post(address, Fields(page)())
    segment.refresh_from_db()
    assert (segment.name, segment.purpose, segment.rule["where"]["value"]) == ("Renamed", "service", "Espoo")


@pytest.mark.parametrize(
    "opened", ["", "[", "[]", "7", '{"version": true}', '{"version": -1}', '{"version": 1e99}', "{}"]
)
def test_what_a_page_carries_along_may_be_anything(inside, opened):
    actions.create_segment(name="City", rule=is_city("Oulu"), by=MACHINE, at=timezone.now())
    fields = Fields(inside.get("/segments/city/edit/").content.decode())
    assert inside.post("/segments/city/edit/", fields(name="Renamed", opened=opened)).status_code == 302
    assert Segment.objects.get().name == "Renamed"


@pytest.mark.usefixtures("oulu")
def test_the_same_rule_is_looked_at_once_while_nothing_moves(monkeypatch):
    asked, look = [], evaluation.Engine.look
    monkeypatch.setattr(evaluation.Engine, "look", lambda self, rule: asked.append(1) or look(self, rule))
    one = actions.create_segment(name="City", rule=is_city("Oulu"), by=MACHINE, at=timezone.now())
    actions.refresh_segments(at=timezone.now())
    one.refresh_from_db()
    friends = actions.create_segment(name="Friends", kind="static", by=MACHINE, at=timezone.now())
    where = {"any": [{"feature": "city", "op": "is", "value": "Turku"}, {"segment": "friends", "op": "in"}]}
    rule = actions.check_rule({"version": 1, "where": where}, by=MACHINE)

    def seen(against=one):
        found = queries.preview(rule, MACHINE, as_of=timezone.now(), against=against)
        return found.size, found.entering, found.leaving, len(found.sample)

    assert seen() == seen() == (1, 1, 2, 1) and len(asked) == 1
    assert seen(against=None) == (1, 0, 0, 1) and len(asked) == 2
    people = Customer.objects.filter(city="Oulu").values_list("pk", flat=True)
    actions.add_members(segment=friends, customers=list(people), by=MACHINE, at=timezone.now())
    assert seen() == (3, 1, 0, 3), "the ledger of a segment that it names has moved"
    actions.refresh_segments(at=timezone.now(), slugs=["city"])
    assert seen() == (3, 1, 0, 3)
