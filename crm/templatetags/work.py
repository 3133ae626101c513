"""Forms of daily work that pages of every floor may show: a call or meeting written down, a task planned."""

from typing import Any

from django import template
from django.template.context import Context
from django.utils.translation import gettext as _

from crm import actions
from crm.models import TaskKind

register = template.Library()


@register.inclusion_tag("crm/contact_form.html", takes_context=True)
def contact_form(context: Context, customer: Any, address: str, phone: str = "", swapped: str = "") -> dict[str, Any]:
    """Buttons that write down a call or meeting with a customer. `address` is where it leads back to.

    `swapped` is the id of the part of that page which is renewed in place.
    """
    labels = ((TaskKind.CALL, _("Log a call")), (TaskKind.MEETING, _("Log a meeting")))
    contacts = [(str(kind), label, [(str(one), one.label) for one in actions.OUTCOMES[kind]]) for kind, label in labels]
    return {
        "customer": customer, "address": address, "phone": phone, "swapped": swapped, "contacts": contacts,
        "csrf_token": context.get("csrf_token"),
    }  # fmt: skip
