"""All addresses: each app brings its own, in the order of the floors."""

from django.contrib import admin
from django.urls import include, path

from config import guide, health, settings_pages
from config.home import views as home
from config.mail_catcher import views as mail

handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
urlpatterns = [
    path("", home.home, name="home"),
    path("home/steps/", home.hide_steps, name="home-steps"),
    path("home/<slug:key>/", home.part, name="home-part"),
    path("guide/", guide.guide, name="guide"),
    path("guide/<slug:name>/", guide.about, name="guide-about"),
    path("favicon.ico", health.icon, name="icon"),
    path("live", health.live, name="live"),
    path("ready", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("settings/firm/", settings_pages.firm, name="firm"),
    path("settings/channels/", settings_pages.channels, name="channels"),
    path("settings/channels/test/", settings_pages.test_connection, name="channels-test"),
    path("settings/retention/", settings_pages.retention, name="retention"),
    path("settings/health/", health.page, name="health"),
    path("mail/", mail.caught, name="caught-mail"),
    path("mail/<int:number>/", mail.letter, name="letter"),
    path("mail/<int:number>/html/", mail.letter_html, name="letter-html"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api_urls")),
    path("", include("crm.urls")),
    path("", include("profiles.urls")),
    path("", include("segments.urls")),
    path("", include("campaigns.urls")),
]
