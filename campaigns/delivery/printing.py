"""Letters as a PDF for the printer: a page per member, the address where windows of C5 and DL envelopes show it."""

from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from campaigns.delivery import lists
from campaigns.models import Run
from crm import figures

PER_FILE = 2_000  # pages that are made at once
LEFT, RIGHT, TOP, BOTTOM = 20 * mm, 20 * mm, 20 * mm, 20 * mm
WINDOW_TOP, TEXT_TOP = 50 * mm, 100 * mm  # from the upper edge (SFS 2487)
SIZE, LEADING = 10.5, 14
MOST_ON_LINE = 500  # letters, if they are so thin or nothing but accents
# The font with the most letters that this machine has; Vera comes with the library and knows those of western Europe.
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@cache
def font() -> str:
    """Name of the font, registered at the first use."""
    name = "DejaVuSans" if DEJAVU.exists() else "Vera"
    pdfmetrics.registerFont(TTFont(name, str(DEJAVU) if DEJAVU.exists() else "Vera.ttf"))
    return name


def parts(run: Run) -> int:
    """How many files the run's letters fill."""
    return -(-len(lists.ids_on_list(run)) // PER_FILE)


def pdf(run: Run, part: int = 1) -> bytes:
    """The letters of one part, in the order of the CSV."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(run.campaign.name)
    canvas.setAuthor(settings.FIRM_NAME)
    for letter in letters(run, part):
        write_letter(canvas, *letter)
    canvas.save()
    return file.getvalue()


def letters(run: Run, part: int) -> Iterator[tuple[list[str], str, str]]:
    """Lines of the address, subject and text of each member of the part."""
    for messages in lists.on_list(run, start=(part - 1) * PER_FILE, most=PER_FILE):
        for _number, name, street, postal_code, city, country, subject, text in lists.letters(run, messages):
            lines = [name, street, f"{postal_code} {city}".strip(), country]
            yield [line for line in lines if line], subject, text


def write_letter(canvas: Canvas, address: list[str], subject: str, text: str) -> None:
    """A page; a text that is longer goes on, on a second one."""
    width, height = A4
    canvas.setFont(font(), SIZE)
    canvas.drawString(LEFT, height - TOP, settings.FIRM_NAME)
    canvas.drawRightString(width - RIGHT, height - TOP, figures.day(timezone.localdate()))
    lines_down(canvas, address, height - WINDOW_TOP)
    body = ([subject, ""] if subject else []) + wrapped(text, width - LEFT - RIGHT)
    place = height - TEXT_TOP
    while body:
        fits = int((place - BOTTOM) // LEADING)
        lines_down(canvas, body[:fits], place)
        body, place = body[fits:], height - TOP - LEADING
        if body:
            canvas.showPage()
            canvas.setFont(font(), SIZE)
    canvas.showPage()


def lines_down(canvas: Canvas, lines: list[str], top: float) -> None:
    for place, line in enumerate(lines):
        canvas.drawString(LEFT, top - place * LEADING, line)


def wrapped(text: str, width: float) -> list[str]:
    """Lines no wider than that; a word that is wider is broken."""
    return [line for paragraph in text.splitlines() for line in wrapped_paragraph(paragraph, width)]


def wrapped_paragraph(paragraph: str, width: float) -> Iterator[str]:
    line = ""
    for word in paragraph.split():
        longer = f"{line} {word}".strip()
        if is_within(longer, width):
            line = longer
            continue
        if line:
            yield line
        *pieces, line = broken(word, width)
        yield from pieces
    yield line


def broken(word: str, width: float) -> list[str]:
    """The word in pieces that each fit a line, in time that grows with its length alone."""
    pieces, start = [], 0
    while not is_within(word[start : start + MOST_ON_LINE + 1], width):
        sizes = range(1, min(MOST_ON_LINE, len(word) - start) + 1)
        fits = max(bisect_right(sizes, width, key=lambda n: width_of(word[start : start + n])), 1)
        pieces.append(word[start : start + fits])
        start += fits
    return [*pieces, word[start:]]


def is_within(text: str, width: float) -> bool:
    return len(text) <= MOST_ON_LINE and width_of(text) <= width


def width_of(text: str) -> float:
    return float(pdfmetrics.stringWidth(text, font(), SIZE))
