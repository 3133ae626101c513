"""Saying what a webhook is told of, and where."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import hooks


def topics() -> list[tuple[str, Any]]:
    return list(hooks.TOPICS.items())


class HookForm(forms.Form):
    """Name, address and topics."""

    name = forms.CharField(label=_("What it is for"), max_length=80, help_text=_("Such as “Web shop” or “Data team”."))
    url = forms.CharField(label=_("Address"), max_length=500, widget=forms.URLInput, help_text="https://")
    topics = forms.MultipleChoiceField(
        label=_("What it is told of"), widget=forms.CheckboxSelectMultiple, choices=topics
    )
