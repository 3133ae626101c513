"""Recency, frequency and monetary value of real orders, against pandas reading the raw file."""

import gzip
from datetime import UTC, datetime

import pandas as pd
import pytest
from django.core.management import call_command

from profiles import actions, queries

AT = datetime(2011, 12, 10, 12, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.data, pytest.mark.slow]


def sales_of(path) -> pd.DataFrame:
    """The usual sales filter: a known customer, no cancellation, positive quantity and price."""
    with gzip.open(path) as file:
        rows = pd.read_csv(file, dtype={"InvoiceNo": str, "CustomerID": str}, parse_dates=["InvoiceDate"])
    rows = rows[rows.CustomerID.notna() & ~rows.InvoiceNo.str.startswith("C")]
    rows = rows[(rows.Quantity > 0) & (rows.UnitPrice > 0)]
    return rows.assign(cents=(rows.Quantity * (rows.UnitPrice * 1000).round()).astype("int64"))


def test_rfm_of_the_online_shop_equals_pandas(data_dir, tmp_path):
    raw = data_dir / "online_retail.csv.gz"
    call_command("import_orders", str(raw), mapping="docs/mappings/online_retail.json", verbosity=0)
    actions.refresh(at=AT)

    sales = sales_of(raw)
    last_days = pd.to_datetime(
        sales.InvoiceDate.dt.tz_localize("Europe/London").dt.tz_convert("Europe/Helsinki").dt.date
    )
    expected = sales.assign(day=last_days).groupby("CustomerID").agg(
        frequency=("InvoiceNo", "nunique"), thousandths=("cents", "sum"), last=("day", "max")
    )  # fmt: skip
    expected["recency"] = (pd.Timestamp("2011-12-10") - expected["last"]).dt.days

    rows = queries.select("select * from profile where frequency > 0").to_pandas()
    numbers = queries.select("select customer_id, rfm_recency from profile").num_rows
    assert numbers == 4372
    assert len(rows) == len(expected) == 4338
    from crm.models import Customer

    number_of = dict(Customer.objects.values_list("id", "number"))
    found = rows.assign(number=rows.customer_id.map(number_of)).set_index("number").sort_index()
    expected = expected.sort_index()
    assert list(found.index) == list(expected.index)
    assert (found.frequency == expected.frequency).all()
    assert (found.recency_days == expected.recency).all()
    assert [int(amount * 1000) for amount in found.monetary_amount] == expected.thousandths.tolist()

    worse = expected.frequency.rank(method="min") - 1
    assert (found.rfm_frequency == 1 + (worse * 5 // len(expected))).all()
    older = expected.recency.rank(method="min", ascending=False) - 1
    assert (found.rfm_recency == 1 + (older * 5 // len(expected))).all()
    assert set(found.rfm_cell.unique()) <= {
        "champions", "loyal", "potential_loyal", "new", "promising", "need_attention", "about_to_sleep", "at_risk",
        "cannot_lose", "hibernating",
    }  # fmt: skip
