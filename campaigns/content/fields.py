"""The fields a text may use, and their plain values for a customer."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, override

from campaigns.content import facts
from crm.models import Customer, FieldDefinition, Sensitivity
from profiles import queries as profile_queries

OF_CUSTOMER = (
    "number",
    "first_name",
    "last_name",
    "email",
    "phone",
    "language",
    "birth_date",
    "gender",
    "street",
    "postal_code",
    "city",
    "country",
    "stage",
)
ADDRESSES = ("unsubscribe_url", "preferences_url", "browser_url")
OTHERS = ("firm.name", "campaign.name", "segment", "segments", "products", "products.size", *ADDRESSES)


def custom_keys() -> tuple[str, ...]:
    """Keys of the custom fields that marketing may use."""
    rows = FieldDefinition.objects.filter(entity="customer", archived_at=None, sensitivity=Sensitivity.NORMAL)
    return tuple(rows.order_by("key").values_list("key", flat=True))


def names() -> tuple[str, ...]:
    """Every name a text may use, the customer's first, features of the profile last."""
    own = (f"customer.{name}" for name in (*OF_CUSTOMER, *custom_keys()))
    surveys = (f"survey.{name}" for name in profile_queries.open_surveys())
    return (*own, *OTHERS, *surveys, *(f"feature.{key}" for key in facts.feature_keys()))


def values(customer: Customer, keys: Iterable[str]) -> dict[str, Any]:
    """Plain values of the customer's fields; `keys` are the custom ones."""
    own = {name: _plain(getattr(customer, name)) for name in OF_CUSTOMER}
    return {**{key: _plain(customer.attributes.get(key)) for key in keys}, **own}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def firm() -> dict[str, str]:
    return {"name": settings.FIRM_NAME}


def labels(language: str) -> dict[str, str]:
    """Words of the standard footer in the customer's language."""
    with override(language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
        return {
            "unsubscribe": gettext("Unsubscribe"),
            "preferences": gettext("Choose what you get"),
            "stop": gettext("To stop: reply STOP"),
        }
