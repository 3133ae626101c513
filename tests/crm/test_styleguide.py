"""Every shared component stands in the styleguide, says its parameters and draws itself."""

import re

import pytest
from django.urls import reverse

from crm.models import User
from crm.views import styleguide

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(client):
    client.force_login(User.objects.create_user("aino", password="kohde-demo-1"))
    return client.get(reverse("styleguide"))


def test_every_component_is_drawn_by_its_example(shown):
    drawn = {template.name for template in shown.templates}
    assert {f"components/{name}.html" for name in styleguide.names()} <= drawn


def test_every_component_says_its_parameters():
    silent = [n for n in styleguide.names() if not {"Parameters:", "Tag:"} & set(styleguide.about(n).split())]
    assert silent == []


def test_the_page_has_no_address_twice(shown):
    ids = re.findall(r'\bid="([^"]+)"', shown.content.decode())
    assert sorted(ids) == sorted(set(ids))


def test_the_styleguide_draws_in_finnish_too(client):
    client.force_login(User.objects.create_user("eero", password="kohde-demo-1", language="fi"))
    page = client.get(reverse("styleguide")).content.decode()
    assert "1\u00a0204" in page and 'x="52,' not in page
