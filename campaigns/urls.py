"""Addresses of campaigns."""

from django.urls import include, path

from campaigns.views import calendar, comparing, deciding, drafting, listing, notebook, reporting, rules, running, texts

urlpatterns = [
    path("", include("campaigns.public.urls")),
    path("", include("campaigns.customer_urls")),
    path("campaigns/", listing.campaigns, name="campaigns"),
    path("campaigns/new/", drafting.campaign_new, name="campaign-new"),
    path("campaigns/rules/", rules.rules, name="sending-rules"),
    path("campaigns/notebook/", notebook.notebook, name="notebook"),
    path("campaigns/notebook/<int:pk>/forget/", notebook.forget, name="lesson-forget"),
    path("campaigns/compare/", comparing.compare, name="campaigns-compare"),
    path("campaigns/calendar/", calendar.calendar, name="campaigns-calendar"),
    path("segments/<slug:slug>/lessons/", notebook.of_segment, name="segment-lessons"),
    path("campaigns/<int:pk>/note/", notebook.note, name="campaign-note"),
    path("campaigns/<int:pk>/", running.campaign, name="campaign"),
    path("campaigns/<int:pk>/edit/", drafting.campaign_edit, name="campaign-edit"),
    path("campaigns/<int:pk>/texts/", texts.texts, name="campaign-texts"),
    path("campaigns/<int:pk>/texts/<slug:key>/", texts.text, name="campaign-text"),
    path("campaigns/<int:pk>/preview/", drafting.preview, name="campaign-preview"),
    path("campaigns/<int:pk>/preview/letter/", drafting.letter, name="campaign-letter"),
    path("campaigns/<int:pk>/test/", drafting.send_test, name="campaign-test"),
    path("campaigns/<int:pk>/launch/", running.launch, name="campaign-launch"),
    path("campaigns/<int:pk>/approval/", running.approval, name="campaign-approval"),
    path("campaigns/<int:pk>/move/<slug:name>/", running.move, name="campaign-move"),
    path("campaigns/<int:pk>/people/", running.people, name="campaign-people"),
    path("campaigns/<int:pk>/resend/", running.resend, name="campaign-resend"),
    path("campaigns/<int:pk>/list/<slug:kind>.csv", running.list_file, name="campaign-list-file"),
    path("campaigns/<int:pk>/mend/", running.mend, name="campaign-mend"),
    path("campaigns/<int:pk>/report/", reporting.report, name="campaign-report"),
    path("campaigns/<int:pk>/report.csv", reporting.report_file, {"kind": "csv"}, name="campaign-report-csv"),
    path("campaigns/<int:pk>/report.xlsx", reporting.report_file, {"kind": "xlsx"}, name="campaign-report-xlsx"),
    path("campaigns/<int:pk>/roll-out/", deciding.roll_out, name="campaign-roll-out"),
    path("campaigns/<int:pk>/roll-out/undo/", deciding.roll_out_undo, name="campaign-roll-out-undo"),
    path("campaigns/<int:pk>/sentence/", listing.sentence, name="campaign-sentence"),
]
