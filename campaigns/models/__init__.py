"""Tables of campaigns, one module per subject."""

from campaigns.models.campaign import (
    FINAL_STATES,
    Attempt,
    Campaign,
    CampaignStatus,
    Goal,
    Link,
    Message,
    MessageState,
    OnAmbiguous,
    Response,
    ResponseClass,
    ResponseKind,
    Run,
    RunStatus,
    Variant,
    VariantText,
)
from campaigns.models.checks import LinkCheck, SenderDomain
from campaigns.models.letter_text import LetterText
from campaigns.models.notebook import Lesson
from campaigns.models.rules import ContactCap, ContactWish, ProviderEvent, SendingRate, SendingRules, WebhookTarget
from campaigns.models.topic import Topic, TopicChoice
from campaigns.models.waves import Wave

__all__ = [
    "FINAL_STATES",
    "Attempt",
    "Campaign",
    "CampaignStatus",
    "ContactCap",
    "ContactWish",
    "Goal",
    "Lesson",
    "LetterText",
    "Link",
    "LinkCheck",
    "Message",
    "MessageState",
    "OnAmbiguous",
    "ProviderEvent",
    "Response",
    "ResponseClass",
    "ResponseKind",
    "Run",
    "RunStatus",
    "SenderDomain",
    "SendingRate",
    "SendingRules",
    "Topic",
    "TopicChoice",
    "Variant",
    "VariantText",
    "Wave",
    "WebhookTarget",
]
