"""The first page: what each role finds there, and that it says what is late."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm import rights, timetable
from segments import actions
from segments.models import Segment

pytestmark = pytest.mark.django_db
MACHINE = rights.machine("test")


def page_of(user):
    client = Client()
    client.force_login(user)
    return client.get(reverse("home")).content.decode()


def test_a_newcomer_is_shown_where_to_begin(maija, anna):
    assert "Import your customers" in page_of(maija)
    assert "Import your customers" not in page_of(anna)


def test_silent_machinery_and_failing_segments_are_told(maija):
    rule = {"version": 1, "where": {"everyone": True}}
    actions.create_segment(name="Broken", rule=rule, by=MACHINE, at=timezone.now())
    Segment.objects.update(error="Nobody knows why.")
    page = page_of(maija)
    assert "No worker is running" in page and "Nobody knows why." in page and "3 things need attention." in page


def test_a_running_house_is_up_to_date(maija):
    for kind in ("worker", "timetable"):
        timetable.say_alive(kind, kind=kind, at=timezone.now())
    assert "All is up to date." in page_of(maija)
