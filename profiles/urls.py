"""Addresses of the pages of profiles."""

from django.urls import path

from profiles import customer_pages, views

urlpatterns = [
    path("data/", views.data, name="data"),
    path("customers/<int:pk>/profile/", customer_pages.customer_profile, name="customer-profile"),
    path("customers/<int:pk>/value/", customer_pages.customer_value, name="customer-value"),
]
