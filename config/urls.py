"""All addresses: each app brings its own, in the order of the floors."""

from django.contrib import admin
from django.urls import path

from config import health

urlpatterns = [
    path("live", health.live, name="live"),
    path("ready", health.ready, name="ready"),
    path("admin/", admin.site.urls),
]
