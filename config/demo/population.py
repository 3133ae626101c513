"""A made-up Finnish sports-and-home shop: customers of five known kinds, their orders and visits, seeded.

Pure: a seed and a day in, frames out. What is planted is written down in `TRUTH`, so that tests can ask for it back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

DAYS = 730  # two years, so that every week has the same week a year before


@dataclass(frozen=True)
class Kind:
    """One hidden kind of customer: how many of them, who they are, how they buy."""

    name: str
    share: float
    born: tuple[int, int]
    cities: tuple[str, ...]
    income: int
    life_stage: str
    eco: float
    device: str
    orders_per_year: float
    basket: float
    channel: str
    category: str
    visits_per_year: float
    stage: str
    active_days: int = DAYS
    """Days of the two years in which they buy; fewer means they have lapsed since."""


KINDS = (
    Kind("eco_families", 0.22, (1978, 1993), ("Helsinki", "Espoo", "Vantaa"), 52_000, "family", 0.92, "ios", 5.0, 68.0, "web", "kids", 18, "regular"),
    Kind("students", 0.20, (1998, 2006), ("Tampere", "Turku", "Jyväskylä", "Oulu"), 14_000, "single", 0.45, "android", 3.0, 24.0, "app", "gym", 20, "occasional"),
    Kind("premium", 0.13, (1965, 1985), ("Helsinki", "Espoo", "Turku"), 96_000, "couple", 0.35, "mac", 7.5, 145.0, "web", "bike", 11, "regular"),
    Kind("store_seniors", 0.20, (1940, 1958), ("Lahti", "Kuopio", "Pori", "Oulu"), 31_000, "senior", 0.30, "windows", 4.0, 42.0, "store", "home", 4, "occasional"),
    Kind("lapsed", 0.25, (1960, 2000), ("Tampere", "Oulu", "Lahti", "Helsinki"), 38_000, "single", 0.40, "android", 3.5, 47.0, "web", "shoes", 8, "lapsed", active_days=380),
)  # fmt: skip

PRODUCTS = tuple(
    (f"{category[:2].upper()}{n:02d}", f"{name} {n}", category, round(price * (0.7 + 0.15 * n), 2))
    for category, name, price in (
        ("kids", "Lasten ulkoilupuku", 42.0),
        ("gym", "Treenipaita", 19.0),
        ("bike", "Pyöräilytakki", 98.0),
        ("home", "Villapeitto", 33.0),
        ("shoes", "Juoksukenkä", 64.0),
        ("yoga", "Joogamatto", 29.0),
    )
    for n in range(1, 6)
)

FIRST = {
    "f": [
        "Aino",
        "Maija",
        "Helena",
        "Sofia",
        "Emilia",
        "Liisa",
        "Kaarina",
        "Hanna",
        "Laura",
        "Johanna",
        "Sari",
        "Tiina",
        "Anni",
        "Venla",
        "Elsa",
        "Ritva",
        "Pirjo",
        "Saara",
    ],
    "m": [
        "Juhani",
        "Mikko",
        "Antti",
        "Jari",
        "Timo",
        "Eero",
        "Oskari",
        "Ville",
        "Pekka",
        "Matti",
        "Kari",
        "Lauri",
        "Onni",
        "Elias",
        "Heikki",
        "Sami",
        "Janne",
        "Leo",
    ],
}
LAST = [
    "Korhonen",
    "Virtanen",
    "Mäkinen",
    "Nieminen",
    "Mäkelä",
    "Hämäläinen",
    "Laine",
    "Heikkinen",
    "Koskinen",
    "Järvinen",
    "Lehtonen",
    "Saarinen",
    "Salminen",
    "Heinonen",
    "Niemi",
    "Salonen",
    "Kinnunen",
    "Turunen",
    "Karjalainen",
    "Laitinen",
    "Rantanen",
    "Lindholm",
    "Nyström",
    "Sundström",
    "Häkkinen",
    "Åberg",
]

# Chances to order because of the campaign, beyond what somebody would have bought anyway.
TRUTH: dict[str, Any] = {
    "campaign": "spring-outdoor",
    "effect_segment": "eco-families",
    "hold_out_rate": {"eco_families": 0.06, "other": 0.05},
    "rate": {"A": {"eco_families": 0.08, "other": 0.07}, "B": {"eco_families": 0.32, "other": 0.07}},
    "season": {"peak_months": (11, 12), "factor": 2.2, "low_months": (1, 2), "low_factor": 0.6},
    "kinds": {kind.name: kind.share for kind in KINDS},
}


@dataclass(frozen=True)
class Population:
    """Frames as they would come in files: one row per customer, order line and event."""

    customers: pd.DataFrame
    lines: pd.DataFrame
    events: pd.DataFrame
    kinds: pd.Series
    """Hidden kind by customer number; in no file."""


def season(days: pd.DatetimeIndex) -> np.ndarray:
    """Buying intensity of each day relative to an ordinary one."""
    planted = TRUTH["season"]
    month = days.month
    return np.where(
        np.isin(month, planted["peak_months"]),
        planted["factor"],
        np.where(np.isin(month, planted["low_months"]), planted["low_factor"], 1.0),
    )


def make(*, customers: int, today: date, seed: int) -> Population:
    """`customers` people and two years of their doings up to the day before `today`."""
    rng = np.random.default_rng(seed)
    who = rng.choice(len(KINDS), customers, p=[kind.share for kind in KINDS])
    numbers = np.array([f"K{10_001 + i}" for i in range(customers)])
    frames = _customers(rng, who, numbers, today)
    stamps = _stamps(rng, who, today, lambda kind: kind.orders_per_year, evenly=False)
    lines = _lines(rng, who, numbers, *stamps)
    events = _events(rng, who, numbers, today, lines)
    return Population(frames, lines, events, pd.Series([KINDS[i].name for i in who], index=numbers, name="kind"))


def _pick(rng: np.random.Generator, options: list[str], count: int) -> np.ndarray:
    return np.array(options, dtype=object)[rng.integers(0, len(options), count)]


def _per_kind(who: np.ndarray, value: str) -> np.ndarray:
    return np.array([getattr(kind, value) for kind in KINDS], dtype=object)[who]


def _customers(rng: np.random.Generator, who: np.ndarray, numbers: np.ndarray, today: date) -> pd.DataFrame:
    count = len(who)
    gender = rng.choice(["f", "m", "x"], count, p=[0.52, 0.46, 0.02])
    first = np.where(gender == "m", _pick(rng, FIRST["m"], count), _pick(rng, FIRST["f"], count))
    last = _pick(rng, LAST, count)
    born = np.array([rng.integers(*KINDS[i].born) for i in who])
    birth = [date(int(y), int(m), int(d)) for y, m, d in zip(born, rng.integers(1, 13, count), rng.integers(1, 29, count), strict=True)]  # fmt: skip
    cities = [KINDS[i].cities[int(rng.integers(len(KINDS[i].cities)))] for i in who]
    income = np.round(_per_kind(who, "income").astype(float) * rng.lognormal(0, 0.18, count), -2)
    has_mail = rng.random(count) < 0.96
    joined = [today - timedelta(days=int(n)) for n in rng.integers(DAYS, DAYS + 1500, count)]
    return pd.DataFrame(
        {
            "number": numbers,
            "first_name": first,
            "last_name": last,
            "email": [
                f"{_ascii(given)}.{_ascii(family)}.{n.lower()}@posti.example" if ok else ""
                for given, family, n, ok in zip(first, last, numbers, has_mail, strict=True)
            ],
            "phone": [f"+35840{n:07d}" for n in rng.integers(1_000_000, 9_999_999, count)],
            "language": rng.choice(["fi", "sv", "en"], count, p=[0.86, 0.09, 0.05]),
            "gender": gender,
            "birth_date": birth,
            "city": cities,
            "country": "FI",
            "joined": joined,
            "income": [
                f"{value:.2f}" if known else "" for value, known in zip(income, rng.random(count) < 0.88, strict=True)
            ],
            "education": rng.choice(
                ["basic", "secondary", "bachelor", "master", "phd"], count, p=[0.1, 0.38, 0.28, 0.2, 0.04]
            ),
            "life_stage": _per_kind(who, "life_stage"),
            "eco_minded": rng.random(count) < _per_kind(who, "eco").astype(float),
            "device": np.where(rng.random(count) < 0.8, _per_kind(who, "device"), "android"),
            "recommends": rng.integers(0, 11, count),
            "stage": _per_kind(who, "stage"),
            "tracking_consent": np.where(rng.random(count) < 0.6, "yes", "no"),
            "email_consent": np.where(rng.random(count) < 0.82, "yes", "no"),
            "team": np.where(rng.random(count) < 0.5, "helsinki", "tampere"),
        }
    )


def _ascii(name: str) -> str:
    return name.lower().translate(str.maketrans("äöå", "aoa"))


def _stamps(
    rng: np.random.Generator, who: np.ndarray, today: date, rate: Callable[[Kind], float], *, evenly: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Customer index and time of each happening: Poisson per customer, days weighed by season and activity."""
    start = pd.Timestamp(today) - pd.Timedelta(days=DAYS)
    days = pd.date_range(start, periods=DAYS)
    weight = np.ones(DAYS) if evenly else season(days)
    people, chosen = [], []
    for index, kind in enumerate(KINDS):
        mine = np.flatnonzero(who == index)
        counts = rng.poisson(rate(kind) * 2 * kind.active_days / DAYS, len(mine))
        share = weight[: kind.active_days] / weight[: kind.active_days].sum()
        people.append(np.repeat(mine, counts))
        chosen.append(rng.choice(kind.active_days, counts.sum(), p=share))
    people_all, day = np.concatenate(people), np.concatenate(chosen)
    minute = np.clip(rng.normal(16 * 60, 200, len(day)), 7 * 60, 23 * 60).astype(int)
    at = days.to_numpy()[day] + minute.astype("timedelta64[m]")
    order = np.lexsort((people_all, at))
    return people_all[order], at[order]


def _lines(
    rng: np.random.Generator, who: np.ndarray, numbers: np.ndarray, people: np.ndarray, at: np.ndarray
) -> pd.DataFrame:
    count = len(people)
    orders = pd.DataFrame(
        {
            "order": [f"T{100_001 + i}" for i in range(count)],
            "number": numbers[people],
            "at": at,
            "channel": np.where(rng.random(count) < 0.85, _per_kind(who, "channel")[people], "web"),
            "basket": _per_kind(who, "basket")[people].astype(float) * rng.lognormal(0, 0.35, count),
            "category": _per_kind(who, "category")[people],
        }
    )
    lines = orders.loc[np.repeat(np.arange(count), rng.integers(1, 4, count))].reset_index(drop=True)
    other = rng.random(len(lines)) < 0.35
    lines["category"] = np.where(other, _pick(rng, sorted({p[2] for p in PRODUCTS}), len(lines)), lines["category"])
    by_category = {c: [p for p in PRODUCTS if p[2] == c] for c in {p[2] for p in PRODUCTS}}
    pick = rng.integers(0, 5, len(lines))
    chosen = [by_category[c][i] for c, i in zip(lines["category"], pick, strict=True)]
    lines["sku"] = [p[0] for p in chosen]
    lines["product"] = [p[1] for p in chosen]
    per_line = lines["basket"] / lines.groupby("order")["order"].transform("size")
    lines["quantity"] = rng.choice([1, 1, 1, 2], len(lines))
    lines["unit_price"] = (per_line / lines["quantity"]).round(2)
    return pd.concat([lines, _returns(rng, lines)], ignore_index=True).drop(columns="basket")


def _returns(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    back = lines[rng.random(len(lines)) < 0.04].copy()
    back["order"] = "R" + back["order"].str[1:]
    back["quantity"] = -back["quantity"]
    back["at"] = np.minimum(back["at"] + pd.Timedelta(days=6), lines["at"].max())
    return back


def _events(
    rng: np.random.Generator, who: np.ndarray, numbers: np.ndarray, today: date, lines: pd.DataFrame
) -> pd.DataFrame:
    people, at = _stamps(rng, who, today, lambda kind: kind.visits_per_year, evenly=True)
    count = len(people)
    category = np.where(
        rng.random(count) < 0.7,
        _per_kind(who, "category")[people],
        _pick(rng, sorted({p[2] for p in PRODUCTS}), count),
    )
    frame = pd.DataFrame(
        {
            "number": numbers[people],
            "type": rng.choice(["page", "cart"], count, p=[0.86, 0.14]),
            "at": at,
            "channel": np.where(_per_kind(who, "channel")[people] == "app", "app", "web"),
            "category": category,
        }
    )
    frame.insert(0, "id", [f"E{1_000_001 + i}" for i in range(count)])
    return frame


def chance(kind: str, arm: str) -> float:
    """The planted chance that a member of this hidden kind orders within the window, by arm (A, B or hold-out)."""
    group = kind if kind == TRUTH["effect_segment"].replace("-", "_") else "other"
    return TRUTH["hold_out_rate"][group] if arm == "hold-out" else TRUTH["rate"][arm][group]
