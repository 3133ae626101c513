"""Writing a letter to one customer."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from campaigns.correspondence import LONGEST, LONGEST_SUBJECT

ABOUT = (
    ("own", gettext_lazy("Their own matter: an answer, an order, an appointment")),
    ("offer", gettext_lazy("An offer or news: needs their consent to marketing")),
)


class LetterForm(forms.Form):
    """Subject and text, and what it is about: that says which rules hold."""

    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=LONGEST_SUBJECT)
    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=LONGEST, strip=False, widget=forms.Textarea({"rows": 14})
    )
    about = forms.ChoiceField(
        label=gettext_lazy("What it is about"), choices=ABOUT, initial="own", widget=forms.RadioSelect
    )


def beginning(customer: Any, writer: Any, text: str = "") -> str:
    """A greeting and a name below, in the customer's language, around a text or room for one."""
    with override(customer.language if customer.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
        name = customer.first_name.strip() or str(customer)
        signed = [_("Kind regards"), writer.get_full_name() or writer.get_username(), settings.FIRM_NAME]
        return "\n".join([_("Hello %(name)s,") % {"name": name}, "", text.strip(), "", *signed])
