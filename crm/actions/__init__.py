"""Changes others may request: keyword-only verbs, atomic, on behalf of an actor (`by`) at a given time (`at`)."""

from crm.actions.assignment import assign_customers
from crm.actions.audit import audit
from crm.actions.consent import ConsentRefused, lift_suppression, record_consent, suppress, suppress_key
from crm.actions.contacts import Contact, log_contact
from crm.actions.customers import CustomerFrozen, change_company, change_customer, create_company, create_customer
from crm.actions.events import NewEvent, record_events
from crm.actions.fields import KeyTaken, archive_field, change_field, define_field
from crm.actions.identity import is_living, living_ids
from crm.actions.imports import (
    carry_on_import,
    change_mapping,
    check_import,
    run_import,
    start_import,
    undo_import,
    upload_file,
)
from crm.actions.keys import issue_key, revoke_key
from crm.actions.orders import NewLine, NewOrder, OrderRefused, record_order, record_orders
from crm.actions.privacy import erase_customer, lift_restriction, note_special_use, record_objection, restrict_customer
from crm.actions.products import record_product
from crm.actions.rows import NumberTaken, ValueRefused
from crm.actions.tasks import (
    MOVES,
    OUTCOMES,
    ChangedSince,
    MoveNotAllowed,
    NewTask,
    cancel_task,
    change_task,
    create_task,
    finish_task,
    last_change,
    record_tasks,
    reopen_task,
    snooze_task,
    undo_task,
)
from crm.actions.touches import forget_touches, touch
from crm.actions.users import create_team, create_user
from crm.actions.verdicts import DUPLICATE, REFUSED, STORED, Verdict

__all__ = [
    "DUPLICATE",
    "MOVES",
    "OUTCOMES",
    "REFUSED",
    "STORED",
    "ChangedSince",
    "ConsentRefused",
    "Contact",
    "CustomerFrozen",
    "KeyTaken",
    "MoveNotAllowed",
    "NewEvent",
    "NewLine",
    "NewOrder",
    "NewTask",
    "NumberTaken",
    "OrderRefused",
    "ValueRefused",
    "Verdict",
    "archive_field",
    "assign_customers",
    "audit",
    "cancel_task",
    "carry_on_import",
    "change_company",
    "change_customer",
    "change_field",
    "change_mapping",
    "change_task",
    "check_import",
    "create_company",
    "create_customer",
    "create_task",
    "create_team",
    "create_user",
    "define_field",
    "erase_customer",
    "finish_task",
    "forget_touches",
    "is_living",
    "issue_key",
    "last_change",
    "lift_restriction",
    "lift_suppression",
    "living_ids",
    "log_contact",
    "note_special_use",
    "record_consent",
    "record_events",
    "record_objection",
    "record_order",
    "record_orders",
    "record_product",
    "record_tasks",
    "reopen_task",
    "restrict_customer",
    "revoke_key",
    "run_import",
    "snooze_task",
    "start_import",
    "suppress",
    "suppress_key",
    "touch",
    "undo_import",
    "undo_task",
    "upload_file",
]
