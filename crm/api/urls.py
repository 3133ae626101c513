"""Addresses of the customers' API."""

from rest_framework.routers import SimpleRouter

from crm.api.consents import ConsentEntries, Consents
from crm.api.customers import Companies, Customers
from crm.api.deals import Deals, LostReasons, Pipelines
from crm.api.events import Events
from crm.api.fields import Fields
from crm.api.imports import Imports
from crm.api.lists import BulkChanges
from crm.api.notes import Notes
from crm.api.orders import Orders, Products
from crm.api.requests import PrivacyRequests
from crm.api.tags import Tags
from crm.api.tasks import Contacts, Tasks
from crm.api.views import SavedViews

router = SimpleRouter()
router.register("customers", Customers, "customers")
router.register("companies", Companies, "companies")
router.register("bulk-changes", BulkChanges, "bulk-changes")
router.register("tags", Tags, "api-tags")
router.register("views", SavedViews, "views")
router.register("fields", Fields, "fields")
router.register("products", Products, "products")
router.register("orders", Orders, "orders")
router.register("events", Events, "events")
router.register("consents", Consents, "consents")
router.register("consent-entries", ConsentEntries, "consent-entries")
router.register("imports", Imports, "api-imports")
router.register("tasks", Tasks, "tasks")
router.register("contacts", Contacts, "contacts")
router.register("notes", Notes, "notes")
router.register("privacy-requests", PrivacyRequests, "privacy-requests")
router.register("deals", Deals, "deals")
router.register("pipelines", Pipelines, "pipelines")
router.register("lost-reasons", LostReasons, "lost-reasons")
urlpatterns = router.urls
