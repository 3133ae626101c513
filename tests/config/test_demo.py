"""The demo's people carry what was planted in them, and an interrupted filling starts over."""

from datetime import date

import numpy as np
import pytest
from django.core.mail import EmailMessage, get_connection

from config.demo import audience, population
from config.mail_catcher import store
from config.management.commands import demo_data


@pytest.fixture(scope="module")
def people() -> population.Population:
    return population.make(customers=5000, today=date(2026, 11, 21), seed=1)


def test_there_are_enough_of_everything(people: population.Population) -> None:
    assert len(people.customers) == 5000
    assert len(people.events) >= 100_000
    assert people.lines.order.nunique() < len(people.lines)
    assert people.customers.number.is_unique


def test_the_same_seed_gives_the_same_people(people: population.Population) -> None:
    again = population.make(customers=5000, today=date(2026, 11, 21), seed=1)
    assert again.lines.equals(people.lines)
    assert again.customers.equals(people.customers)


def test_the_season_is_in_the_orders(people: population.Population) -> None:
    planted = population.TRUTH["season"]
    active = people.lines[people.lines.number.map(people.kinds) != "lapsed"].drop_duplicates("order")
    per_day = active.groupby(active["at"].dt.date).size()
    month = np.array([day.month for day in per_day.index])
    peak = per_day[np.isin(month, planted["peak_months"])].mean()
    plain = per_day[~np.isin(month, (*planted["peak_months"], *planted["low_months"]))].mean()
    assert peak / plain == pytest.approx(planted["factor"], rel=0.05)


def test_the_kinds_have_their_shares(people: population.Population) -> None:
    shares = people.kinds.value_counts(normalize=True)
    for kind, share in population.TRUTH["kinds"].items():
        assert shares[kind] == pytest.approx(share, abs=0.02)


def test_the_planted_chances_differ_only_where_an_effect_was_planted() -> None:
    assert population.chance("eco_families", "B") > 2 * population.chance("eco_families", "A")
    for kind in ("students", "premium", "lapsed", "store_seniors"):
        assert population.chance(kind, "A") == population.chance(kind, "B")


@pytest.mark.django_db
def test_an_unfinished_filling_is_wanted_again(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    assert demo_data.is_wanted()
    demo_data.mark().parent.mkdir(parents=True)
    demo_data.mark().touch()
    assert demo_data.is_wanted()


def test_the_demo_is_sent_to_a_catcher_of_its_own_beside_one_that_runs(settings, tmp_path) -> None:
    settings.MAIL_CATCHER_FILE = tmp_path / "mail.sqlite3"
    with audience.catching():  # the one that `serve` has begun
        settings.MAIL_CATCHER_PORT = settings.EMAIL_PORT
        with audience.catching():
            server = {"host": "127.0.0.1", "port": settings.EMAIL_PORT}
            line = get_connection("django.core.mail.backends.smtp.EmailBackend", **server)
            EmailMessage("Hello", "There.", "a@kohde.example", ["b@kohde.example"], connection=line).send()
    assert [one.subject for one in store.everything(settings.MAIL_CATCHER_FILE)] == ["Hello"]
