"""The anchor's data and its 48 segments as SQL written by hand for DuckDB: the truth for counts, the bar for speed.

Statements only; whoever runs them brings the connection. Windows count back from 2026-11-01.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

AS_OF: Final = datetime(2026, 11, 1, tzinfo=UTC)
NOW: Final = "timestamp '2026-11-01 00:00:00'"

CUSTOMERS: Final = """create table customer as select i as id, 'c' || i || '@example.com' as email,
    date '1940-01-01' + cast(random() * 27000 as int) as birth_date,
    case when random() < 0.48 then 'm' when random() < 0.9 then 'f' else 'x' end as gender,
    ['Helsinki','Espoo','Tampere','Vantaa','Oulu','Turku','Jyväskylä','Lahti','Kuopio','Pori']
        [1 + cast(floor(pow(random(), 2) * 10) as int)] as city,
    ['FI','SE','EE','DE'][1 + cast(floor(pow(random(), 3) * 4) as int)] as country,
    ['fi','sv','en','et','de'][1 + cast(floor(pow(random(), 2) * 5) as int)] as language,
    case when random() < 0.1 then null
        else cast(exp(10.3 + 0.6 * (random() + random() + random() - 1.5)) as decimal(12, 2)) end as income,
    ['basic','secondary','bachelor','master','phd'][1 + cast(floor(random() * 5) as int)] as education,
    ['single','couple','family','senior'][1 + cast(floor(random() * 4) as int)] as life_stage,
    ['ios','android','windows','mac'][1 + cast(floor(random() * 4) as int)] as device,
    random() < 0.3 as eco_minded, random() < 0.75 as email_consent,
    timestamp '2022-01-01' + to_seconds(cast(random() * 86400 * 1700 as bigint)) as created_at
    from range(1, $customers + 1) t(i)"""

EVENTS: Final = """create temp table loose as select i as id,
    1 + cast(floor(pow(random(), 2) * $customers) as bigint) as customer_id,
    case when random() < 0.25 then 'order' when random() < 0.6 then 'page'
        when random() < 0.5 then 'cart' else 'email_open' end as type,
    timestamp '2023-01-01' + to_seconds(cast(pow(random(), 0.6) * 86400 * 1400 as bigint)) as ts,
    cast(exp(3 + 1.2 * (random() + random() - 1)) as decimal(12, 2)) as value,
    ['shoes','yoga','bike','gym','tech','home','kids','eco'][1 + cast(floor(random() * 8) as int)] as category,
    ['web','store','phone','app'][1 + cast(floor(random() * 4) as int)] as channel
    from range(1, $events + 1) t(i)"""

STATEMENTS: Final = (
    "set threads=1",  # one thread: the seed then gives the same rows everywhere
    "select setseed(0.42)",
    CUSTOMERS,
    EVENTS,
    "update loose set value = null where type <> 'order'",
    "reset threads",
    "create type event_type as enum ('order', 'page', 'cart', 'email_open')",
    "create table sorted as select * replace (type::event_type as type) from loose order by type, ts",
    "drop table loose",
    "create table profile as select id as customer_id, * exclude (id, email, income), income::decimal(16, 4) as income "
    "from customer",
    "create table event as select customer_id, type::varchar as type, ts, value::decimal(16, 4) as value, channel, "
    "category, '{}' as properties, 'anchor' as source from sorted",
)


def data_statements(customers: int, events: int) -> Iterator[tuple[str, dict[str, int]]]:
    """(statement, parameters) that make the seeded tables: `customer` and `sorted` for the SQL by hand, and the same
    rows as `profile` and `event` in the form of a warehouse snapshot."""
    sizes = {"customers": customers, "events": events}
    for statement in STATEMENTS:
        yield statement, {name: size for name, size in sizes.items() if f"${name}" in statement}


def _ago(days: int) -> str:
    return f"{NOW} - interval '{days} day'"


def _who(condition: str) -> str:
    return f"select id from customer where {condition}"


def _did(where: str, having: str) -> str:
    return f"select customer_id from sorted where {where} group by customer_id having {having}"


def _unordered(customer: str, where: str) -> str:
    return f"not exists (select 1 from sorted e where e.customer_id = {customer} and e.type = 'order' {where})"


def definitions() -> dict[str, str]:
    """Name → SQL giving one row per member: 16 shapes × 3 settings."""
    shapes = {
        "young_women": [_who(f"gender = 'f' and birth_date >= date '{y}-01-01'") for y in (2001, 1996, 1991)],
        "city": [_who(f"city = '{city}'") for city in ("Helsinki", "Tampere", "Pori")],
        "eco_consenting": [_who(f"eco_minded and email_consent and country = '{c}'") for c in ("FI", "SE", "DE")],
        "premium": [_who(f"income > {i} and education in ('master', 'phd')") for i in (30000, 40000, 50000)],
        "family_language": [_who(f"life_stage = 'family' and language = '{language}' and country in ('FI', 'EE')")
                            for language in ("fi", "sv", "en")],
        "mobile_since": [_who(f"device in ('ios', 'android') and created_at >= timestamp '{y}-01-01 00:00:00'")
                         for y in (2024, 2025, 2026)],
        "repeat_buyers": [_did(f"type = 'order' and ts >= {_ago(days)}", "count(*) >= 2") for days in (30, 90, 365)],
        "big_spenders": [_did(f"type = 'order' and ts >= {_ago(days)}", f"sum(value) > {least}")
                         for days, least in ((90, 80), (365, 150), (730, 200))],
        "cart_abandoned": [
            f"select distinct e.customer_id from sorted e where e.type = 'cart' and e.ts >= {_ago(days)} "
            "and not exists (select 1 from sorted o where o.customer_id = e.customer_id "
            "and o.type = 'order' and o.ts >= e.ts)"
            for days in (7, 30, 90)],
        "lapsed": [f"select c.id from customer c where {_unordered('c.id', f'and e.ts >= {_ago(days)}')}"
                   for days in (90, 180, 365)],
        "openers": [_did(f"type = 'email_open' and ts >= {_ago(days)}", "count(*) >= 1") for days in (30, 60, 120)],
        "category_fans": [_did(f"category = '{topic}' and type = 'page' and ts >= {_ago(365)}", "count(*) >= 2")
                          for topic in ("yoga", "bike", "kids")],
        "average_basket": [_did("type = 'order'", f"avg(value) > {v} and count(*) >= 3") for v in (25, 30, 35)],
        "single_channel": [_did("type = 'order'", f"sum(case when channel <> '{channel}' then 1 else 0 end) = 0")
                           for channel in ("web", "store", "app")],
        "local_regulars": [
            "select c.id from customer c join (select customer_id, count(*) n, sum(value) v from sorted "
            f"where type = 'order' and ts >= {_ago(365)} group by customer_id) o on o.customer_id = c.id "
            f"where c.city = '{city}' and c.email_consent and o.n >= 2 and o.v > 60"
            for city in ("Helsinki", "Espoo", "Oulu")],
        "new_without_order": [
            f"select c.id from customer c where c.created_at >= {_ago(days)} and {_unordered('c.id', '')}"
            for days in (120, 200, 400)],
    }  # fmt: skip
    return {f"{name}_{i}": sql for name, variants in shapes.items() for i, sql in zip(itertools.count(1), variants)}
