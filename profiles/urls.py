"""Addresses of the pages of profiles."""

from django.urls import path

from profiles import views

urlpatterns = [
    path("data/", views.data, name="data"),
    path("customers/<int:pk>/profile/", views.customer_profile, name="customer-profile"),
]
