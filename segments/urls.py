"""Addresses of the pages of segments."""

from django.urls import path

from segments.views import (
    comparison,
    customers,
    detail,
    discovery,
    editor,
    files,
    listing,
    named_lists,
    personas,
    starters,
)

urlpatterns = [
    path("segments/", listing.segments, name="segments"),
    path("segments/compare/", comparison.compare, name="segments-compare"),
    path("segments/discover/", discovery.discover, name="discover"),
    path("segments/discover/<int:pk>/", discovery.clustering, name="clustering"),
    path("segments/discover/accept/<int:pk>/", discovery.accept, name="cluster-accept"),
    path("customers/<int:pk>/segments/", customers.memberships, name="customer-segments"),
    path("segments/files/", files.files, name="segment-files"),
    path("segments/files/export/", files.export, name="segment-files-export"),
    path("segments/files/<int:pk>/undo/", files.undo, name="segment-files-undo"),
    path("segments/starters/", starters.starters, name="segment-starters"),
    path("segments/starters/<slug:key>/fields/", starters.add_fields, name="segment-starter-fields"),
    path("segments/new/", editor.new, name="segment-new"),
    path("segments/new-list/", named_lists.new, name="segment-new-list"),
    path("segments/<slug:slug>/", detail.segment, name="segment"),
    path("segments/<slug:slug>/edit/", editor.edit, name="segment-edit"),
    path("segments/<slug:slug>/common/", detail.common, name="segment-common"),
    path("segments/<slug:slug>/reach/", detail.reach, name="segment-reach"),
    path("segments/<slug:slug>/value/", comparison.value, name="segment-value"),
    path("segments/<slug:slug>/persona/", personas.persona, name="segment-persona"),
    path("segments/<slug:slug>/persona/edit/", personas.persona_edit, name="segment-persona-edit"),
    path("segments/<slug:slug>/members/", detail.members, name="segment-members"),
    path("segments/<slug:slug>/members.csv", detail.members_csv, name="segment-members-csv"),
    path("segments/<slug:slug>/history/", detail.history, name="segment-history"),
    path("segments/<slug:slug>/versions/<int:number>/", detail.version, name="segment-version"),
    path("segments/<slug:slug>/members/add/", named_lists.add, name="segment-add"),
    path("segments/<slug:slug>/members/remove/", named_lists.remove, name="segment-remove"),
    path("segments/<slug:slug>/refresh/", detail.refresh, name="segment-refresh"),
    path("segments/<slug:slug>/review/", detail.review, name="segment-review"),
    path("segments/<slug:slug>/archive/", detail.archive, name="segment-archive"),
    path("segments/<slug:slug>/restore/", detail.restore, name="segment-restore"),
]
