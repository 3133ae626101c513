"""What surveys keep of the erased: counts stay true, their own words go."""

from datetime import datetime, timedelta

from crm import queries as crm_queries
from profiles.models import Answer, QuestionKind

LOOKED_BACK = timedelta(days=60)


def forget_words(*, at: datetime) -> int:
    """Delete what people erased lately wrote in their own words; returns how many answers."""
    erased = crm_queries.erased_since(at - LOOKED_BACK)
    rows = Answer.objects.filter(sheet__customer__in=erased, question__kind=QuestionKind.TEXT)
    return rows.delete()[0]
