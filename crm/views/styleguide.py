"""The live styleguide: every shared component, drawn by the very lines that stand beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.views.decorators.http import require_safe

from crm import styleguide as examples

COMPONENTS = Path(settings.ROOT) / "templates" / "components"
EXAMPLES = Path(settings.ROOT) / "templates" / "styleguide"


@dataclass(frozen=True)
class Shown:
    """A component with its description, the source of its example and what that draws."""

    name: str
    about: str
    source: str
    drawn: str


@require_safe
@login_required
def styleguide(request: HttpRequest) -> HttpResponse:
    return render(request, "crm/styleguide.html", {"components": list(_components(request)), "tokens": examples.TOKENS})


def names() -> list[str]:
    """Names of all shared components: charts stand in a folder of their own."""
    return sorted(str(p.relative_to(COMPONENTS).with_suffix("")) for p in COMPONENTS.rglob("*.html"))


def about(name: str) -> str:
    """The comment that opens a component: what it is and its parameters."""
    text = (COMPONENTS / f"{name}.html").read_text()
    return text.partition("{#")[2].partition("#}")[0].strip() if text.startswith("{#") else ""


def _components(request: HttpRequest) -> Iterator[Shown]:
    context = examples.sample()
    for name in names():
        example = f"styleguide/{name}.html"
        source = (EXAMPLES / f"{name}.html").read_text()
        drawn = get_template(example).render(context, request)
        yield Shown(name, about(name), source.partition("\n")[2].strip(), drawn)
