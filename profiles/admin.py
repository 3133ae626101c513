"""Backstage of profiles: the snapshots of the warehouse and the surveys, read only."""

from django.contrib import admin

from crm.backstage import Ledger
from profiles import models

admin.site.register(
    models.Snapshot,
    Ledger,
    list_display=["id", "status", "as_of", "started_at", "finished_at", "file_name", "error"],
    list_filter=["status"],
)

admin.site.register(
    models.Survey,
    Ledger,
    list_display=["slug", "title", "status", "created_by", "opened_at", "closed_at"],
    list_filter=["status"],
    search_fields=["slug", "title"],
    exclude=["secret"],
)
admin.site.register(models.Question, Ledger, list_display=["survey", "key", "kind", "text", "field"])
admin.site.register(
    models.AnswerSheet, Ledger, list_display=["survey", "customer", "revision", "answered_at", "changed_at"]
)
admin.site.register(models.Answer, Ledger, list_display=["sheet", "question", "value"])
