"""Forms of segments: what stands around a rule."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from segments import personas
from segments.models import Persona, Segment, SegmentPurpose


class SegmentForm(forms.Form):
    """Name, description and purpose of a segment."""

    name = forms.CharField(label=_("Name"), max_length=120)
    description = forms.CharField(label=_("What it is for"), required=False, widget=forms.TextInput(), max_length=500)
    purpose = forms.ChoiceField(label=_("Purpose"), choices=SegmentPurpose.choices, initial=SegmentPurpose.MARKETING)

    def __init__(self, data: Any, *, segment: Segment | None, so_far: Any = None) -> None:
        """`so_far` is what stands in the fields while somebody writes: shown again, and not judged yet."""
        names = ("name", "description", "purpose")
        initial = {name: getattr(segment, name) for name in names} if segment else {}
        super().__init__(data, initial=initial | {name: so_far[name] for name in names if so_far and name in so_far})


class PersonaForm(forms.ModelForm):
    """The words people write about a typical member."""

    class Meta:
        model = Persona
        fields = personas.WORDS
        widgets = {name: forms.Textarea({"rows": 3}) for name in personas.WORDS[1:]}
