"""The kinds of import and who loads them."""

from types import ModuleType

from crm.imports import customers, events, orders

LOADERS: dict[str, ModuleType] = {"customers": customers, "orders": orders, "events": events}
