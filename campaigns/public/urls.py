"""Addresses that stand in letters; short, and never changed, for letters are kept for years."""

from django.urls import path

from campaigns.public import views

urlpatterns = [
    path("o/<str:token>.gif", views.opened, name="opened"),
    path("c/<str:token>/<int:link_id>/", views.clicked, name="clicked"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>/", views.preferences_page, name="preferences"),
    path("v/<str:token>/", views.in_browser, name="in-browser"),
]
