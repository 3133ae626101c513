"""The guides inside the house: docs/guide for those who sell and those who plan marketing, in the reader's language."""

import struct
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from config import prose
from crm.rights import SALES

DOCS = settings.ROOT / "docs"
FILES = {"selling": "selling-{}.md", "marketing": "{}.md"}
LABELS = {"selling": _("For those who sell"), "marketing": _("For those who plan marketing")}
PNG_SIZE = struct.Struct(">II")  # width and height, at byte 16 of every PNG


@dataclass(frozen=True)
class Picture:
    """A picture of a guide, with its size, so that nothing below it moves while it loads."""

    url: str
    alt: Any
    width: int
    height: int


@dataclass
class Step:
    """A heading and what stands below it; the first step of a guide has none."""

    anchor: str
    heading: Any = ""
    parts: list[Any] = field(default_factory=list)


@require_safe
@login_required
def guide(request: HttpRequest) -> HttpResponse:
    """The guide for what the reader does."""
    return redirect("guide-about", "selling" if getattr(request.user, "role", "") == SALES else "marketing")


@require_safe
@login_required
def about(request: HttpRequest, name: str) -> HttpResponse:
    """One guide, step by step, with the other a tab away."""
    if name not in FILES:
        raise Http404
    title, *rest = prose.blocks(_text(name), address)
    context = {
        "title": title.html,
        "steps": _steps(rest),
        "tabs": [(label, reverse("guide-about", args=[key]), None) for key, label in LABELS.items()],
        "here": request.path,
    }
    return render(request, "guide.html", context)


def address(link: str) -> str:
    """Where a link of a guide leads from inside the house: its files lie among the static ones."""
    return link if link.startswith("https://") else static(f"guide/{PurePosixPath(link).name}")


def _text(name: str) -> str:
    """As it was written in the reader's language, or in English."""
    folder, language = DOCS / "guide", (get_language() or "en").partition("-")[0]
    own = folder / FILES[name].format(language)
    return (own if own.is_file() else folder / FILES[name].format("en")).read_text(encoding="utf-8")


def _steps(blocks: list[prose.Block]) -> list[Step]:
    steps = [Step("begin")]
    for one in blocks:
        if one.kind == "heading":
            steps.append(Step(f"step-{len(steps)}", one.html))
        else:
            steps[-1].parts.append(_picture(one) if one.kind == "picture" else one.html)
    return steps


def _picture(block: prose.Block) -> Picture:
    path = DOCS / "images" / PurePosixPath(block.source).name
    with path.open("rb") as file:
        width, height = PNG_SIZE.unpack(file.read(24)[16:])
    return Picture(address(block.source), block.html, width, height)
