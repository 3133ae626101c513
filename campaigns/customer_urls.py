"""Addresses of what campaigns bring to a customer's page."""

from django.urls import path

from campaigns.views import letter_texts, letters, people

urlpatterns = [
    path("customers/<int:pk>/messages/", people.messages, name="customer-messages"),
    path("settings/letter-texts/", letter_texts.listing, name="letter-texts"),
    path("settings/letter-texts/new/", letter_texts.new, name="letter-text-new"),
    path("settings/letter-texts/<int:pk>/", letter_texts.edit, name="letter-text"),
    path("settings/letter-texts/<int:pk>/delete/", letter_texts.delete, name="letter-text-delete"),
    path("settings/letter-texts/<int:pk>/restore/", letter_texts.restore, name="letter-text-restore"),
    path("customers/<int:pk>/letter/", letters.write, name="customer-letter"),
    path("customers/<int:pk>/letters/<int:letter_id>/", letters.letter, name="letter"),
    path("customers/<int:pk>/letters/<int:letter_id>/take-back/", letters.take_back, name="letter-take-back"),
]
