"""Numbers and times stand as each language writes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from crm import figures

NOON = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
SPACE = "\u00a0"

WRITTEN = [
    (figures.number, (1204.5, 1), "1,204.5", f"1{SPACE}204,5"),
    (figures.number, (-3,), "−3", "−3"),
    (figures.money, (Decimal("1204.50"),), "€1,204.50", f"1{SPACE}204,50{SPACE}€"),
    (figures.share, (0.1234,), "12.3%", f"12,3{SPACE}%"),
    (figures.signed, (38,), "+38", "+38"),
    (figures.signed, (-0.021, "share", 1), "−2.1%", f"−2,1{SPACE}%"),
    (figures.signed, (0,), "±0", "±0"),
    (figures.signed, (0.034, "points", 1), f"+3.4{SPACE}pp", f"+3,4{SPACE}%-yks."),
    (figures.day, (NOON.date(),), "21 Nov 2026", "21.11.2026"),
    (figures.clock, (NOON,), "12:04", "12.04"),
    (figures.moment, (NOON,), "21 Nov 2026, 12:04", "21.11.2026 klo 12.04"),
    (figures.ago, (NOON, NOON + timedelta(minutes=4)), "4 minutes ago", "4 minuuttia sitten"),
]


@pytest.mark.parametrize("write, values, english, finnish", WRITTEN)
def test_a_figure_is_written_in_both_languages(write, values, english, finnish):
    with timezone.override("Europe/Helsinki"):
        with translation.override("en"):
            assert write(*values) == english
        with translation.override("fi"):
            assert write(*values) == finnish


@pytest.mark.parametrize("kind", figures.KINDS)
def test_a_missing_value_is_a_dash_in_every_kind(kind):
    assert figures.figure(None, kind) == figures.MISSING


def test_an_unknown_kind_names_the_valid_ones():
    with pytest.raises(ValueError, match="choose one of number, decimal, money"):
        figures.figure(1, "euros")
