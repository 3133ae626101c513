"""Addresses of one customer's page, its tabs and what is done there; below /customers/."""

from django.urls import path

from crm.views import customer, duplicates, privacy, requests

urlpatterns = [
    path("duplicates/", duplicates.pairs, name="duplicates"),
    path("duplicates/look/", duplicates.look, name="duplicates-look"),
    path("duplicates/<int:pk>/dismiss/", duplicates.dismiss, name="duplicate-dismiss"),
    path("duplicates/<int:pk>/recall/", duplicates.recall, name="duplicate-recall"),
    path("merges/<int:pk>/undo/", duplicates.undo, name="merge-undo"),
    path("<int:pk>/privacy/", privacy.privacy, name="customer-privacy"),
    path("<int:pk>/privacy/requests/new/", requests.request_new, name="privacy-request-new"),
    path("<int:pk>/privacy/export/", privacy.export, name="customer-export"),
    path("<int:pk>/privacy/object/", privacy.object_to, name="customer-object"),
    path("<int:pk>/privacy/restrict/", privacy.restrict, name="customer-restrict"),
    path("<int:pk>/privacy/erase/", privacy.erase, name="customer-erase"),
    path("<int:pk>/merge/", duplicates.merge, name="customer-merge"),
    path("<int:pk>/", customer.overview, name="customer"),
    path("<int:pk>/timeline/", customer.happenings, name="customer-timeline"),
    path("<int:pk>/orders/", customer.orders, name="customer-orders"),
    path("<int:pk>/orders/<int:order_id>/", customer.order_detail, name="customer-order"),
    path("<int:pk>/consents/", customer.consents, name="customer-consents"),
    path("<int:pk>/consents/record/", customer.record_consent, name="consent-record"),
    path("<int:pk>/consents/<int:state_id>/withdraw/", customer.withdraw, name="consent-withdraw"),
    path("<int:pk>/audit/", customer.audit, name="customer-audit"),
    path("<int:pk>/audit.csv", customer.audit_csv, name="customer-audit-csv"),
    path("<int:pk>/tabs/<slug:key>/", customer.tab, name="customer-tab"),
]
