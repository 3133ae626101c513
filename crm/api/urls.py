"""Addresses of the customers' API."""

from rest_framework.routers import SimpleRouter

from crm.api.consents import ConsentEntries, Consents
from crm.api.customers import Companies, Customers
from crm.api.events import Events
from crm.api.fields import Fields
from crm.api.imports import Imports
from crm.api.orders import Orders, Products

router = SimpleRouter()
router.register("customers", Customers, "customers")
router.register("companies", Companies, "companies")
router.register("fields", Fields, "fields")
router.register("products", Products, "products")
router.register("orders", Orders, "orders")
router.register("events", Events, "events")
router.register("consents", Consents, "consents")
router.register("consent-entries", ConsentEntries, "consent-entries")
router.register("imports", Imports, "api-imports")
urlpatterns = router.urls
