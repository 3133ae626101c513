"""Forms that stay open while somebody else saves: only what was changed in them is saved, all else stays theirs."""

from django.forms import BaseForm


def remember(form: BaseForm) -> None:
    """Let the page carry along what each field held when it was opened."""
    for field in form.fields.values():
        field.show_hidden_initial = True


def touched(form: BaseForm) -> set[str]:
    """The fields changed since the page was opened; those that it carried nothing along for count as changed."""
    return {name for name in form.fields if form.add_initial_prefix(name) not in form.data or name in form.changed_data}
