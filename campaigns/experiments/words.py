"""Codes into sentences: one English and one Finnish template per code, with the figures' formats."""

from collections.abc import Callable, Mapping

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.decision import Decision

# English texts are message ids for gettext too: `sentence(…, translate=gettext)`.
SENTENCES: dict[str, tuple[str, str]] = {
    # decisions
    "beats_all": (
        "Send {leader}: it beats {rival} by {difference} ({low} to {high}).",
        "Lähetä {leader}: se voittaa vaihtoehdon {rival} erolla {difference} ({low} … {high}).",
    ),
    "variants_equivalent": (
        "Send {leader} or another variant: they differ by less than {worthwhile}, which you said does not matter.",
        "Lähetä {leader} tai toinen versio: ero on alle {worthwhile}, jolla et pitänyt olevan väliä.",
    ),
    "no_worthwhile_gain": (
        "The hold-out is as good: the best variant, {leader}, gains at most {high}.",
        "Verrokkiryhmä pärjää yhtä hyvin: paras versio {leader} tuo enintään {high}.",
    ),
    "too_uncertain": (
        "No decision yet: {leader} leads {rival} by {difference}, but {low} to {high} is possible.",
        "Ei vielä ratkaistavissa: {leader} johtaa erolla {difference} (vrt. {rival}), mutta voi olla {low} … {high}.",
    ),
    "not_ahead": (
        "No decision yet: {leader} is not ahead of {rival}: the difference is {difference}, but {low} to {high} is "
        "possible.",
        "Ei vielä ratkaistavissa: {leader} ei johda (vrt. {rival}): ero {difference}, voi olla {low} … {high}.",
    ),
    "ahead_if_read_alone": (
        "No decision yet: read alone, {leader} is ahead of {rival} by {difference} ({low} to {high}); among everything "
        "looked at here it may be chance (adjusted p-value {p_value}).",
        "Ei vielä ratkaistavissa: yksin luettuna {leader} johtaa erolla {difference} ({low} … {high}, vrt. {rival}), "
        "mutta kaiken tässä katsotun joukossa se voi olla sattumaa (korjattu p-arvo {p_value}).",
    ),
    "variants_too_close": (
        "Contacting helps, but {leader} and {rival} are too close: the difference is {low} to {high}.",
        "Yhteydenotosta on hyötyä, mutta {leader} ja {rival} ovat liian lähellä toisiaan: ero on {low} … {high}.",
    ),
    # why nothing can be told
    "sample_ratio_mismatch": (
        "Not readable: the arms did not get the people they were meant to get (p-value {p_value}). Find out why first.",
        "Ei luettavissa: ryhmät eivät saaneet niille tarkoitettuja ihmisiä (p-arvo {p_value}). Selvitä ensin syy.",
    ),
    "all_variants_vetoed": (
        "No variant may win: each broke a guardrail.",
        "Mikään versio ei voi voittaa: jokainen rikkoi suojarajan.",
    ),
    "nothing_to_compare": (
        "There is nothing to compare with: add a second variant or a hold-out.",
        "Vertailukohta puuttuu: lisää toinen versio tai verrokkiryhmä.",
    ),
    "nobody": ("Nobody is in this group yet.", "Ryhmässä ei ole vielä ketään."),
    "too_few_people": (
        "Too few people to tell: {people}, and at least {needed} are needed.",
        "Liian vähän ihmisiä: {people}, tarvitaan vähintään {needed}.",
    ),
    "too_few_responses": (
        "Too few responses to tell: {responses} so far.",
        "Liian vähän vastauksia: toistaiseksi {responses}.",
    ),
    "too_few_segments": (
        "Too few segments to read together: {segments}, and at least {needed} are needed.",
        "Liian vähän segmenttejä luettavaksi yhdessä: {segments}, tarvitaan vähintään {needed}.",
    ),
    "audience_too_small": (
        "{people} people are too few to show any effect.",
        "{people} ihmistä on liian vähän minkään vaikutuksen näkemiseen.",
    ),
    "no_variation": (
        "Nothing can be told yet: the value is the same for everybody.",
        "Vielä ei voi sanoa mitään: arvo on kaikilla sama.",
    ),
    "no_expected_value": (
        "The expected value is missing or out of range.",
        "Odotettu arvo puuttuu tai on alueen ulkopuolella.",
    ),
    "reference_is_zero": (
        "A relative change cannot be given: the reference has none.",
        "Suhteellista muutosta ei voi antaa: vertailuryhmässä on nolla.",
    ),
    "reference_near_zero": (
        "A relative change cannot be given: the reference is too close to zero.",
        "Suhteellista muutosta ei voi antaa: vertailuryhmä on liian lähellä nollaa.",
    ),
    "covariate_is_constant": (
        "Past spend is the same for everybody, so it cannot sharpen the figures.",
        "Aiemmat ostot ovat kaikilla samat, joten ne eivät tarkenna lukuja.",
    ),
    "no_covariate": ("Past spend is not used for this goal.", "Aiempia ostoja ei käytetä tässä tavoitteessa."),
    "no_hold_out": (
        "Without a hold-out nobody knows what would have come anyway.",
        "Ilman verrokkiryhmää ei tiedetä, mitä olisi tullut joka tapauksessa.",
    ),
    "no_mass_arm": (
        "Without an arm that gets the message for everybody, the gain of segmenting cannot be told.",
        "Ilman ryhmää, joka saa kaikille yhteisen viestin, segmentoinnin hyötyä ei voi sanoa.",
    ),
    "no_revenue": ("Revenue is not counted for every arm.", "Myyntiä ei lasketa kaikille ryhmille."),
    "no_cost": (
        "It cost nothing, so there is no return on spend.",
        "Se ei maksanut mitään, joten tuottoa panokselle ei ole.",
    ),
    "not_a_variant": ("Only variants compete.", "Vain versiot kilpailevat."),
    "not_pooled": ("Not read together with other segments.", "Ei luettu yhdessä muiden segmenttien kanssa."),
    "floor_out_of_range": (
        "The smallest share must lie between 0 and 1, not at {floor}.",
        "Pienimmän osuuden on oltava välillä 0–1, ei {floor}.",
    ),
}

LANGUAGES = {"en": 0, "fi": 1}
MINUS = "−"


def sentence(
    answer: CannotTell | Decision,
    *,
    language: str = "en",
    names: Mapping[str, str] | None = None,
    unit: str = "points",
    translate: Callable[[str], str] | None = None,
) -> str:
    """The answer in words.

    `names` turns arm keys into names; `unit` is "points" (differences of rates, shown in percentage points) or a
    currency sign. With `translate` (gettext) the English template is looked up there instead of in the table.
    Raises `KeyError` for an unknown code or language.
    """
    texts = SENTENCES[answer.code]
    template = translate(texts[0]) if translate else texts[LANGUAGES[language]]
    shown = {key: _shown(key, value, names or {}, unit, language) for key, value in answer.figures.items()}
    return template.format(**shown).replace("yks..", "yks.")  # an abbreviation ends the sentence with its own dot


def _shown(key: str, value: object, names: Mapping[str, str], unit: str, language: str) -> str:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, int):
        return number(value, 0, language)
    if not isinstance(value, float):
        return str(value)
    if key == "p_value":
        return number(value, 4, language) if value >= 0.0001 else f"< {number(0.0001, 4, language)}"
    return difference(value, unit, language)


def difference(value: float, unit: str, language: str) -> str:
    """A difference in percentage points or money.

    >>> difference(0.0123, "points", "fi")
    '1,23\\xa0%-yks.'
    >>> difference(-1234.5, "€", "en")
    '€−1,234.50'
    """
    if unit == "points":
        mark = "%-yks." if language == "fi" else "pp"
        return f"{number(value * 100, 2, language)}\xa0{mark}"
    shown = number(value, 2, language)
    return f"{shown}\xa0{unit}" if language == "fi" else f"{unit}{shown}"


def number(value: float, decimals: int, language: str) -> str:
    """A number as the language writes it: 1,204.5 or 1 204,5, with a true minus.

    >>> number(-1204.5, 1, "fi")
    '−1\\xa0204,5'
    """
    text = f"{value:,.{decimals}f}".replace("-", MINUS)
    return text.translate(str.maketrans(",.", "\xa0,")) if language == "fi" else text
