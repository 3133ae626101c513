"""Customers that may be one person: found over the whole table in one statement, whatever its size."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from crm.models import LikePair

MOST_ALIKE = 20  # more records that share an address are a switchboard or a mistake, not one person
BONUS = 5  # points for every further sign


@dataclass(frozen=True)
class Sign:
    """What two records share: `key` is the expression they have in common, where `there` holds."""

    bit: int
    score: int
    key: str
    there: str
    label: Any


NAME = "lower(trim(first_name)) || ' ' || lower(trim(last_name))"
NAMED = "first_name <> '' and last_name <> ''"
SIGNS = (
    Sign(1, 90, "lower(trim(email))", "email <> ''", _("the same e-mail address")),
    Sign(2, 65, "phone", "phone <> ''", _("the same phone number")),
    Sign(
        4, 85, f"{NAME} || ' ' || birth_date", f"{NAMED} and birth_date is not null", _("the same name and birth date")
    ),
    Sign(
        8,
        75,
        f"{NAME} || ' ' || lower(trim(street)) || ' ' || trim(postal_code)",
        f"{NAMED} and street <> ''",
        _("the same name and address"),
    ),
)

# The first of a group is paired with each of the others; a pair that several signs name scores higher.
GROUPS = """
select first_id, id as second_id, {bit} as bit, {score} as score from (
    select id, min(id) over alike as first_id, count(*) over alike as size from crm_customer
    where merged_into_id is null and erased_at is null and {there} window alike as (partition by {key})
) grouped where size between 2 and {most} and id <> first_id
"""
FIND = """
insert into crm_likepair (first_id, second_id, signs, score, found_at)
select first_id, second_id, sum(bit), least_of(100, max(score) + {bonus} * (count(*) - 1)), %s
from ({groups}) signs where true group by first_id, second_id
on conflict (first_id, second_id) do update
set signs = excluded.signs, score = excluded.score, found_at = excluded.found_at
"""
LEAST = {"sqlite": "min(", "postgresql": "least("}


@transaction.atomic
def find(*, at: datetime) -> int:
    """Find every pair anew; those no longer alike go, those dismissed stay dismissed. Returns how many are open."""
    groups = " union all ".join(
        GROUPS.format(bit=one.bit, score=one.score, key=one.key, there=one.there, most=MOST_ALIKE) for one in SIGNS
    )
    statement = FIND.format(bonus=BONUS, groups=groups).replace("least_of(", LEAST[connection.vendor])
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.ops.adapt_datetimefield_value(at)])
    LikePair.objects.filter(dismissed_at=None).exclude(found_at=at).delete()
    return LikePair.objects.filter(dismissed_at=None).count()


def reasons(pair: LikePair) -> list[str]:
    """What the two share, in words."""
    return [str(one.label) for one in SIGNS if pair.signs & one.bit]
