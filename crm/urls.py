"""Addresses of the lowest floor's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from crm.views import access, styleguide

urlpatterns = [
    path("sign-in/", access.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("settings/me/", access.me, name="me"),
    path("settings/me/password/", access.PasswordChange.as_view(), name="password"),
    path("settings/language/", access.language, name="language"),
    path("settings/appearance/", access.appearance, name="appearance"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
]
