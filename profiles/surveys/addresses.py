"""The address at which one customer answers one survey: signed by the survey's own key, good for nothing else."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from crm import queries as crm_queries
from crm.keyset import row_id
from profiles.models import Survey, SurveyStatus

SIGNATURE_LENGTH = 32  # 128 bits in hexadecimal


def token(survey: Survey, customer_id: int) -> str:
    said = f"survey|{survey.pk}|{customer_id}".encode()
    signature = hmac.new(survey.secret.encode(), said, hashlib.sha256).hexdigest()[:SIGNATURE_LENGTH]
    return f"{survey.pk}-{customer_id}-{signature}"


def url(survey: Survey, customer_id: int) -> str:
    return f"{settings.BASE_URL}/s/{token(survey, customer_id)}/"


def read(given: str) -> tuple[Survey, Any] | None:
    """Whose address this is; None unless every character is right. A merged customer answers as who they are now."""
    parts = given.split("-")
    number, customer_id = (*(row_id(part) for part in parts), None, None)[:2]
    if len(parts) != 3 or number is None or customer_id is None:
        return None
    survey = Survey.objects.filter(pk=number).first()
    if survey is None or not hmac.compare_digest(token(survey, customer_id).encode(), given.encode()):
        return None
    customer = crm_queries.now_known_as(customer_id)
    return (survey, customer) if customer else None


def open_surveys() -> dict[str, Survey]:
    """The surveys that a text may lead to, by their names in texts: hyphens are no part of a name there."""
    return {name_of(one): one for one in Survey.objects.filter(status=SurveyStatus.OPEN).order_by("slug")}


def name_of(survey: Survey) -> str:
    return survey.slug.replace("-", "_")


def of_customers(names: Iterable[str], customers: Iterable[int]) -> dict[int, dict[str, str]]:
    """Their addresses of the named surveys, by customer; one question to the database."""
    chosen = {name: survey for name, survey in open_surveys().items() if name in set(names)}
    return {one: {name: url(survey, one) for name, survey in chosen.items()} for one in customers}
