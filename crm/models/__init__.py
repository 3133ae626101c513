"""Tables of the lowest floor, one module per subject."""

from crm.models.access import ApiKey, IdempotencyRecord, Team, User
from crm.models.audit import AuditLine
from crm.models.consent import ConsentEntry, ConsentState, Suppression
from crm.models.customer import Company, Customer, FieldDefinition
from crm.models.event import Event
from crm.models.imports import Import, ImportProblem
from crm.models.order import Order, OrderLine, Product
from crm.models.timetable import Tick, WorkerBeat

__all__ = [
    "ApiKey",
    "AuditLine",
    "Company",
    "ConsentEntry",
    "ConsentState",
    "Customer",
    "Event",
    "FieldDefinition",
    "IdempotencyRecord",
    "Import",
    "ImportProblem",
    "Order",
    "OrderLine",
    "Product",
    "Suppression",
    "Team",
    "Tick",
    "User",
    "WorkerBeat",
]
