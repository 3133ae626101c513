"""The lists there are: customers and companies."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import ngettext

from crm import queries, search
from crm.forms.lists import CompaniesForm, CustomersForm
from crm.lists import companies, customers
from crm.lists.shown import Kind
from crm.models import Company, CompanyTag, Customer, CustomerTag
from crm.rights import Actor, may


def _found_customers(actor: Actor, rows: QuerySet[Customer], text: str) -> search.Found:
    return search.meant(rows, text, by_name=may(actor, "customers.identify"))


def _found_companies(actor: Actor, rows: QuerySet[Company], text: str) -> search.Found:
    return search.companies_meant(rows, text)


def _named(row: Any, actor: Actor) -> str:
    return str(row)


def _counted_customers(n: int, said: str) -> str:
    return ngettext("%(n)s customer", "%(n)s customers", n) % {"n": said}


def _counted_companies(n: int, said: str) -> str:
    return ngettext("%(n)s company", "%(n)s companies", n) % {"n": said}


CUSTOMERS = Kind(
    customers.NAME, queries.customers, CustomersForm, _found_customers, customers.columns, customers.USUAL,
    customers.USUAL_ORDER, customers.display, "last_name", CustomerTag,
    _counted_customers,
)  # fmt: skip
COMPANIES = Kind(
    companies.NAME, queries.companies, CompaniesForm, _found_companies, companies.columns, companies.USUAL,
    companies.USUAL_ORDER, _named, "name", CompanyTag,
    _counted_companies,
)  # fmt: skip
