"""The REST API of customers and what happened to them."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.routers import SimpleRouter

from crm import queries
from crm.models import Customer
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import DeclaredFilters, MaskedFilters
from crm.rest.serializers import StrictModelSerializer


class CustomerSerializer(StrictModelSerializer):
    class Meta:
        model = Customer
        fields = ["id", "number", "first_name", "last_name", "email", "phone", "language", "city", "country", "stage"]


class CustomerFilters(filters.FilterSet):
    updated_since = filters.IsoDateTimeFilter("updated_at", "gte")

    class Meta:
        model = Customer
        fields = ["number", "email", "stage", "country", "city"]


class Customers(Listed, Retrieved, Endpoint):
    """Customers of the caller's teams."""

    rights = {"list": "customers.view", "retrieve": "customers.view"}
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilters
    filter_backends = [MaskedFilters, DeclaredFilters]
    orderings = ["-id", "id", "last_name", "-last_name", "updated_at", "-updated_at"]

    def rows(self) -> QuerySet[Customer]:
        return queries.customers(self.actor)


router = SimpleRouter()
router.register("customers", Customers, "customers")
urlpatterns = router.urls
