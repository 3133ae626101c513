"""How long a text message is: in which alphabet it travels and in how many parts it is paid for. Pure.

Alphabets: 3GPP TS 23.038 §6.2.1 (GSM 7 bit and its extension table), else UCS-2; parts: TS 23.040 §9.2.3.24.1.
"""

from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")  # each takes two places
GSM, UCS = "GSM-7", "UCS-2"
PLACES = {GSM: (160, 153), UCS: (70, 67)}  # in a message of one part, in each part of a longer one


@dataclass(frozen=True)
class Length:
    """`places` of `most` are taken in `parts` parts; the alphabet is GSM-7 or UCS-2."""

    alphabet: str
    places: int
    most: int
    parts: int


def length(text: str) -> Length:
    """How the text travels.

    >>> length("Hei " * 40), length("Hyvää päivää 😀").alphabet
    (Length(alphabet='GSM-7', places=160, most=160, parts=1), 'UCS-2')
    >>> length("a" * 161)
    Length(alphabet='GSM-7', places=161, most=306, parts=2)
    """
    alphabet = GSM if set(text) <= BASIC | EXTENDED else UCS
    sizes = [size(character, alphabet) for character in text]
    alone, per_part = PLACES[alphabet]
    if sum(sizes) <= alone:
        return Length(alphabet, sum(sizes), alone, 1)
    parts = packed(sizes, per_part)
    return Length(alphabet, sum(sizes), parts * per_part, parts)


def size(character: str, alphabet: str) -> int:
    """Places of one character: what lies beyond the basic plane, or in the extension table, takes two."""
    return 1 + (character in EXTENDED if alphabet == GSM else ord(character) > 0xFFFF)


def packed(sizes: list[int], per_part: int) -> int:
    """Parts needed when no character may lie across two of them."""
    parts, used = 1, 0
    for one in sizes:
        if used + one > per_part:
            parts, used = parts + 1, 0
        used += one
    return parts
