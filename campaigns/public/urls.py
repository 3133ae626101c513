"""Addresses that stand in letters; short, and never changed, for letters are kept for years."""

from django.urls import path

from campaigns.public import hooks, views

urlpatterns = [
    path("o/<str:token>.gif", views.opened, name="opened"),
    path("c/<str:token>/<int:link_id>/", views.clicked, name="clicked"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>/", views.preferences_page, name="preferences"),
    path("v/<str:token>/", views.in_browser, name="in-browser"),
    path("i/<str:token>/", views.opt_in, name="opt-in"),
    path("d/<str:token>/", views.own_data, name="own-data"),
    path("hooks/sms/<slug:provider>/", hooks.text_hook, name="text-hook"),
    path("hooks/mail/<slug:provider>/", hooks.provider_hook, name="provider-hook"),
]
