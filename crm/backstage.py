"""The administrators' site: for the role admin only, safe on a million rows, ledgers read-only, changes by actions."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from crm import access, actions, rights
from crm.form_fields import RowsField

MOST_COUNTED = 10_000


class AdminSite(admin.AdminSite):
    """Open to active users of the role admin, whatever Django's own flags say."""

    site_header = site_title = "Kohde"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and getattr(user, "role", "") == rights.ADMIN

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """One door for everybody: passwords are asked for where guesses are counted."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


class BoundedPaginator(Paginator):
    """Counts up to ten thousand rows and no further; a longer list is searched, not leafed through."""

    object_list: QuerySet

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST_COUNTED].count()


class Ledger(admin.ModelAdmin):
    """Rows that are read here and written elsewhere, by actions that keep their invariants."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    actions: list[str] | None = None
    ordering = ("-pk",)

    @property
    def list_select_related(self) -> tuple[str, ...]:  # type: ignore[override]
        """The rows that a list names, read with it, those that may be missing too."""
        keys = {field.name for field in self.opts.concrete_fields if field.many_to_one or field.one_to_one}
        return tuple(name for name in self.list_display if name in keys)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Editable(Ledger):
    """Settings of the firm: added and changed here, each change with its audit line, never deleted."""

    kind: str

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, form_class=RowsField, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        names = [name for name in form.changed_data if name in form.cleaned_data and "password" not in name]
        actions.audit(
            kind=self.kind,
            object_id=obj.pk,
            verb="changed" if change else "created",
            changes={name: [_told(form.initial.get(name)), _told(form.cleaned_data[name])] for name in names},
            by=access.of_request(request),
            at=timezone.now(),
        )


def _told(value: Any) -> Any:
    return [str(one) for one in value] if hasattr(value, "__iter__") and not isinstance(value, str | dict) else value
