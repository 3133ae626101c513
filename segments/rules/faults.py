"""The reasons for refusing a rule, in English and Finnish. Finnish forms are stored, never made up at run time."""

from collections.abc import Mapping
from typing import Final

FINNISH: Final[Mapping[str, str]] = {
    # what stands around a rule
    "is not JSON: {why}": "ei ole JSONia: {why}",
    "holds something that is not JSON": "sisältää jotain, mikä ei ole JSONia",
    "is nested too deeply": "on liian monta tasoa sisäkkäin",
    "is nested too deeply: groups may stand {most} deep": "on liian monta tasoa sisäkkäin: ryhmiä saa olla {most}",
    "groups may stand {most} deep": "ryhmiä saa olla sisäkkäin {most}",
    "a rule has at most {most} bytes": "säännössä on enintään {most} tavua",
    "a rule has at most {most} nodes": "säännössä on enintään {most} osaa",
    "unknown version {given}": "tuntematon versio {given}",
    # engines elsewhere
    "{part} cannot be asked of {engine}; change the rule or KOHDE_ENGINE":
        "tätä ei voi kysyä moottorilta {engine}: {part}; muuta sääntöä tai asetusta KOHDE_ENGINE",
    "{engine} cannot tell whether a list is missing; change the rule or KOHDE_ENGINE":
        "{engine} ei erota, puuttuuko luettelo; muuta sääntöä tai asetusta KOHDE_ENGINE",
    # objects and their fields
    "must be an object": "tässä pitää olla olio {{…}}",
    "unknown field": "tuntematon kenttä",
    "is required": "puuttuu, vaikka on pakollinen",
    "unknown {what} {given}": "tuntematon {what} {given}",
    "the {what} is missing": "{what} puuttuu",
    "must be the name of a {what}: 1 to {most} characters": "tässä pitää olla {of} nimi: 1–{most} merkkiä",
    "must be true or false": "tässä pitää olla true tai false",
    "must be true": "tässä pitää olla true",
    "must be a list of {least} to {most} parts": "tässä pitää olla luettelo, jossa on {least}–{most} osaa",
    "must be exactly one condition or group; it names {found}":
        "tässä pitää olla täsmälleen yksi ehto tai ryhmä; nyt siinä ovat {found}",
    "must be exactly one condition or group; it names none of the conditions":
        "tässä pitää olla täsmälleen yksi ehto tai ryhmä; nyt siinä ei ole mitään ehtoa",
    # events
    "the measure {measure} is taken over nothing": "mittari {measure} ei kohdistu mihinkään",
    "unknown property {given}": "tuntematon tapahtuman tieto {given}",
    "a share is a number from 0 to 1": "osuus on luku nollasta yhteen",
    "{type} stands alone, not in a list": "{type} on yksinään, ei luettelossa",
    "{name} holds {kind}": "tiedon {name} laji on {kind}",
    "must not be before “from”": "ei saa olla ennen alkua (from)",
    "must name either before or after": "tässä pitää olla joko before tai after",
    # values
    "must be a text": "tässä pitää olla teksti",
    "must have at most {most} characters": "saa olla enintään {most} merkkiä",
    "must not contain zero bytes or half characters": "ei saa sisältää nollatavuja eikä puolikkaita merkkejä",
    "unknown value {given}": "tuntematon arvo {given}",
    "must be a number": "tässä pitää olla luku",
    "must be a number between {least} and {most}": "tässä pitää olla luku väliltä {least} – {most}",
    "must be a number above 0 and up to {most}": "tässä pitää olla luku, joka on yli 0 ja enintään {most}",
    "must be an amount: a number, or a text such as “12.50”":
        "tässä pitää olla rahamäärä: luku tai teksti, esimerkiksi ”12.50”",
    "{given} is not an amount": "{given} ei ole rahamäärä",
    "must be an amount below 1,000,000,000,000": "rahamäärän pitää olla alle 1 000 000 000 000",
    "must have at most four decimals": "saa olla enintään neljä desimaalia",
    "must be a date such as “2026-05-01”": "tässä pitää olla päivä, esimerkiksi ”2026-05-01”",
    "{given} is not a date": "{given} ei ole päivä",
    "must be a date between {least} and {most}": "päivän pitää olla vuosilta {least}–{most}",
    "must be a whole number from {least} to {most}": "tässä pitää olla kokonaisluku väliltä {least}–{most}",
    "must be a list of whole numbers from {least} to {most}":
        "tässä pitää olla luettelo kokonaislukuja väliltä {least}–{most}",
    "must be a list of 1 to {most} values": "tässä pitää olla luettelo, jossa on 1–{most} arvoa",
    "must be a list of two values, the lower first": "tässä pitää olla kaksi arvoa, pienempi ensin",
    "the lower value must stand first": "pienemmän arvon pitää olla ensin",
    "this operator takes no value": "tämä vertailu ei ota arvoa",
    "must not be empty": "ei saa olla tyhjä",
    "is not a pattern in RE2 syntax: {why}": "ei ole RE2-muotoinen malli: {why}",
    # what a rule may rest on
    "{feature} is not open to you": "ominaisuutta {feature} et saa nähdä",
    "{feature} is not allowed for marketing": "ominaisuutta {feature} ei saa käyttää markkinointiin",
    "{feature} is special-category data: marketing needs a grant from an admin":
        "{feature} kuuluu erityisiin henkilötietoryhmiin: markkinointi tarvitsee pääkäyttäjän luvan",
    "{feature} is special-category data: the rule must ask for consent of every member":
        "{feature} kuuluu erityisiin henkilötietoryhmiin: säännön pitää vaatia jokaiselta jäseneltä suostumus",
    "segments may not use each other in a circle: {circle}": "segmentit eivät saa käyttää toisiaan kehässä: {circle}",
    "“{segment}” is not a segment for marketing": "”{segment}” ei ole markkinointisegmentti",
}  # fmt: skip

# Words that stand in the places of a reason: as they are, and as whose name something is.
FINNISH_WORDS: Final[Mapping[str, str]] = {
    "answer": "vastaus",
    "campaign": "kampanja",
    "channel": "kanava",
    "comparison": "vertailukohta",
    "consent": "suostumus",
    "event": "tapahtuma",
    "feature": "ominaisuus",
    "kind": "laji",
    "measure": "mittari",
    "operator": "vertailu",
    "purpose": "tarkoitus",
    "response": "vastaus",
    "segment": "segmentti",
    "trend": "muutos",
    "window": "aikaväli",
    "text": "teksti",
    "number": "luku",
    "truth": "kyllä/ei",
    "money": "raha",
    "datetime": "aika",
}
FINNISH_OF: Final[Mapping[str, str]] = {
    "campaign": "kampanjan",
    "channel": "kanavan",
    "consent": "suostumuksen",
    "event": "tapahtuman",
    "purpose": "tarkoituksen",
    "response": "vastauksen",
    "segment": "segmentin",
}
