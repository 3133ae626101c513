"""Addresses of the pages of profiles."""

from django.urls import path

from profiles import customer_pages, feature_pages, views
from profiles.surveys import public
from profiles.surveys import views as surveys

urlpatterns = [
    path("surveys/", surveys.surveys, name="surveys"),
    path("surveys/file.<str:kind>", surveys.surveys_file, name="surveys-file"),
    path("surveys/new/", surveys.new, name="survey-new"),
    path("surveys/<slug:slug>/", surveys.survey, name="survey"),
    path("surveys/<slug:slug>/edit/", surveys.edit, name="survey-edit"),
    path("surveys/<slug:slug>/link/", surveys.link, name="survey-link"),
    path("surveys/<slug:slug>/answers.<str:kind>", surveys.counts_file, name="survey-file"),
    path("surveys/<slug:slug>/move/<slug:name>/", surveys.move, name="survey-move"),
    path("s/<str:token>/", public.answer, name="survey-answer"),
    path("data/", views.data, name="data"),
    path("data/file.<str:kind>", views.data_file, name="data-file"),
    path("data/fields/new/", feature_pages.new, name="field-new"),
    path("data/fields/<int:pk>/", feature_pages.change, name="field-change"),
    path("data/fields/<int:pk>/archive/", feature_pages.archive, name="field-archive"),
    path("data/fields/<int:pk>/restore/", feature_pages.restore, name="field-restore"),
    path("data/<slug:key>/", feature_pages.feature, name="feature"),
    path("customers/<int:pk>/profile/", customer_pages.customer_profile, name="customer-profile"),
    path("customers/<int:pk>/value/", customer_pages.customer_value, name="customer-value"),
]
