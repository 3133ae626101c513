"""The head of a customer's page, the same on every tab, whichever floor brings it."""

from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import figures, panels
from crm.access import of_request
from crm.models import Customer
from crm.rights import may

register = template.Library()
STAGE_TONES = {"prospect": "info", "occasional": "neutral", "regular": "good", "lapsed": "warn"}


@register.inclusion_tag("crm/customer_head.html", takes_context=True)
def customer_head(context: Context, customer: Customer, tab: str) -> dict[str, Any]:
    """Trail, name, state, owner, the one action and the tabs; `tab` is the key of the open one."""
    actor = of_request(context["request"])
    tabs = panels.tabs(actor, customer.pk)
    return {
        "customer": customer,
        "title": str(customer),
        "crumbs": [(_("Customers"), reverse("customers"))],
        "tone": STAGE_TONES[customer.stage],
        "answer": answer(customer),
        "tabs": [(panel.label, url, None) for panel, url in tabs],
        "current": next((url for panel, url in tabs if panel.key == tab), ""),
        "beginnings": panels.beginnings(actor, customer.pk),
        "may_change": may(actor, "customers.change") and not customer.restricted_at,
    }


def answer(customer: Customer) -> str:
    """The sentence under the name."""
    notes = [
        (customer.restricted_at, _("Processing is restricted.")),
        (customer.objected_at, _("Objects to marketing.")),
    ]
    said = [words for is_so, words in notes if is_so]
    since = _("%(stage)s, customer since %(day)s.") % {
        "stage": customer.get_stage_display(),
        "day": figures.day(customer.created_at),
    }
    return " ".join([since, *said])
