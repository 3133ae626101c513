"""The address at which one customer answers one survey: signed by the survey's own key, good for nothing else."""

import hashlib
import hmac
from typing import Any

from django.conf import settings

from crm import queries as crm_queries
from crm.keyset import row_id
from profiles.models import Survey

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
