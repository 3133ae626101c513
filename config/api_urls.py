"""Addresses below /api/v1/: each app brings its own, in the order of the floors."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from crm.rest.errors import not_found

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("", include("crm.api.urls")),
    path("", include("profiles.api")),
    path("", include("segments.api")),
    path("", include("campaigns.api")),
    path("<path:address>", not_found, name="no-endpoint"),
]
