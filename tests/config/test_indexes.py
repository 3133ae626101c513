"""Tables that grow with customers, orders and messages carry no index that another one begins with."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models
from django.db.models import Q

GROWING = (
    "crm.AuditLine crm.ConsentEntry crm.ConsentState crm.Customer crm.Event crm.ImportProblem crm.Order crm.OrderLine "
    "segments.Membership campaigns.Message campaigns.Attempt campaigns.Response"
)


def beginnings(model: type[models.Model]) -> Iterator[str]:
    """The first column of each index that holds every row that has a value there."""
    meta = model._meta
    for unique in meta.constraints:
        if isinstance(unique, models.UniqueConstraint) and unique.condition is None:
            yield from unique.fields[:1]
    for index in meta.indexes:
        if index.condition is None or index.condition == Q(**{f"{index.fields[0]}__isnull": False}):
            yield from index.fields[:1]


def test_no_row_is_written_into_an_index_that_another_one_begins_with() -> None:
    twice = [
        f"{name}.{field.name}"
        for name in GROWING.split()
        for field in apps.get_model(name)._meta.local_fields
        if field.db_index and not field.unique and field.name in set(beginnings(apps.get_model(name)))
    ]
    assert not twice
