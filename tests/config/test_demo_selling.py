"""The demo's salespeople have deals, tasks and calls, with the planted share of deals won."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.demo import selling
from crm import forecast, queries, rights
from crm.models import Customer, Deal, Event, Task

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BY = rights.machine("test")


@pytest.fixture
def house(cast: Any) -> None:
    for n in range(50):
        for team in (cast.north, cast.south):
            Customer.objects.create(
                number=f"{team.slug}{n}", team=team, phone="+358401234567", created_at=NOW, updated_at=NOW
            )


def test_each_desk_is_filled_as_planted(house: None, cast: Any) -> None:
    selling.sell(now=NOW, seed=1)
    for user in (cast.anna, cast.bertil):
        assert Deal.objects.filter(owner=user).count() == selling.DEALS
        assert Task.objects.filter(owner=user).count() == selling.TASKS
    assert Event.objects.filter(type="call").count() == 2 * selling.CALLS
    rate = forecast.win_rate(queries.deals(BY), since=NOW - timedelta(days=90))
    assert rate.share == pytest.approx(selling.TRUTH["won_share"])
    assert set(Deal.objects.filter(status="open").values_list("stage__slug", flat=True)) == {
        "new", "in-touch", "offer", "negotiating",
    }  # fmt: skip
    assert not Deal.objects.filter(stage_since_at__gt=NOW).exists()
