"""Components that need a body or some thought; the plain ones are {% include "components/….html" with … only %}."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from crm import charts, notices, tables

register = template.Library()
register.filter("undo_url", notices.undo_url)


def _with_body(context: Context, component: str, content: str, **parameters: Any) -> SafeString:
    shared = {name: context.get(name) for name in ("request", "csrf_token")}
    return render_to_string(f"components/{component}.html", {**shared, **parameters, "content": content})


@register.simple_block_tag(takes_context=True)
def page_header(
    context: Context,
    content: str,
    title: str,
    answer: str = "",
    crumbs: Sequence[tuple[str, str]] = (),
    state: str = "",
    tone: str = "neutral",
    owner: str = "",
    answer_id: str = "",
) -> SafeString:
    return _with_body(
        context, "page_header", content,
        title=title, answer=answer, crumbs=crumbs, state=state, tone=tone, owner=owner, answer_id=answer_id,
    )  # fmt: skip


@register.simple_block_tag(takes_context=True)
def card(context: Context, content: str, title: str = "", note: str = "", url: str = "", link: str = "") -> SafeString:
    return _with_body(context, "card", content, title=title, note=note, url=url, link=link)


@register.simple_block_tag(takes_context=True)
def menu(context: Context, content: str, label: str, icon: str = "", is_end: bool = False) -> SafeString:
    return _with_body(context, "menu", content, label=label, icon=icon, is_end=is_end)


@register.simple_block_tag(takes_context=True)
def filter_bar(
    context: Context,
    content: str,
    label: str = "",
    query: str = "",
    target: str = "",
    clear_url: str = "",
    id: str = "",
) -> SafeString:
    return _with_body(
        context, "filter_bar", content, label=label, query=query, target=target, clear_url=clear_url, id=id
    )


@register.simple_block_tag(takes_context=True)
def table(
    context: Context,
    content: str,
    columns: Sequence[tables.Column],
    caption: str,
    sort: str = "",
    id: str = "rows",
    is_selectable: bool = False,
    more_url: str = "",
    empty: str = "",
    is_stacked: bool = False,
) -> SafeString:
    headings = [(c, tables.direction(c, str(sort)), tables.next_order(c, str(sort)) if c.sort else "") for c in columns]
    labels = [""] * (is_selectable + 1) + ["" if c.is_label_hidden else str(c.label) for c in columns[1:]]
    return _with_body(
        context, "table", SafeString(tables.labelled(content, labels)) if is_stacked else content,
        headings=headings, caption=caption, id=id, is_selectable=is_selectable, more_url=more_url, empty=empty,
        is_stacked=is_stacked, width=len(headings) + is_selectable,
    )  # fmt: skip


@register.simple_block_tag(takes_context=True)
def bulk_form(
    context: Context, content: str, action: str, actions: Sequence[tuple[str, str]], all: str = ""
) -> SafeString:
    """A form around a selectable table; `actions` are pairs of value and label of the buttons named "action"."""
    return _with_body(context, "bulk_form", content, action=action, actions=actions, all=all)


@register.inclusion_tag("components/size_badge.html")
def size_badge(size: int | None, curve: Sequence[int | None] = (), change: int | None = None) -> dict[str, Any]:
    return {"size": size, "path": charts.sparkline(curve), "change": change}


@register.inclusion_tag("components/progress.html")
def progress(label: str, done: int, total: int | None, poll_url: str = "", is_over: bool = False) -> dict[str, Any]:
    """`total` None means unknown. Until `is_over`, htmx asks `poll_url` every second and replaces the component."""
    percent = round(done / total * 100) if total else None
    return {
        "label": label, "done": done, "total": total, "percent": percent, "poll_url": "" if is_over else poll_url,
    }  # fmt: skip


@register.inclusion_tag("components/stepper.html")
def stepper(steps: Sequence[tuple[str, str]], current: int, undone: Sequence[str] = ()) -> dict[str, Any]:
    """`steps` are pairs of label and address (empty: not reachable yet); `current` counts from 1.

    Steps whose address is `undone` have something left to do.
    """
    return {"steps": [(i, label, url, _progress(i, current, url in undone)) for i, (label, url) in enumerate(steps, 1)]}


@register.inclusion_tag("components/reach_funnel.html")
def reach_funnel(steps: Sequence[charts.Step]) -> dict[str, Any]:
    return {"steps": charts.funnel(steps)}


def _progress(position: int, current: int, is_undone: bool) -> str:
    if position == current:
        return "current"
    return "undone" if is_undone and position < current else "done" if position < current else "ahead"
