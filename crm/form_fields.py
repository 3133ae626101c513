"""Fields for forms that take ids or JSON from whoever sends them, and refuse what no database could hold."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.keyset import row_id
from crm.rest.parsing import BadJSON, parsed


class RowsField(forms.ModelMultipleChoiceField):
    """Several rows by their ids; an id that no row can have is no choice, where databases would stumble over it."""

    def clean(self, value: Any) -> Any:
        for text in value or ():
            if row_id(str(text)) is None:
                raise forms.ValidationError(self.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": text})
        return super().clean(value)


class JSONField(forms.JSONField):
    """JSON that can be kept: not too deep, no endless numbers, no half characters."""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return parsed(value.encode())
        except BadJSON as fault:
            raise forms.ValidationError(_("Not JSON: %(why)s") % {"why": fault.message}) from fault

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data  # as it was written: what cannot be read cannot be drawn anew either

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial) != data

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, cls=self.encoder)
