"""Words and forms of the two languages rules are read in. Finnish forms are stored, never made up at run time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

LANGUAGES: Final = ("en", "fi")


@dataclass(frozen=True)
class Noun:
    """What an event is called: one, many; in Finnish nominative, partitive (none of it) and genitive plural."""

    one: str
    many: str
    fi: str
    fi_none: str
    fi_of: str


NOUNS: Final[Mapping[str, Noun]] = {
    "order": Noun("order", "orders", "tilaus", "tilausta", "tilausten"),
    "return": Noun("return", "returns", "palautus", "palautusta", "palautusten"),
    "order_line": Noun("order line", "order lines", "tilausrivi", "tilausriviä", "tilausrivien"),
    "return_line": Noun("return line", "return lines", "palautusrivi", "palautusriviä", "palautusrivien"),
    "page": Noun("page view", "page views", "sivukatselu", "sivukatselua", "sivukatselujen"),
    "cart": Noun("cart", "carts", "ostoskori", "ostoskoria", "ostoskorien"),
    "open": Noun("opened message", "opened messages", "viestin avaus", "viestin avausta", "viestien avausten"),
    "email_open": Noun("opened e-mail", "opened e-mails", "sähköpostin avaus", "sähköpostin avausta",
                       "sähköpostin avausten"),
    "click": Noun("click", "clicks", "klikkaus", "klikkausta", "klikkausten"),
    "conversion": Noun("conversion", "conversions", "konversio", "konversiota", "konversioiden"),
    "unsubscribe": Noun("unsubscription", "unsubscriptions", "tilauksen peruminen", "tilauksen perumista",
                        "tilauksen perumisten"),
    "complaint": Noun("complaint", "complaints", "valitus", "valitusta", "valitusten"),
    "bounce": Noun("bounce", "bounces", "palautunut viesti", "palautunutta viestiä", "palautuneiden viestien"),
    "call": Noun("call", "calls", "puhelu", "puhelua", "puhelujen"),
    "answer": Noun("answer", "answers", "vastaus", "vastausta", "vastausten"),
    "visit": Noun("visit", "visits", "käynti", "käyntiä", "käyntien"),
    "search": Noun("search", "searches", "haku", "hakua", "hakujen"),
    "any": Noun("event", "events", "tapahtuma", "tapahtumaa", "tapahtumien"),
}  # fmt: skip

# What numbers of a feature count: one and many, in Finnish nominative and partitive. Units of scales are not said.
UNITS: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    "days": (("day", "days"), ("päivä", "päivää")),
    "years": (("year", "years"), ("vuosi", "vuotta")),
    "persons": (("person", "persons"), ("henkilö", "henkilöä")),
    "orders": (("order", "orders"), ("tilaus", "tilausta")),
    "returns": (("return", "returns"), ("palautus", "palautusta")),
    "carts": (("cart", "carts"), ("ostoskori", "ostoskoria")),
    "visits": (("visit", "visits"), ("käynti", "käyntiä")),
    "opens": (("open", "opens"), ("avaus", "avausta")),
    "clicks": (("click", "clicks"), ("klikkaus", "klikkausta")),
}
SCALES: Final = ("1–5", "1 Monday – 7 Sunday", "hour of day")

PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "time": ("time", "aika"),
    "value": ("value", "arvo"),
    "channel": ("channel", "kanava"),
    "category": ("category", "luokka"),
    "source": ("source", "lähde"),
    "sku": ("SKU", "tuotekoodi"),
    "product": ("product", "tuote"),
    "quantity": ("quantity", "määrä"),
    "amount": ("amount", "rahamäärä"),
    "margin": ("margin", "kate"),
    "currency": ("currency", "valuutta"),
}
CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "any": ("any channel", "mikä tahansa kanava"),
    "email": ("e-mail", "sähköposti"),
    "sms": ("SMS", "tekstiviesti"),
    "phone": ("phone", "puhelin"),
    "post": ("post", "posti"),
    "webhook": ("webhook", "webhook"),
    "ads": ("ad networks", "mainosverkot"),
}
PURPOSES: Final[Mapping[str, tuple[str, str]]] = {
    "marketing": ("marketing", "markkinointi"),
    "profiling": ("profiling", "profilointi"),
    "tracking": ("tracking of opens", "avausten seuranta"),
    "service": ("service messages", "palveluviestit"),
}
RESPONSES: Final[Mapping[str, tuple[str, str]]] = {
    "open": ("they opened a message", "asiakas on avannut viestin"),
    "click": ("they clicked in a message", "asiakas on klikannut viestiä"),
    "conversion": ("they converted after a message", "asiakas on tehnyt konversion viestin jälkeen"),
    "unsubscribe": ("they unsubscribed by a message", "asiakas on perunut tilauksen viestistä"),
    "complaint": ("they complained about a message", "asiakas on valittanut viestistä"),
}
WEEKDAYS: Final = (
    ("Monday", "maanantai"),
    ("Tuesday", "tiistai"),
    ("Wednesday", "keskiviikko"),
    ("Thursday", "torstai"),
    ("Friday", "perjantai"),
    ("Saturday", "lauantai"),
    ("Sunday", "sunnuntai"),
)
MONTHS: Final = (
    ("January", "tammikuu"),
    ("February", "helmikuu"),
    ("March", "maaliskuu"),
    ("April", "huhtikuu"),
    ("May", "toukokuu"),
    ("June", "kesäkuu"),
    ("July", "heinäkuu"),
    ("August", "elokuu"),
    ("September", "syyskuu"),
    ("October", "lokakuu"),
    ("November", "marraskuu"),
    ("December", "joulukuu"),
)

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    "all customers": ("All customers.", "Kaikki asiakkaat."),
    "customers": ("Customers where {clause}.", "Asiakkaat, joihin pätee: {clause}."),
    "everyone": ("everyone is included", "kaikki ovat mukana"),
    "and": (" and ", " ja "),
    "or": (" or ", " tai "),
    "not": ("it is not true that {clause}", "ei ole totta, että {clause}"),
    "missing": ("{clause} (or it is not known)", "{clause} (tai tieto puuttuu)"),
    "truth": ("{label}: {value}", "{label}: {value}"),
    "yes": ("yes", "kyllä"),
    "no": ("no", "ei"),
    "event": ("“{type}” event", "tapahtuma ”{type}”"),
    "events": ("“{type}” events", "tapahtumien ”{type}”"),
    "no event": ("“{type}” event", "tapahtumaa ”{type}”"),
    "there is": ("there is at least 1 {one}{window}{where}", "{noun} määrä{window}{where} on vähintään 1"),
    "there are": (
        "there are at least {value} {noun}{window}{where}",
        "{noun} määrä{window}{where} on vähintään {value}",
    ),
    "count": ("number of {noun}", "{noun} määrä"),
    "sum": ("total {of} of {noun}", "{noun} summa ({of})"),
    "average": ("average {of} of {noun}", "{noun} keskiarvo ({of})"),
    "minimum": ("smallest {of} of {noun}", "{noun} pienin arvo ({of})"),
    "maximum": ("largest {of} of {noun}", "{noun} suurin arvo ({of})"),
    "distinct": ("number of different values of {of} in {noun}", "{noun} eri arvojen määrä ({of})"),
    "first": ("first {one}", "{noun} ensimmäinen kerta"),
    "last": ("last {one}", "{noun} viimeisin kerta"),
    "days_since": ("days since the last {one}", "{noun} viimeisimmästä kerrasta kuluneiden päivien määrä"),
    "share": ("share of {noun}", "{noun} osuus"),
    "among": (" having {tests}", ", kun {tests},"),
    "where": (" ({tests})", " ({tests})"),
    "last_days": (" in the last {days} days", " viimeisten {days} päivän aikana"),
    "days_ago": (" from {start} to {end} days ago", " aikavälillä {start}–{end} päivää sitten"),
    "dates": (" from {first} to {last}", " aikavälillä {first}–{last}"),
    "since": (" since {first}", " {first} alkaen"),
    "up_to": (" up to {last}", " {last} asti"),
    "before first": (" before the first {one}", " ennen ensimmäistä kertaa ({fi})"),
    "before last": (" before the last {one}", " ennen viimeisintä kertaa ({fi})"),
    "after first": (" after the first {one}", " ensimmäisen kerran ({fi}) jälkeen"),
    "after last": (" after the last {one}", " viimeisimmän kerran ({fi}) jälkeen"),
    "step": (", then {one}{where}", ", sitten {one}{where}"),
    "step within": (", then {one}{where} within {days} days", ", sitten {days} päivän sisällä {one}{where}"),
    "none": ("there is no {one}{window}{where}", "{noun} määrä{window}{where} on 0"),
    "no step": (", and then no {one}{where}", ", eikä sen jälkeen {none}{where}"),
    "no step within": (
        ", and then no {one}{where} within {days} days",
        ", eikä sen jälkeen {days} päivän sisällä {none}{where}",
    ),
    "sequence": ("there is a sequence: {steps}", "tapahtumaketju: {steps}"),
    "trend before": (
        "{subject} in the last {days} whole days {change}, against the {days} days before",
        "{subject} viimeisten {days} kokonaisen päivän aikana {change} verrattuna edeltäviin {days} päivään",
    ),
    "trend year_before": (
        "{subject} in the last {days} whole days {change}, against the same weeks a year before",
        "{subject} viimeisten {days} kokonaisen päivän aikana {change} verrattuna samoihin viikkoihin vuotta aiemmin",
    ),
    "in": ("they are in the segment “{segment}”", "asiakas kuuluu segmenttiin ”{segment}”"),
    "not_in": ("they are not in the segment “{segment}”", "asiakas ei kuulu segmenttiin ”{segment}”"),
    "in on": (
        "they were in the segment “{segment}” on {day}",
        "asiakas kuului segmenttiin ”{segment}” päivänä {day}",
    ),
    "not_in on": (
        "they were not in the segment “{segment}” on {day}",
        "asiakas ei kuulunut segmenttiin ”{segment}” päivänä {day}",
    ),
    "entered": (
        "they entered the segment “{segment}” in the last {days} days",
        "asiakas on tullut segmenttiin ”{segment}” viimeisten {days} päivän aikana",
    ),
    "left": (
        "they left the segment “{segment}” in the last {days} days",
        "asiakas on poistunut segmentistä ”{segment}” viimeisten {days} päivän aikana",
    ),
    "consent": ("they consent to {purpose} by {channel}", "suostumus on voimassa ({purpose}, {channel})"),
    "reach": ("they can be reached by {channel}", "asiakas on tavoitettavissa ({channel})"),
    "campaign": ("{clause} of the campaign “{campaign}”", "{clause} (kampanja ”{campaign}”)"),
    "quote": ("“{text}”", "”{text}”"),
    "hour": ("{hour}:00–{hour}:59", "{hour}.00–{hour}.59"),
}


@dataclass(frozen=True)
class Voice:
    """One language, and the names people gave to segments and campaigns (slug → name)."""

    language: str
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"unknown language {self.language!r}; choose one of: {', '.join(LANGUAGES)}")

    @property
    def is_finnish(self) -> bool:
        return self.language == "fi"

    def pick(self, pair: tuple[str, str]) -> str:
        return pair[LANGUAGES.index(self.language)]

    def phrase(self, phrase_key: str, **words: Any) -> str:
        return self.pick(PHRASES[phrase_key]).format(**words)

    def word(self, table: Mapping[str, tuple[str, str]], key: str) -> str:
        return self.pick(table[key]) if key in table else self.quote(key)

    def quote(self, text: str) -> str:
        return self.phrase("quote", text=text)

    def name(self, slug: str) -> str:
        return self.names.get(slug, slug)

    def number(self, value: int | float | Decimal) -> str:
        """1,204.5 in English and 1 204,5 in Finnish, with a no-break space."""
        text = f"{Decimal(str(value)).normalize():,f}"
        return text.replace(",", "\u00a0").replace(".", ",") if self.is_finnish else text

    def amount(self, value: int | float | Decimal, unit: str) -> str:
        """The number with its unit: 1 order, 3 orders, 30 %; what is no known unit stands as it is."""
        if unit == "share":
            said = f"{self.number(Decimal(str(value)) * 100)}\u00a0%"
            return said if self.is_finnish else said.replace("\u00a0", "")
        if unit in UNITS:
            unit = UNITS[unit][LANGUAGES.index(self.language)][value != 1]
        return self.number(value) if not unit or unit in SCALES else f"{self.number(value)} {unit}"

    def day(self, day: date) -> str:
        """1 May 2026 in English and 1.5.2026 in Finnish."""
        if self.is_finnish:
            return f"{day.day}.{day.month}.{day.year}"
        return f"{day.day} {MONTHS[day.month - 1][0]} {day.year}"

    def listed(self, items: Sequence[str], joint: str = "or") -> str:
        """A, B or C."""
        *first, last = items
        return f"{', '.join(first)}{self.phrase(joint)}{last}" if first else last
