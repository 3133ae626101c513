"""Forms of one text of a version: by blocks for those who write no HTML, or as HTML."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.content import blocks, composition, fields, matrix
from campaigns.content.composition import Source
from crm import figures

FIELDS_OF_BLOCK = ("kind", "text", "url", "segment", "field", "operator", "value")


class LetterForm(forms.Form):
    """The line in the inbox, and the look of a letter made of blocks."""

    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    preheader = forms.CharField(
        label=_("Preheader"), max_length=250, required=False, help_text=_("The line shown after the subject.")
    )
    look = forms.ChoiceField(label=_("Look"), choices=[(one.key, one.label) for one in blocks.LOOKS.values()])


class BlockForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=[(one.key, one.label) for one in blocks.KINDS.values()])
    text = forms.CharField(
        label=_("Words"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Empty lines part paragraphs; lines that begin with a dash are a list."),
    )
    url = forms.CharField(label=_("Address of the link or picture"), max_length=2000, required=False)
    segment = forms.ChoiceField(label=_("Shown to"), required=False)
    field = forms.ChoiceField(label=_("And only where"), required=False)
    operator = forms.ChoiceField(label=_("is"), choices=list(blocks.OPERATORS.items()), required=False)
    value = forms.CharField(label=_("Value"), max_length=100, required=False)

    def __init__(self, *args: Any, segments: Any = (), names: Any = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = [("", _("everybody")), *((one.slug, f"{one.name} ({figures.number(one.size)})") for one in segments)]
        self.fields["segment"].choices = shown  # type: ignore[attr-defined]
        self.fields["field"].choices = [("", "–"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        kind = blocks.KINDS.get(self["kind"].value() or "")
        for name in kind.fields if kind else ():
            self.fields[name].required = True
            self.fields[name].error_messages["required"] = _("This block needs it.")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("url") and not composition.is_web(given["url"]):
            self.add_error("url", _("Begin it with https:// or http://."))
        return given


Blocks = forms.formset_factory(BlockForm, extra=0, can_delete=True, can_order=True, max_num=40, absolute_max=40)


def written(formset: Any) -> list[dict[str, Any]]:
    """The blocks in their order, without what is empty."""
    return [{name: form.cleaned_data[name] for name in FIELDS_OF_BLOCK if form.cleaned_data.get(name)}
            for form in formset.ordered_forms]  # fmt: skip


class HtmlForm(forms.Form):
    """The same text for those who write HTML."""

    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    preheader = forms.CharField(label=_("Preheader"), max_length=250, required=False)
    html = forms.CharField(label=_("HTML"), required=False, widget=forms.Textarea(attrs={"rows": 18, "class": "mono"}))
    text = forms.CharField(
        label=_("Plain text"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Empty: made from the HTML."),
    )


def faults(form: Any, own: Source, made: Mapping[str, Any], parts: Sequence[Any] = ()) -> bool:
    """Whether the text with the version's own parts beneath it has faults; each is added at its place.

    `made` are the look and blocks of its HTML, `parts` the forms of these blocks.
    """
    found = matrix.faults_of(own, made, fields.names())
    for fault in found:
        if fault.block and parts:
            parts[fault.block - 1].add_error(None, fault.message)
        else:
            form.add_error(fault.part if fault.part in form.fields else None, str(fault))
    return bool(found)
