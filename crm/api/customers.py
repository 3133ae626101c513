"""Customers and companies over the API."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries, search
from crm.api.lists import ListConditions, ListedAsPage
from crm.api.merging import Merging
from crm.api.tags import Tagging, TagsField, with_tags
from crm.lists.kinds import COMPANIES, CUSTOMERS
from crm.models import Company, Customer, Team, User
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import DeclaredFilters, MaskedFilters, MomentFilter
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer

RIGHTS = {
    "list": "customers.view",
    "retrieve": "customers.view",
    "create": "customers.change",
    "partial_update": "customers.change",
    "tags": "tags.change",
    "bulk": "customers.view",
    "file": "exports.persons",
}


class AttributesField(serializers.DictField):
    """Values of custom fields by key; special categories are never shown here."""

    child = serializers.JSONField(allow_null=True)

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        shown = self.context["view"].shown_keys
        return {key: item for key, item in value.items() if key in shown}


def _teams(actor: Any) -> QuerySet[Team]:
    return Team.objects.all() if actor.team_ids is None else Team.objects.filter(pk__in=actor.team_ids)


def _users(actor: Any) -> QuerySet[User]:
    return User.objects.filter(is_active=True)


# The number is checked by the action, in the transaction that takes it.
NUMBER = {"number": {"validators": [], "max_length": 64}}


class CompanySerializer(StrictModelSerializer):
    """A firm that customers work for."""

    attributes = AttributesField(required=False, help_text="Custom fields by key; null takes a value away.")
    owner = ScopedField(_users, "username", required=False, allow_null=True, help_text="User name.")
    team = ScopedField(_teams, "slug", required=False, allow_null=True, help_text="Slug of the team.")
    tags = TagsField(help_text="Slugs of its tags, changed by a POST to tags/.")

    class Meta:
        model = Company
        fields = [
            "id", "number", "name", "business_id", "industry", "employees", "city", "country", "website",
            "attributes", "owner", "team", "tags", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["created_at", "updated_at"]
        extra_kwargs = NUMBER


class CustomerSerializer(StrictModelSerializer):
    """A person. Analysts get rows without names and addresses."""

    attributes = AttributesField(required=False, help_text="Custom fields by key; null takes a value away.")
    company = ScopedField(queries.companies, "number", required=False, allow_null=True, help_text="Company number.")
    owner = ScopedField(_users, "username", required=False, allow_null=True, help_text="User name.")
    team = ScopedField(_teams, "slug", required=False, allow_null=True, help_text="Slug of the team.")
    tags = TagsField(help_text="Slugs of its tags, changed by a POST to tags/.")

    class Meta:
        model = Customer
        fields = [
            "id", "number", "first_name", "last_name", "email", "phone", "language", "time_zone", "birth_date",
            "gender", "street", "postal_code", "city", "country", "stage", "attributes", "company", "owner", "team",
            "tags", "source", "is_test", "created_at", "updated_at", "restricted_at", "objected_at",
        ]  # fmt: skip
        read_only_fields = ["created_at", "updated_at", "restricted_at", "objected_at"]
        extra_kwargs = NUMBER


class _TagFilters(filters.FilterSet):
    def _tagged(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(tagged__tag__slug=value, tagged__tag__archived_at__isnull=True)


class CompanyFilters(_TagFilters):
    search = filters.CharFilter(method="_meant", label="Name, number or business id; typing errors are forgiven.")
    tag = filters.CharFilter(method="_tagged", label="Slug of a tag.")
    name = filters.CharFilter(lookup_expr="startswith", label="Beginning of the name.")
    updated_since = MomentFilter("updated_at", "gte")

    class Meta:
        model = Company
        fields = ["number", "industry", "country"]

    def _meant(self, rows: QuerySet[Company], name: str, value: str) -> QuerySet[Company]:
        return search.companies_meant(rows, value).rows if value.strip() else rows


class CustomerFilters(_TagFilters):
    search = filters.CharFilter(method="_meant", label="Name, number, address or company; typing errors are forgiven.")
    tag = filters.CharFilter(method="_tagged", label="Slug of a tag.")
    email = filters.CharFilter(method="_with_email", label="The whole address.")
    last_name = filters.CharFilter(lookup_expr="startswith", label="Beginning of the family name.")
    company = filters.CharFilter("company__number", label="Company number.")
    owner = filters.CharFilter("owner__username", label="User name.")
    team = filters.CharFilter("team__slug", label="Slug of the team.")
    updated_since = MomentFilter("updated_at", "gte")

    class Meta:
        model = Customer
        fields = ["number", "phone", "stage", "country", "city"]

    def _meant(self, rows: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return search.meant(rows, value, by_name=True).rows if value.strip() else rows

    def _with_email(self, rows: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return rows.filter(email__in={value, value.strip().lower()})


class _People(Tagging, ListedAsPage, Listed, Retrieved, Endpoint):
    """What customers and companies share: two actions of the domain, one scoped list."""

    rights = RIGHTS
    entity: str
    create_one: Callable[..., Any]
    change_one: Callable[..., Any]

    @cached_property
    def shown_keys(self) -> set[str]:
        plain = replace(self.actor, may_see_special=False)
        return set(queries.fields(plain, self.entity).values_list("key", flat=True))

    @idempotent
    def create(self, request: Request) -> Response:
        """Create one; 409 when the number is taken."""
        given = self.read(request)
        row = type(self).create_one(values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields named; the others stay."""
        row = self.get_object()
        given = self.read(request, row)
        row = type(self).change_one(row, values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)


class Customers(Merging, _People):
    """Customers of the caller's teams."""

    rights = {**RIGHTS, "merge": "customers.merge", "unmerge": "customers.merge"}
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilters
    filter_backends = [MaskedFilters, DeclaredFilters, ListConditions]
    kind = CUSTOMERS
    orderings = ["-id", "id", "last_name", "-last_name", "updated_at", "-updated_at"]
    entity = "customer"
    create_one = staticmethod(actions.create_customer)
    change_one = staticmethod(actions.change_customer)

    def rows(self) -> QuerySet[Customer]:
        return with_tags(queries.customers(self.actor).select_related("company", "owner", "team"))


class Companies(_People):
    """Companies of the caller's teams."""

    serializer_class = CompanySerializer
    filterset_class = CompanyFilters
    filter_backends = [DeclaredFilters, ListConditions]
    kind = COMPANIES
    orderings = ["-id", "id", "name", "-name", "updated_at", "-updated_at"]
    entity = "company"
    create_one = staticmethod(actions.create_company)
    change_one = staticmethod(actions.change_company)

    def rows(self) -> QuerySet[Company]:
        return with_tags(queries.companies(self.actor).select_related("owner", "team"))
