"""Administrators let people in, change what they may do and close the door; keys are shown once."""

import re
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from crm.models import ApiKey, AuditLine, Team, User

pytestmark = pytest.mark.django_db
NEW = {"username": "eero", "first_name": "Eero", "email": "eero@kohde.example", "language": "fi", "role": "sales"}


@pytest.fixture
def admin(client, adele):
    client.force_login(adele)
    return client


def test_an_invited_person_chooses_a_password_and_comes_in(admin, cast):
    page = admin.post(reverse("user-new"), NEW | {"teams": [cast.north.pk]}).content.decode()
    link = urlsplit(re.search(r'value="(http[^"]+/invitation/[^"]+)"', page)[1]).path
    assert link in mail.outbox[0].body and mail.outbox[0].to == ["eero@kohde.example"]
    guest = Client()
    form = guest.get(link, follow=True)
    guest.post(form.request["PATH_INFO"], {"new_password1": "pitkä salasana", "new_password2": "pitkä salasana"})
    guest.post(reverse("sign-in"), {"username": "eero", "password": "pitkä salasana"})
    assert guest.get("/customers/").status_code == 200
    assert list(User.objects.get(username="eero").teams.all()) == [cast.north]


def test_before_that_no_password_is_right(admin):
    admin.post(reverse("user-new"), NEW)
    assert Client().post(reverse("sign-in"), {"username": "eero", "password": ""}).status_code == 200


def test_a_taken_name_is_refused_at_its_field_in_any_case(admin):
    page = admin.post(reverse("user-new"), NEW | {"username": "Maija"})
    assert page.status_code == 400 and "username" in page.context["form"].errors


def test_a_changed_role_holds_at_once_and_is_audited(admin, maija, adele):
    inside = Client()
    inside.force_login(maija)
    assert inside.get("/imports/").status_code == 200
    admin.post(reverse("user", args=[maija.pk]), {"first_name": "Maija", "language": "en", "role": "analyst"})
    assert inside.get("/imports/").status_code == 403
    assert AuditLine.objects.get(kind="user", verb="changed").changes["role"] == ["marketer", "analyst"]


def test_a_new_administrator_may_use_backstage_and_a_former_one_may_not(admin, maija):
    for role, flag in (("admin", True), ("marketer", False)):
        admin.post(reverse("user", args=[maija.pk]), {"language": "en", "role": role})
        maija.refresh_from_db()
        assert (maija.is_staff, maija.is_superuser) == (flag, flag)


def test_the_last_administrator_stays_one(admin, adele):
    page = admin.post(reverse("user", args=[adele.pk]), {"language": "en", "role": "sales"})
    assert page.status_code == 400 and "role" in page.context["form"].errors
    admin.post(reverse("user-move", args=[adele.pk, "close"]))
    adele.refresh_from_db()
    assert adele.is_active and adele.role == "admin"


def test_a_closed_account_is_out_at_once_and_may_be_opened_again(admin, maija):
    inside = Client()
    inside.force_login(maija)
    admin.post(reverse("user-move", args=[maija.pk, "close"]))
    assert inside.get(reverse("me")).status_code == 302
    admin.post(reverse("user-move", args=[maija.pk, "reopen"]))
    inside.force_login(maija)
    assert inside.get(reverse("me")).status_code == 200


def test_the_list_of_people_costs_the_same_however_many(admin, cast, django_assert_max_num_queries):
    for n in range(30):
        User.objects.create_user(f"more{n}").teams.add(cast.north)
    with django_assert_max_num_queries(6):
        admin.get(reverse("users"))


def test_teams_are_made_and_renamed(admin):
    admin.post(reverse("team-new"), {"name": "West", "slug": "west"})
    admin.post(reverse("team", args=["west"]), {"name": "Far west"})
    assert Team.objects.get(slug="west").name == "Far west"
    assert admin.post(reverse("team-new"), {"name": "Another", "slug": "west"}).status_code == 400


def test_a_key_is_shown_once_works_and_is_revoked(admin):
    page = admin.post(reverse("key-new"), {"name": "Shop", "scopes": ["customers:read"], "days": "90"})
    raw_key = re.search(r'value="(kohde_[^"]+)"', page.content.decode())[1]
    assert "no-store" in page["Cache-Control"]
    assert raw_key not in admin.get(reverse("keys")).content.decode()
    caller = Client(headers={"Authorization": f"Bearer {raw_key}"})
    assert caller.get("/api/v1/customers/").status_code == 200
    key = ApiKey.objects.get()
    assert key.expires_at is not None and key.expires_at > key.created_at
    admin.post(reverse("key-revoke", args=[key.pk]))
    assert caller.get("/api/v1/customers/").status_code == 401


def test_a_key_without_scopes_is_refused(admin):
    assert admin.post(reverse("key-new"), {"name": "Shop"}).status_code == 400
    assert not ApiKey.objects.exists()


def test_the_mail_catcher_which_marketers_read_keeps_no_way_in(admin, settings):
    settings.HAS_MAIL_CATCHER = True
    page = admin.post(reverse("user-new"), NEW).content.decode()
    assert "/invitation/" in page and mail.outbox == []
