"""What went wrong inside is said plainly, without asking the database again."""

import pytest
from django.db import OperationalError
from django.test import RequestFactory, override_settings
from django.urls import path

from config import errors, urls


def fail_with(error):
    def view(request):
        raise error

    return view


handler500 = urls.handler500
urlpatterns = [
    *urls.urlpatterns,
    path("away/", fail_with(OperationalError("server closed the connection"))),
    path("broken/", fail_with(RuntimeError("secret detail"))),
]


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("address, status, words", [("/away/", 503, "not answering"), ("/broken/", 500, "on our side")])
def test_failures_get_their_page_and_keep_their_details(client, address, status, words):
    client.raise_request_exception = False
    page = client.get(address)
    assert page.status_code == status and words in page.content.decode()
    assert "secret" not in page.content.decode()
    assert page.headers.get("Retry-After") == ("30" if status == 503 else None)


def test_the_page_needs_no_request_context():
    assert errors.server_error(RequestFactory().get("/")).status_code == 500


@pytest.mark.django_db
def test_a_missing_page_shows_the_way_home(client):
    page = client.get("/no-such-page/")
    assert page.status_code == 404 and 'href="/"' in page.content.decode()
