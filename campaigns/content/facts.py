"""What a text may say of a person beside their fields: features, segments, products. Read only where texts use it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils.translation import override

from campaigns.content.composition import Source
from crm import figures, rights
from crm import queries as crm_queries
from profiles import queries as profile_queries

READER = rights.machine("letters")
RECENT = timedelta(days=90)
BESTSELLERS, RECOMMENDED = 60, 3
IN_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
FEATURE = re.compile(r"\bfeature\.(\w+)")
SEGMENT = re.compile(r"\bsegments\s+contains\s+[\"']([\w-]+)[\"']")
PRODUCTS = re.compile(r"\bproducts\b")
SURVEY = re.compile(r"\bsurvey\.(\w+)")


@dataclass(frozen=True)
class Wanted:
    """What the texts of a campaign use: keys of features, slugs of segments, and whether products are shown."""

    features: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    has_products: bool = False
    surveys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """The values by customer id."""

    features: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    products: Mapping[int, Sequence[Any]] = field(default_factory=dict)
    surveys: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    def of(self, customer_id: int, slugs: Sequence[str], language: str) -> dict[str, Any]:
        """The names a text may use about this person, amounts written as their language does."""
        return {
            "feature": self.features.get(customer_id, {}),
            "products": [shown(one, language) for one in self.products.get(customer_id, ())],
            "survey": self.surveys.get(customer_id, {}),
            "segments": list(slugs),
        }


def wanted(sources: Iterable[Source]) -> Wanted:
    """What these texts use, read off their Liquid tags."""
    tags = " ".join(tag for source in sources for part in vars(source).values() for tag in IN_TAGS.findall(part))
    return Wanted(
        frozenset(FEATURE.findall(tags)),
        frozenset(SEGMENT.findall(tags)),
        bool(PRODUCTS.search(tags)),
        frozenset(SURVEY.findall(tags)),
    )


def facts_for(asked: Wanted, customers: Sequence[int], at: datetime) -> Facts:
    """The facts of a batch of people: one question each, whatever their number."""
    return Facts(
        features(asked.features, customers) if asked.features else {},
        recommended(customers, at) if asked.has_products else {},
        profile_queries.survey_addresses(asked.surveys, customers) if asked.surveys else {},
    )


def feature_keys() -> tuple[str, ...]:
    """Features that marketing may use in a text: nothing of special categories, nothing that identifies."""
    known = profile_queries.catalogue().values()
    usable = (one for one in known if one.sensitivity == "normal")
    return tuple(sorted(one.key for one in usable if one.key not in profile_queries.IDENTIFYING))


def features(keys: Iterable[str], customers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Values of the features as of the current snapshot; nobody has any before the first one."""
    try:
        snapshot = profile_queries.current()
    except profile_queries.NoSnapshot:
        return {}
    columns = profile_queries.columns_of(snapshot.file_name)
    chosen = sorted(set(keys) & set(feature_keys()) & columns)
    if not chosen:
        return {}
    names = ", ".join(f'"{key}"' for key in chosen)  # names of columns that exist, so nothing foreign
    question = f"select customer_id, {names} from profile where customer_id in (select unnest(?))"
    rows = profile_queries.select(question, snapshot=snapshot, parameters=[list(customers)]).to_pylist()
    return {row.pop("customer_id"): {key: plain(value) for key, value in row.items()} for row in rows}


def plain(value: Any) -> Any:
    """The value as Liquid compares and writes it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return float(value) if hasattr(value, "as_integer_ratio") else str(value)


def recommended(customers: Sequence[int], at: datetime) -> dict[int, list[Any]]:
    """For each the best-selling products of the categories they buy from, then of all; never what they have."""
    sellers = bestsellers(at)
    bought: dict[int, set[int]] = defaultdict(set)
    likes: dict[int, Counter[str]] = defaultdict(Counter)
    rows = crm_queries.orders(READER).filter(customer__in=customers, kind="sale", lines__product__isnull=False)
    for customer, product, category in rows.order_by().values_list(
        "customer", "lines__product", "lines__product__category"
    ):
        bought[customer].add(product)
        likes[customer][category] += 1
    return {one: best_for(sellers, bought[one], likes[one]) for one in customers}


def bestsellers(at: datetime) -> list[Any]:
    """Products most people bought in the last three months, the commonest first."""
    recent = crm_queries.orders(READER).filter(kind="sale", ordered_at__gte=at - RECENT, ordered_at__lt=at)
    counted = recent.filter(lines__product__isnull=False).order_by().values("lines__product")
    best = counted.annotate(people=Count("customer", distinct=True)).order_by("-people", "lines__product")[:BESTSELLERS]
    ids = [row["lines__product"] for row in best]
    known = crm_queries.products(READER).in_bulk(ids)
    return [known[pk] for pk in ids]


def best_for(sellers: Sequence[Any], bought: set[int], likes: Counter[str]) -> list[Any]:
    """The first few, favourite categories first."""
    new = [one for one in sellers if one.pk not in bought]
    return sorted(new, key=lambda one: -likes[one.category])[:RECOMMENDED]  # stable: then the best-selling first


def shown(product: Any, language: str) -> dict[str, str]:
    """A product as texts name it."""
    has_price = product.price_amount and product.currency
    cost = price(product.price_amount, product.currency, language) if has_price else ""
    return {"name": str(product), "sku": product.sku, "price": cost}


@lru_cache(maxsize=2_000)
def price(amount: Decimal, currency: str, language: str) -> str:
    with override(language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
        return figures.money(amount, currency)
