"""Backstage of segments: definitions, versions and the ledger, read only; they are changed on their pages."""

from django.contrib import admin

from crm.backstage import Ledger
from segments import models

admin.site.register(
    models.Segment,
    Ledger,
    list_display=["name", "slug", "kind", "purpose", "owner", "size", "refreshed_at", "due_at", "failures"],
    list_filter=["kind", "purpose"],
    search_fields=["slug__startswith", "name__startswith"],
)
admin.site.register(
    models.RuleVersion,
    Ledger,
    list_display=["segment", "version", "sentence", "at", "by"],
    search_fields=["segment__slug__exact"],
)
admin.site.register(
    models.Membership,
    Ledger,
    list_display=["segment", "customer", "entered_at", "entered_reason", "left_at", "left_reason"],
    search_fields=["customer__number__exact", "segment__slug__exact"],
)
admin.site.register(
    models.Star,
    Ledger,
    list_display=["segment", "user"],
    search_fields=["segment__slug__exact", "user__username__exact"],
)
admin.site.register(
    models.Persona,
    Ledger,
    list_display=["segment", "name", "written_at", "written_by"],
    search_fields=["segment__slug__exact"],
)
admin.site.register(
    models.SegmentRun,
    Ledger,
    list_display=["segment", "started_at", "late_seconds", "size", "entered", "left", "error"],
    search_fields=["segment__slug__exact"],
)
admin.site.register(
    models.Clustering, Ledger, list_display=["id", "status", "k", "proposed_k", "seed", "created_by", "created_at"]
)
admin.site.register(models.Cluster, Ledger, list_display=["name", "clustering", "position", "size"])
admin.site.register(models.SegmentImport, Ledger, list_display=["file_name", "at", "by", "undone_at"])
admin.site.register(models.Followed, Ledger, list_display=["customer_id", "snapshot_id"])
admin.site.register(models.FollowLease, Ledger, list_display=["name", "until"])
admin.site.register(
    models.WorklistMark,
    Ledger,
    list_display=["user", "customer", "reason", "until_at", "at"],
    list_filter=["reason"],
    search_fields=["customer__number__exact"],
)
