"""Backstage of the lowest floor: users, teams, fields and keys are kept here; facts and ledgers are only read."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access, actions, models, queries
from crm.backstage import Editable, Ledger
from crm.form_fields import JSONField
from crm.refusals import Refused
from crm.rights import ADMIN, SCOPES


@admin.register(models.Team)
class TeamAdmin(Editable):
    kind = "team"
    list_display = ["name", "slug"]
    search_fields = ["name__startswith", "slug__startswith"]
    prepopulated_fields = {"slug": ["name"]}


class PersonForm(UserChangeForm):
    """Keeps one administrator in the house, as the page of people does."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("is_active") or given.get("role") != ADMIN:
            try:
                actions.keep_an_admin(self.instance)
            except Refused as fault:
                raise forms.ValidationError(fault.message) from fault
        return given


@admin.register(models.User)
class PersonAdmin(Editable, UserAdmin):
    """Users with one role each; Django's own groups and permissions play no part."""

    kind = "user"
    form = PersonForm
    list_display = ["username", "first_name", "last_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username__startswith", "email__startswith", "last_name__startswith"]
    filter_horizontal = ["teams"]
    ordering = ("username",)
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "is_active"]}),
        (gettext_lazy("Person"), {"fields": ["first_name", "last_name", "email", "language", "time_zone"]}),
        (gettext_lazy("Rights"), {"fields": ["role", "teams", "may_see_special"]}),
        (gettext_lazy("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "usable_password", "password1", "password2", "role", "teams"]})]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Another password for somebody, with its line: whoever sets it could come in as them."""
        answer: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and answer.status_code == 302:
            by = access.of_request(request)
            actions.audit(kind="user", object_id=int(id), verb="password_set", changes={}, by=by, at=timezone.now())
        return answer


@admin.register(models.FieldDefinition)
class FieldAdmin(Editable):
    list_display = ["key", "label", "entity", "type", "dimension", "sensitivity", "archived_at"]
    list_filter = ["entity", "dimension", "type", "sensitivity"]
    search_fields = ["key__startswith", "label__startswith"]
    exclude = ["created_at", "archived_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["entity", "key", "type"] if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        by, at = access.of_request(request), timezone.now()
        if change:
            actions.change_field(obj, values=form.cleaned_data, by=by, at=at)
        else:
            obj.pk = actions.define_field(values=form.cleaned_data, by=by, at=at).pk

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, form=FieldForm, **kwargs)


class FieldForm(forms.ModelForm):
    """Asks the action's own check before saving, so that faults stand beside their field."""

    choices = JSONField(label=gettext_lazy("choices"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        has_choices = bool(given.get("choices"))
        is_choice = given.get("type", self.instance.type) == models.FieldType.CHOICE
        if has_choices != is_choice:
            raise forms.ValidationError({"choices": _("Choices belong to fields of the type choice, which need them.")})
        return given


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"), choices=[(scope, scope) for scope in SCOPES], widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = models.ApiKey
        fields = ["name", "scopes", "team", "expires_at"]


@admin.register(models.ApiKey)
class KeyAdmin(Editable):
    """Keys are issued and revoked; what a key may do never changes afterwards."""

    form = KeyForm
    list_display = ["name", "prefix", "team", "created_by", "expires_at", "revoked_at", "last_used_at"]
    search_fields = ["name__startswith", "prefix__exact"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = ["prefix", "created_by", "created_at", "revoked_at", "last_used_at"]
        return [*KeyForm.Meta.fields, *(shown if obj else [])]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        by = access.of_request(request)
        key, raw_key = actions.issue_key(**form.cleaned_data, by=by, at=timezone.now())
        obj.pk = key.pk
        messages.warning(request, _("Copy the key now, it is shown only once: %(key)s") % {"key": raw_key})

    @admin.action(description=gettext_lazy("Revoke the chosen keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        by = access.of_request(request)
        for key in queryset:
            actions.revoke_key(key, by=by, at=timezone.now())


admin.site.register(
    models.Customer,
    Ledger,
    list_display=["number", "first_name", "last_name", "email", "stage", "team", "updated_at"],
    list_filter=["stage"],
    search_fields=["number__startswith", "email__exact", "last_name__startswith"],
    exclude=["attributes"],  # with special categories, which stand on the customer's page, where seeing them is noted
)
admin.site.register(
    models.Company,
    Ledger,
    list_display=["number", "name", "industry", "city", "team", "updated_at"],
    search_fields=["number__startswith", "name__startswith"],
    exclude=["attributes"],
)


@admin.register(models.Pipeline)
class PipelineAdmin(Editable):
    kind = "pipeline"
    list_display = ["name", "name_fi", "slug", "position", "archived_at"]
    search_fields = ["name__startswith"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(models.PipelineStage)
class StageAdmin(Editable):
    kind = "stage"
    list_display = ["name", "pipeline", "position", "probability_share", "slow_after_days", "archived_at"]
    list_filter = ["pipeline"]
    search_fields = ["name__startswith"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(models.LostReason)
class LostReasonAdmin(Editable):
    kind = "lost reason"
    list_display = ["name", "name_fi", "slug", "position", "archived_at"]
    search_fields = ["name__startswith"]
    prepopulated_fields = {"slug": ["name"]}


admin.site.register(
    models.Deal,
    Ledger,
    list_display=["title", "customer", "company", "stage", "status", "amount", "currency", "expected_on", "owner"],
    list_filter=["status"],
    search_fields=["title__startswith", "customer__number__exact"],
)
admin.site.register(
    models.DealMove,
    Ledger,
    list_display=["deal", "from_stage", "to_stage", "status", "at", "by"],
    search_fields=["deal__id__exact"],
)
admin.site.register(
    models.DealNote,
    Ledger,
    list_display=["deal", "text", "at", "by"],
    search_fields=["deal__id__exact"],
)
admin.site.register(
    models.Task,
    Ledger,
    list_display=["title", "kind", "customer", "owner", "due_at", "status", "outcome", "source"],
    list_filter=["kind", "status", "source"],
    search_fields=["title__startswith", "customer__number__exact", "source_ref__exact"],
)
admin.site.register(
    models.Product,
    Ledger,
    list_display=["sku", "name", "category", "price_amount", "currency"],
    search_fields=["sku__startswith"],
)
admin.site.register(
    models.Order,
    Ledger,
    list_display=["number", "source", "kind", "customer", "ordered_at", "total_amount", "currency"],
    list_filter=["kind"],
    search_fields=["number__exact"],
)
admin.site.register(
    models.OrderLine,
    Ledger,
    list_display=["order", "position", "sku", "quantity", "unit_amount", "amount"],
    list_select_related=["order"],
    search_fields=["order__number__exact"],
)
admin.site.register(
    models.Event,
    Ledger,
    list_display=["type", "customer", "occurred_at", "source", "source_id", "value"],
    search_fields=["source_id__exact", "customer__number__exact"],
)
admin.site.register(
    models.ConsentEntry,
    Ledger,
    list_display=["customer", "purpose", "channel", "act", "at", "source", "by"],
    list_filter=["purpose", "channel", "act"],
    search_fields=["customer__number__exact"],
)
admin.site.register(
    models.ConsentState,
    Ledger,
    list_display=["customer", "purpose", "channel", "is_granted", "since_at", "expires_at"],
    list_filter=["purpose", "channel", "is_granted"],
    search_fields=["customer__number__exact"],
)
admin.site.register(
    models.Suppression,
    Ledger,
    list_display=["channel", "address_key", "reason", "at", "source"],
    list_filter=["channel"],
    search_fields=["address_key__exact"],
)


@admin.register(models.AuditLine)
class AuditAdmin(Ledger):
    list_display = ["at", "kind", "object_id", "verb", "by", "source"]
    search_fields = ["object_id__exact"]
    exclude = ["changes"]
    readonly_fields = ["told"]

    @admin.display(description=gettext_lazy("changes"))
    def told(self, line: models.AuditLine) -> str:
        return json.dumps(queries.told_changes(line, queries.special_names()), ensure_ascii=False)


admin.site.register(
    models.Import,
    Ledger,
    list_display=["kind", "file_name", "status", "cursor", "rows_total", "created_by", "created_at"],
    list_filter=["kind", "status"],
)
admin.site.register(
    models.ImportProblem,
    Ledger,
    list_display=["run", "row", "column", "code", "message", "is_fatal"],
    list_filter=["is_fatal"],
    search_fields=["run__id__exact"],
)
admin.site.register(models.IdempotencyRecord, Ledger, list_display=["scope", "key", "status", "created_at"])
admin.site.register(models.Tick, Ledger, list_display=["job", "slot", "started_at", "finished_at", "error"])
admin.site.register(models.WorkerBeat, Ledger, list_display=["name", "kind", "seen_at"])
admin.site.register(models.SignInCounter, Ledger)
admin.site.register(
    models.TwoFactor, Ledger, list_display=["user", "begun_at", "confirmed_at"], exclude=["seed", "last_step"]
)
admin.site.register(models.RecoveryCode, Ledger, list_display=["user", "used_at"], exclude=["code_hash"])
admin.site.register(
    models.Visit, Ledger, list_display=["user", "began_at", "way", "browser", "address"], exclude=["session_key"]
)
admin.site.register(
    models.Note,
    Ledger,
    list_display=["id", "customer", "company", "created_by", "created_at", "deleted_at"],
    search_fields=["customer__number__exact", "company__number__exact"],
)
admin.site.register(models.Mention, Ledger, list_display=["note", "user", "seen_at"])
admin.site.register(models.NoteFile, Ledger, list_display=["name", "size", "created_at"])
admin.site.register(
    models.LikePair,
    Ledger,
    list_display=["first", "second", "score", "found_at", "dismissed_at"],
    search_fields=["first__number__exact", "second__number__exact"],
)
admin.site.register(
    models.Merge,
    Ledger,
    list_display=["merged", "survivor", "at", "by", "undone_at"],
    search_fields=["survivor__number__exact", "merged__number__exact"],
    exclude=["before", "after", "moved"],  # as the attributes of a customer
)
admin.site.register(
    models.PrivacyRequest,
    Ledger,
    list_display=["customer", "kind", "state", "asked_on", "due_on", "filed_by"],
    list_filter=["kind", "state"],
    search_fields=["customer__number__exact"],
)
admin.site.register(models.Touch, Ledger, list_display=["customer_id", "at"])
admin.site.register(
    models.Tag,
    Ledger,
    list_display=["name", "slug", "colour", "created_by", "archived_at"],
    search_fields=["name__startswith"],
)
admin.site.register(models.CustomerTag, Ledger, list_display=["tag", "customer", "at", "by"])
admin.site.register(models.CompanyTag, Ledger, list_display=["tag", "company", "at", "by"])
admin.site.register(
    models.SavedView,
    Ledger,
    list_display=["name", "list_name", "owner", "sharing", "updated_at", "deleted_at"],
    search_fields=["name__startswith"],
)
admin.site.register(models.ListChoice, Ledger, list_display=["user", "list_name", "view"])
admin.site.register(
    models.BulkChange, Ledger, list_display=["action", "kind", "chosen", "changed", "at", "by", "undone_at"]
)
admin.site.register(models.BulkChangeRow, Ledger, list_display=["change", "object_id"])
admin.site.register(models.Word, Ledger, list_display=["text", "kind"], search_fields=["text__startswith"])
admin.site.register(models.WordPart, Ledger, list_display=["part", "word"])
admin.site.register(models.WordMark, Ledger, list_display=["kind", "gathered_until"])
admin.site.register(models.Hook, Ledger, list_display=["name", "url", "is_active", "failing_since", "stopped_at"])
admin.site.register(
    models.HookCall, Ledger, list_display=["hook", "topic", "state", "attempts", "answer", "at"], list_filter=["state"]
)
admin.site.register(
    models.Notification, Ledger, list_display=["user", "kind", "object_id", "at", "way", "seen_at", "mailed_at"]
)
admin.site.register(models.NewsWish, Ledger, list_display=["user", "kind", "way"])
admin.site.unregister(Group)
