"""Writing a note, with files."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.actions.notes import LONGEST


class ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class NoteForm(forms.Form):
    """The words of a note; `uploads` are the files that came along."""

    text = forms.CharField(
        label=_("Note"),
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("@name tells a colleague on their first page."),
    )


class ManyFilesField(forms.FileField):
    """Any number of files, each read as one."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(ManyFilesField, self).clean(one, initial) for one in data or [] if one]


class NewNoteForm(NoteForm):
    """A note that may bring files."""

    files = ManyFilesField(label=_("Files"), required=False, help_text=_("At most 10, 10 MB each."))  # type: ignore[assignment]
