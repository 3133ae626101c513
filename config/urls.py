"""All addresses: each app brings its own, in the order of the floors."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
