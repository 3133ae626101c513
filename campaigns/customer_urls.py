"""Addresses of what campaigns bring to a customer's page."""

from django.urls import path

from campaigns.views import letters, people

urlpatterns = [
    path("customers/<int:pk>/messages/", people.messages, name="customer-messages"),
    path("customers/<int:pk>/letter/", letters.write, name="customer-letter"),
    path("customers/<int:pk>/letters/<int:letter_id>/", letters.letter, name="letter"),
    path("customers/<int:pk>/letters/<int:letter_id>/take-back/", letters.take_back, name="letter-take-back"),
]
