"""Addresses of what campaigns bring to a customer's page."""

from django.urls import path

from campaigns.views import people

urlpatterns = [
    path("customers/<int:pk>/messages/", people.messages, name="customer-messages"),
]
