"""The first page: what each role finds there, that it says what is late, and that it stays quick."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from config.home import views
from crm import access, actions, rights, timetable
from crm.models import Customer, Order
from segments import actions as segment_actions
from segments.models import Segment

pytestmark = pytest.mark.django_db
MACHINE = rights.machine("test")
EVERYONE = {"version": 1, "where": {"everyone": True}}


def inside(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(user):
    return inside(user).get(reverse("home")).content.decode()


def part_of(user, key):
    return inside(user).get(reverse("home-part", args=[key])).content.decode()


def make_segment(name):
    return segment_actions.create_segment(name=name, rule=EVERYONE, by=MACHINE, at=timezone.now())


def test_a_newcomer_is_shown_where_to_begin(maija, anna):
    assert "Import your customers" in page_of(maija)
    assert "Import your customers" not in page_of(anna)


def test_steps_tick_themselves_and_may_be_put_away(adele):
    client = inside(adele)
    before = client.get(reverse("home")).content.decode().count("steps__step--done")
    make_segment("First")
    page = client.get(reverse("home")).content.decode()
    assert page.count("steps__step--done") == before + 1 and "Protect your sign-in with a code" in page
    client.post(reverse("home-steps"))
    assert "Protect your sign-in" not in client.get(reverse("home")).content.decode()
    client.post(reverse("home-steps"), {"show": "yes"})
    assert "Protect your sign-in" in client.get(reverse("home")).content.decode()


def test_silent_machinery_and_failing_segments_are_told(maija):
    make_segment("Broken")
    Segment.objects.update(error="Nobody knows why.")
    page = page_of(maija)
    assert "No worker is running" in page and "Nobody knows why." in page and "3 things need attention." in page


def test_a_running_house_is_up_to_date(maija):
    for kind in ("worker", "timetable"):
        timetable.say_alive(kind, kind=kind, at=timezone.now())
    assert "Nothing has stopped, nothing is late." in page_of(maija)


def test_sales_read_first_how_many_of_their_own_tasks_wait(anna, bertil):
    now = timezone.now()
    by = access.of_user(anna)
    for days in (-2, -1, 30):
        actions.create_task(values={"title": f"Call {days}", "due_at": now + timedelta(days=days)}, by=by, at=now)
    assert "2 tasks are overdue." in page_of(anna) and "Nothing is due today." in page_of(bertil)
    mine = part_of(anna, "tasks")
    assert mine.index("Call -2") < mine.index("Call -1") < mine.index("Call 30")
    assert "Call" not in part_of(bertil, "tasks").partition('id="part-tasks"')[2]


def test_what_happened_at_customers_is_of_ones_own_team(cast):
    now = timezone.now()
    for number, team in (("N1", cast.north), ("S1", cast.south)):
        one = Customer.objects.create(number=number, last_name=number, team=team, created_at=now, updated_at=now)
        Order.objects.create(
            customer=one, number=number, source="shop", ordered_at=now, total_amount=Decimal("12.50"), currency="EUR",
            created_at=now, updated_at=now,
        )  # fmt: skip
    assert "N1" in part_of(cast.anna, "happenings") and "S1" not in part_of(cast.anna, "happenings")
    Customer.objects.filter(number="N1").update(owner=cast.anna)
    assert "€12.50" in part_of(cast.anna, "happenings")


@pytest.mark.parametrize("role", ["anna", "maija", "aino", "adele"])
def test_every_part_of_a_role_answers_and_the_page_names_it(cast, role):
    user = getattr(cast, role)
    page = page_of(user)
    for part in views.parts_of(access.of_user(user)):
        if part.find is None:
            continue
        assert f'hx-get="{reverse("home-part", args=[part.key])}"' in page
        answer = inside(user).get(reverse("home-part", args=[part.key]))
        assert answer.status_code == 200 and f'id="part-{part.key}"' in answer.content.decode()


def test_parts_of_another_role_are_nowhere_to_be_found(anna, aino):
    assert inside(anna).get(reverse("home-part", args=["sign-ins"])).status_code == 404
    assert inside(aino).get(reverse("home-part", args=["tasks"])).status_code == 404


def test_drafts_need_no_decision(maija):
    Campaign.objects.create(name="Only a draft", slug="draft", created_at=timezone.now(), updated_at=timezone.now())
    assert "Only a draft" not in part_of(maija, "decisions")


@pytest.mark.parametrize(("role", "most"), [("anna", 12), ("maija", 16), ("adele", 18)])
def test_the_page_costs_the_same_however_large_the_house(cast, role, most):
    client = inside(getattr(cast, role))

    def queries():
        with CaptureQueriesContext(connection) as found:
            client.get(reverse("home"))
        return len(found)

    make_segment("One")
    few = queries()
    for n in range(12):
        make_segment(f"More {n}")
    now = timezone.now()
    Customer.objects.bulk_create(
        Customer(number=f"C{n}", team=cast.north, owner=cast.anna, created_at=now, updated_at=now) for n in range(200)
    )
    assert queries() <= few <= most


def test_sales_find_the_worklist_of_today_on_their_page(anna, aino):
    client = inside(anna)
    assert f'hx-get="{reverse("worklist-today")}"' in client.get(reverse("home")).content.decode()
    assert client.get(reverse("worklist-today")).status_code == 200
    assert reverse("worklist-today") not in page_of(aino)
