"""The message matrix: which text of a version a person gets, by segment and language, and what is missing in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.channels import CHANNELS
from campaigns.content import blocks, composition, fields, letters, merge
from campaigns.content.composition import Source
from campaigns.delivery import texting
from campaigns.models import Campaign, Variant, VariantText


@dataclass(frozen=True)
class Cell:
    """One text: for a segment (None: everyone) in a language ("": any). `made` are the look and blocks of its HTML."""

    segment_id: int | None
    language: str
    source: Source
    made: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Matrix:
    """All texts of one version, the version's own last."""

    variant_id: int
    key: str
    cells: tuple[Cell, ...]

    def text_for(self, segment_ids: Iterable[int], language: str) -> Source:
        """The fallback chain: own segment and language, own segment, own language, the version's own text."""
        segments = (*sorted(segment_ids), None)
        for segment in segments:
            for spoken in (language, "") if language else ("",):
                for cell in self.cells:
                    if (cell.segment_id, cell.language) == (segment, spoken):
                        return cell.source
        return self.cells[-1].source

    @property
    def segment_ids(self) -> frozenset[int]:
        return frozenset(cell.segment_id for cell in self.cells if cell.segment_id is not None)


def matrix_of(variant: Variant) -> Matrix:
    """The matrix of a version; a cell's empty parts are the version's. The text for all knows no segments."""
    short = short_form(variant.campaign.channel)
    footer = "" if letters.is_of_their_own_matter(variant.campaign) else Source.footer
    source = Source(variant.subject, variant.preheader, variant.html, variant.text, short, footer)
    own = Cell(None, "", source, variant.blocks)
    texts = (text for text in variant.texts.all() if text.segment_id is None or not variant.is_mass)
    cells = (_cell(text, own) for text in texts)
    return Matrix(variant.pk, variant.key, (*cells, own))


def short_form(channel: str) -> str:
    """How a channel's texts are written: "" for letters, "script"; for text messages how their readers stop them."""
    if (form := CHANNELS[channel].form) != "text":
        return form
    return "reply" if texting.takes_replies() else "link"


def _cell(text: VariantText, own: Cell) -> Cell:
    has_own_body = bool(text.html or text.text)
    source = Source(
        text.subject or own.source.subject,
        text.preheader or own.source.preheader,
        text.html if has_own_body else own.source.html,
        text.text if has_own_body else own.source.text,
        own.source.short,
    )
    return Cell(text.segment_id, text.language, source, text.blocks if has_own_body else own.made)


def matrices_of(campaign: Campaign) -> dict[int, Matrix]:
    """The matrices of the campaign's versions by version id."""
    return {
        variant.pk: matrix_of(variant)
        for variant in campaign.variants.select_related("campaign").prefetch_related("texts")
    }


def faults(matrix: Matrix, known: Iterable[str] | None = None) -> list[merge.Fault]:
    """Faults of every text of the version."""
    names = tuple(known or fields.names())
    return [fault for cell in matrix.cells for fault in faults_of(cell.source, cell.made, names)]


def faults_of(source: Source, made: Mapping[str, Any], known: Iterable[str]) -> list[merge.Fault]:
    """Faults of one text; in HTML made of blocks they are told by block."""
    names = tuple(known)
    found = composition.faults(source, names)
    if not made.get("blocks") or all(one.part != "html" or not one.line for one in found):
        return found
    return blocks.placed(source, made["look"], made["blocks"], names) or found


def sources(matrices: Iterable[Matrix]) -> list[Source]:
    """Every text of the versions."""
    return [cell.source for matrix in matrices for cell in matrix.cells]


def urls(matrix: Matrix) -> tuple[str, ...]:
    """Every web address the version's texts lead to, each once, in order."""
    return tuple(dict.fromkeys(url for cell in matrix.cells for url in composition.compose(cell.source).urls))
