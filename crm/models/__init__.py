"""Tables of the lowest floor, one module per subject."""

from crm.models.access import ApiKey, IdempotencyRecord, Role, Team, User
from crm.models.audit import AuditLine
from crm.models.bulk_change import BulkChange, BulkChangeRow
from crm.models.consent import Channel, ConsentAct, ConsentEntry, ConsentState, Purpose, Suppression
from crm.models.customer import Company, Customer, Dimension, FieldDefinition, FieldType, Sensitivity, Stage
from crm.models.deal import Deal, DealMove, DealNote, DealStatus, LostReason, Pipeline, PipelineStage
from crm.models.event import Event
from crm.models.hook import Hook, HookCall, HookCallState
from crm.models.imports import Import, ImportKind, ImportProblem, ImportStatus
from crm.models.merge import LikePair, Merge
from crm.models.note import SUBJECTS, Mention, Note, NoteFile
from crm.models.notification import NewsWay, NewsWish, Notification
from crm.models.order import Order, OrderKind, OrderLine, Product
from crm.models.privacy import CameBy, PrivacyRequest, RequestKind, RequestState
from crm.models.sign_in import SignInCounter
from crm.models.tag import CompanyTag, CustomerTag, Tag, TagColour
from crm.models.task import Outcome, Priority, Task, TaskKind, TaskSource, TaskStatus
from crm.models.timetable import Tick, WorkerBeat
from crm.models.touch import Touch
from crm.models.two_factor import RecoveryCode, TwoFactor, Visit, Way
from crm.models.view import ListChoice, ListName, SavedView, Sharing
from crm.models.word import Word, WordKind, WordMark, WordPart

__all__ = [
    "SUBJECTS",
    "ApiKey",
    "AuditLine",
    "BulkChange",
    "BulkChangeRow",
    "CameBy",
    "Channel",
    "Company",
    "CompanyTag",
    "ConsentAct",
    "ConsentEntry",
    "ConsentState",
    "Customer",
    "CustomerTag",
    "Deal",
    "DealMove",
    "DealNote",
    "DealStatus",
    "Dimension",
    "Event",
    "FieldDefinition",
    "FieldType",
    "Hook",
    "HookCall",
    "HookCallState",
    "IdempotencyRecord",
    "Import",
    "ImportKind",
    "ImportProblem",
    "ImportStatus",
    "LikePair",
    "ListChoice",
    "ListName",
    "LostReason",
    "Mention",
    "Merge",
    "NewsWay",
    "NewsWish",
    "Note",
    "NoteFile",
    "Notification",
    "Order",
    "OrderKind",
    "OrderLine",
    "Outcome",
    "Pipeline",
    "PipelineStage",
    "Priority",
    "PrivacyRequest",
    "Product",
    "Purpose",
    "RecoveryCode",
    "RequestKind",
    "RequestState",
    "Role",
    "SavedView",
    "Sensitivity",
    "Sharing",
    "SignInCounter",
    "Stage",
    "Suppression",
    "Tag",
    "TagColour",
    "Task",
    "TaskKind",
    "TaskSource",
    "TaskStatus",
    "Team",
    "Tick",
    "Touch",
    "TwoFactor",
    "User",
    "Visit",
    "Way",
    "Word",
    "WordKind",
    "WordMark",
    "WordPart",
    "WorkerBeat",
]
