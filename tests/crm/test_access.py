"""People come in, make the pages theirs and go out."""

import pytest
from django.urls import reverse

from crm.models import User

pytestmark = pytest.mark.django_db
ME = {"first_name": "Aino", "language": "fi", "time_zone": "Asia/Tokyo", "is_compact": "on", "theme": "dark"}


@pytest.fixture
def aino(client):
    user = User.objects.create_user("aino", password="kohde-demo-1", role="sales")
    client.force_login(user)
    return user


def test_the_right_password_leads_to_the_page_that_was_asked_for(client):
    User.objects.create_user("aino", password="kohde-demo-1")
    answer = client.post("/sign-in/?next=/settings/me/", {"username": "aino", "password": "kohde-demo-1"})
    assert answer.status_code == 302 and answer.url == "/settings/me/"
    assert answer.cookies["known"]["httponly"]


def test_pages_inside_ask_to_sign_in_first(client):
    assert client.get(reverse("me")).url == "/sign-in/?next=/settings/me/"


def test_signing_out_needs_a_post(client, aino):
    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out")).url == reverse("sign-in")


def test_a_user_changes_language_zone_theme_and_density(client, aino):
    answer = client.post(reverse("me"), ME)
    aino.refresh_from_db()
    assert (aino.language, aino.time_zone, aino.is_compact) == ("fi", "Asia/Tokyo", True)
    assert answer.cookies["theme"].value == "dark"
    page = client.get(reverse("me")).content.decode()
    assert '<html lang="fi" data-theme="dark" data-density="compact">' in page


def test_a_user_cannot_give_herself_a_role(client, aino):
    client.post(reverse("me"), ME | {"role": "admin", "is_superuser": "on"})
    aino.refresh_from_db()
    assert aino.role == "sales" and not aino.is_superuser


def test_an_unknown_time_zone_is_refused_at_its_field(client, aino):
    page = client.post(reverse("me"), ME | {"time_zone": "Mars/Olympus"})
    assert page.status_code == 400 and "time_zone" in page.context["form"].errors


def test_the_language_switch_comes_back_and_stays(client, aino):
    answer = client.post(reverse("language"), {"language": "fi", "next": "/settings/me/"})
    aino.refresh_from_db()
    assert answer.url == "/settings/me/" and aino.language == "fi"


def test_a_language_chosen_at_the_door_is_taken_in(client):
    user = User.objects.create_user("aino", password="kohde-demo-1")
    client.post(reverse("language"), {"language": "fi", "next": "/sign-in/"})
    client.post("/sign-in/", {"username": "aino", "password": "kohde-demo-1"})
    user.refresh_from_db()
    assert user.language == "fi" and '<html lang="fi"' in client.get(reverse("me")).content.decode()


def test_the_language_of_whoever_sat_here_before_changes_nobody_elses(client):
    user = User.objects.create_user("aino", password="kohde-demo-1")
    client.cookies["django_language"] = "fi"
    client.post("/sign-in/", {"username": "aino", "password": "kohde-demo-1"})
    user.refresh_from_db()
    assert user.language == "en"


def test_switches_never_lead_to_another_site(client):
    assert client.post(reverse("appearance"), {"theme": "dark", "next": "https://evil.example/"}).url == "/"


def test_changing_the_password_keeps_this_browser_signed_in(client, aino):
    new = {"old_password": "kohde-demo-1", "new_password1": "quite-another-1", "new_password2": "quite-another-1"}
    assert client.post(reverse("password"), new).url == reverse("security")
    assert client.get(reverse("me")).status_code == 200


def test_no_page_carries_inline_script_or_style(client, aino):
    for address in ("sign-in", "me", "security", "password", "styleguide"):
        page = client.get(reverse(address), follow=True).content.decode()
        assert " style=" not in page and "<style" not in page and "onclick" not in page
        assert page.count("<script") == page.count(" src=") - page.count("<img")


def test_a_part_of_a_page_asked_for_after_the_session_leads_the_whole_page_to_the_sign_in(client):
    """htmx follows a redirect and would put the sign-in into the place of the part."""
    seen_on = {"HX-Request": "true", "HX-Current-URL": "https://evil.example//customers/?search=a&page=2"}
    for answer in (client.get("/notifications/bell/", headers=seen_on), client.get("/customers/1/", headers=seen_on)):
        assert (answer.status_code, "Location" in answer) == (200, False)
        assert answer["HX-Redirect"] == "/sign-in/?next=%2Fcustomers%2F%3Fsearch%3Da%26page%3D2"
