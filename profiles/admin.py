"""Backstage of profiles: the snapshots of the warehouse, read only."""

from django.contrib import admin

from crm.backstage import Ledger
from profiles import models

admin.site.register(
    models.Snapshot,
    Ledger,
    list_display=["id", "status", "as_of", "started_at", "finished_at", "file_name", "error"],
    list_filter=["status"],
)
