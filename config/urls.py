"""All addresses: each app brings its own, in the order of the floors."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults

from config import health
from crm.rest import errors

urlpatterns = [
    path("live", health.live, name="live"),
    path("ready", health.ready, name="ready"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api_urls")),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """JSON below /api/, a page elsewhere."""
    return errors.not_found(request) if errors.is_api(request) else defaults.page_not_found(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    """JSON below /api/, a page elsewhere."""
    return errors.server_error(request) if errors.is_api(request) else defaults.server_error(request)
