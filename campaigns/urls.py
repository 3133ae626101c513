"""Addresses of campaigns."""

from django.urls import include, path

urlpatterns = [
    path("", include("campaigns.public.urls")),
]
