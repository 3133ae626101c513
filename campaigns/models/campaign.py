"""Tables of a campaign: what is said, to whom it was sealed, what became of each message, what came back."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

MONEY: dict[str, Any] = {"max_digits": 16, "decimal_places": 4}


class CampaignStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")


class Goal(models.TextChoices):
    CONVERSION = "conversion", _("Conversion")
    REVENUE = "revenue", _("Revenue per member")
    CLICK = "click", _("Click")
    EVENT = "event", _("Event")


class OnAmbiguous(models.TextChoices):
    HOLD = "hold", _("Hold: never twice")
    RESEND = "resend", _("Send again: never missing")


class OnlyCampaigns(models.Manager["Campaign"]):
    """Campaigns without the letters that one person wrote to one customer: those belong on that customer's page."""

    def get_queryset(self) -> models.QuerySet["Campaign"]:
        return super().get_queryset().filter(is_letter=False)


class Campaign(models.Model):
    slug = models.SlugField(
        _("slug"), max_length=80, unique=True, help_text=_("Short name in files, commands and addresses.")
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("Name shown to people."))
    description = models.TextField(_("description"), blank=True, help_text=_("What it should bring about."))
    status = models.CharField(
        _("status"), max_length=10, choices=CampaignStatus, default=CampaignStatus.DRAFT, help_text=_("How far it is.")
    )
    channel = models.CharField(_("channel"), max_length=10, default="email", help_text=_("Channel of its messages."))
    webhook = models.ForeignKey(
        "campaigns.WebhookTarget",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("webhook target"),
        help_text=_("For the channel webhook: who is called."),
    )
    purpose = models.CharField(
        _("purpose"), max_length=12, default="marketing", help_text=_("Consent purpose it needs: marketing or service.")
    )
    topic = models.ForeignKey(
        "campaigns.Topic",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="campaigns",
        verbose_name=_("topic"),
        help_text=_("What it is about: who does not want that gets no marketing about it. Empty: about everything."),
    )
    goal = models.CharField(
        _("goal"),
        max_length=12,
        choices=Goal,
        default=Goal.CONVERSION,
        help_text=_("What decides between the versions; fixed at launch."),
    )
    goal_event = models.CharField(
        _("event"), max_length=60, blank=True, default="order", help_text=_("Event type that counts as a conversion.")
    )
    window_days = models.PositiveSmallIntegerField(
        _("window"), default=14, help_text=_("Days after the send in which a conversion counts.")
    )
    guardrails = models.JSONField(
        _("guardrails"), default=list, blank=True, help_text=_("Limits that veto a winner, e.g. unsubscribes ≤ 0.01.")
    )
    worthwhile_lift = models.DecimalField(
        _("worth acting on"),
        max_digits=5,
        decimal_places=4,
        default=0,
        help_text=_("Smallest effect one would act on, as a share of the usual: 0.1 is 10%; fixed at launch."),
    )
    holdout_share = models.DecimalField(
        _("hold-out"),
        max_digits=5,
        decimal_places=4,
        default=0,
        help_text=_("Share of the audience deliberately not contacted, 0–1."),
    )
    waves = models.PositiveSmallIntegerField(
        _("waves"),
        default=1,
        help_text=_("1: everybody at once. More: later waves get more of the versions that do well so far."),
    )
    wave_hours = models.PositiveSmallIntegerField(
        _("hours between waves"), default=24, help_text=_("Time for people to answer before the next wave is dealt.")
    )
    include = models.ManyToManyField(
        "segments.Segment", related_name="+", verbose_name=_("to"), help_text=_("Members of any of these segments.")
    )
    exclude = models.ManyToManyField(
        "segments.Segment",
        related_name="+",
        blank=True,
        verbose_name=_("except"),
        help_text=_("But members of none of these."),
    )
    seed = models.CharField(
        _("seed"),
        max_length=32,
        help_text=_("Salt of the allocation: the same seed gives the same person the same version."),
    )
    budget_amount = models.DecimalField(_("budget"), **MONEY, null=True, blank=True, help_text=_("In `currency`."))
    cost_per_message_amount = models.DecimalField(
        _("cost per message"), **MONEY, default=0, help_text=_("In `currency`.")
    )
    currency = models.CharField(
        _("currency"), max_length=3, default="EUR", help_text=_("ISO 4217 code of its amounts and revenue.")
    )
    from_name = models.CharField(
        _("from name"), max_length=120, blank=True, help_text=_("Name of the sender; empty means the firm's.")
    )
    from_email = models.EmailField(
        _("from address"), blank=True, help_text=_("Address of the sender; empty means the firm's.")
    )
    reply_to = models.EmailField(_("reply to"), blank=True, help_text=_("Where answers go; empty means the sender."))
    send_at = models.DateTimeField(_("send at"), null=True, blank=True, help_text=_("UTC; empty means when launched."))
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=5,
        help_text=_("1–9: when a person may get only one of two messages, the higher one is sent."),
    )
    send_from = models.TimeField(
        _("not before"), null=True, blank=True, help_text=_("Time of day where the recipient lives; empty means any.")
    )
    send_until = models.TimeField(
        _("not after"), null=True, blank=True, help_text=_("Time of day where the recipient lives; empty means any.")
    )
    send_weekdays = models.CharField(
        _("weekdays"), max_length=7, blank=True, help_text=_("Digits 1 (Monday) to 7; empty means every day.")
    )
    on_ambiguous = models.CharField(
        _("when in doubt"),
        max_length=8,
        choices=OnAmbiguous,
        default=OnAmbiguous.HOLD,
        help_text=_("What to do with a message that may or may not have left."),
    )
    owner = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("Who answers for it."),
    )
    asked_by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Who asked a second person to approve it; a change takes that back."),
    )
    asked_at = models.DateTimeField(null=True, blank=True, help_text=_("UTC."))
    approved_by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
        help_text=_("Second person; a change withdraws it."),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True, help_text=_("UTC."))
    approved_hash = models.CharField(
        max_length=64, blank=True, help_text=_("Hash of the text and audience that were approved.")
    )
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who made it.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC."))
    is_letter = models.BooleanField(
        default=False, help_text=_("A letter of one person to one customer, sent like a campaign and listed with none.")
    )

    everything = models.Manager()
    objects = OnlyCampaigns()

    class Meta:
        ordering = ["-id"]
        default_manager_name = "objects"
        constraints = [
            models.CheckConstraint(condition=Q(holdout_share__gte=0, holdout_share__lt=1), name="holdout_share_range"),
            models.CheckConstraint(condition=Q(priority__gte=1, priority__lte=9), name="campaign_priority_range"),
            models.CheckConstraint(
                condition=Q(channel="webhook", webhook__isnull=False) | (~Q(channel="webhook") & Q(webhook=None)),
                name="campaign_webhook_has_target",
            ),
            models.CheckConstraint(condition=Q(worthwhile_lift__gte=0), name="worthwhile_lift_not_negative"),
            models.CheckConstraint(
                condition=Q(waves__gte=1, waves__lte=10, wave_hours__gte=1, wave_hours__lte=336),
                name="campaign_waves_range",
            ),
        ]
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="variants", verbose_name=_("campaign"), help_text=_("Its campaign.")
    )
    key = models.CharField(_("key"), max_length=8, help_text=_("A, B, C …"))
    name = models.CharField(_("name"), max_length=120, blank=True, help_text=_("What is different about it."))
    weight = models.PositiveSmallIntegerField(
        _("weight"), default=1, help_text=_("Share of the contacted audience relative to the other versions.")
    )
    subject = models.CharField(_("subject"), max_length=250, blank=True, help_text=_("Liquid allowed."))
    preheader = models.CharField(
        _("preheader"), max_length=250, blank=True, help_text=_("Line shown after the subject; Liquid allowed.")
    )
    html = models.TextField(_("HTML"), blank=True, help_text=_("Body; Liquid allowed."))
    text = models.TextField(_("text"), blank=True, help_text=_("Plain part; empty means made from the HTML."))
    blocks = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("Look and blocks the HTML was made of; empty when it was written by hand."),
    )
    is_mass = models.BooleanField(
        _("one text for all"),
        default=False,
        help_text=_("Everybody in it gets this very text, whatever their segment: shows what segmenting earns."),
    )

    class Meta:
        ordering = ["campaign", "key"]
        constraints = [models.UniqueConstraint(fields=["campaign", "key"], name="variant_key_once")]
        verbose_name = _("version")
        verbose_name_plural = _("versions")

    def __str__(self) -> str:
        return self.key


class VariantText(models.Model):
    """A cell of the message matrix: what a variant says to one segment in one language, where it differs."""

    variant = models.ForeignKey(Variant, models.CASCADE, related_name="texts", help_text=_("Its version."))
    segment = models.ForeignKey(
        "segments.Segment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("segment"),
        help_text=_("For whom; empty means everyone."),
    )
    language = models.CharField(
        _("language"), max_length=10, blank=True, help_text=_("ISO 639-1 code; empty means any.")
    )
    subject = models.CharField(_("subject"), max_length=250, blank=True, help_text=_("Empty means the version's."))
    preheader = models.CharField(_("preheader"), max_length=250, blank=True, help_text=_("Empty means the version's."))
    html = models.TextField(_("HTML"), blank=True, help_text=_("Empty means the version's."))
    text = models.TextField(_("text"), blank=True, help_text=_("Empty means made from the HTML."))
    blocks = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("Look and blocks the HTML was made of; empty when it was written by hand."),
    )

    class Meta:
        ordering = ["variant", "segment", "language"]
        constraints = [
            models.UniqueConstraint(fields=["variant", "segment", "language"], name="variant_text_once"),
            models.UniqueConstraint(
                fields=["variant", "language"], condition=Q(segment=None), name="variant_text_for_everyone_once"
            ),
        ]
        verbose_name = _("message text")
        verbose_name_plural = _("message texts")

    def __str__(self) -> str:
        return f"{self.variant_id} {self.language}"


class RunStatus(models.TextChoices):
    SEALING = "sealing", _("Sealing the audience")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    INCOMPLETE = "incomplete", _("Incomplete")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class Run(models.Model):
    """One occurrence of a campaign: a sealed audience and the account of its messages."""

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="runs", verbose_name=_("campaign"), help_text=_("Its campaign.")
    )
    rolls_out = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="roll_outs",
        verbose_name=_("rolls out"),
        help_text=_("The run whose decisions it carries out; empty for a run of its own."),
    )
    occurrence_key = models.CharField(
        _("occurrence"),
        max_length=80,
        help_text=_("`once`, the UTC slot, or the triggering event: a campaign runs once per occurrence."),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=RunStatus, default=RunStatus.SEALING, help_text=_("How far it is.")
    )
    pause_reason = models.CharField(
        _("paused because"), max_length=200, blank=True, help_text=_("Said when the system paused it itself.")
    )
    resume_at = models.DateTimeField(
        _("tries again at"),
        null=True,
        blank=True,
        help_text=_("UTC; set when the system paused it and will try again."),
    )
    setbacks = models.PositiveSmallIntegerField(
        _("setbacks"), default=0, help_text=_("Server troubles in a row; the wait doubles with each.")
    )
    judged_from = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("UTC; when a person let it go on in spite of complaints or bounces: those before count no more."),
    )
    poke_at = models.DateTimeField(
        null=True, blank=True, help_text=_("UTC; when a worker that had to wait for its rate comes back.")
    )
    cursor = models.BigIntegerField(default=0, help_text=_("Customer id up to which the audience is sealed."))
    expected = models.PositiveBigIntegerField(
        _("audience"),
        null=True,
        help_text=_("Members sealed, hold-out and skipped included; the states must add up to it."),
    )
    seed = models.CharField(max_length=32, help_text=_("The campaign's seed when sealed."))
    content_hash = models.CharField(max_length=64, help_text=_("SHA-256 of all texts when sealed."))
    plan = models.JSONField(
        _("plan"),
        default=dict,
        help_text=_("Goal, window, guardrails, weights and decision rule as fixed before launch."),
    )
    reach = models.JSONField(_("reach"), default=dict, help_text=_("The reach funnel as counted when sealed."))
    on_ambiguous = models.CharField(max_length=8, choices=OnAmbiguous, help_text=_("Copied from the campaign."))
    started_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who launched it.")
    )
    started_at = models.DateTimeField(_("started at"), help_text=_("UTC."))
    sealed_at = models.DateTimeField(
        _("sealed as of"),
        null=True,
        blank=True,
        help_text=_("UTC; whoever was a member then is the audience, and segments in reports are as of then."),
    )
    members_at = models.DateTimeField(
        _("members as of"),
        null=True,
        blank=True,
        help_text=_("UTC; set when a second person approved the audience of then; empty means as of the sealing."),
    )
    first_message = models.BigIntegerField(
        null=True, blank=True, help_text=_("Lowest id of its messages, once sealed: where a report looks.")
    )
    last_message = models.BigIntegerField(null=True, blank=True, help_text=_("Highest id of its messages."))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, help_text=_("UTC."))
    attributed_at = models.DateTimeField(
        _("conversions read at"),
        null=True,
        blank=True,
        help_text=_("UTC; orders and events up to then are attributed."),
    )

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["campaign", "occurrence_key"], name="run_once")]
        verbose_name = _("run")
        verbose_name_plural = _("runs")

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.occurrence_key}"


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    LEASED = "leased", _("Being prepared")
    HANDING = "handing", _("Being handed over")
    SENT = "sent", _("Sent")
    DEFERRED = "deferred", _("Will be tried again")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Not sent: not allowed")
    HELD_OUT = "held_out", _("Held out")
    UNKNOWN = "unknown", _("Not known")
    EXPIRED = "expired", _("Expired")
    CANCELLED = "cancelled", _("Cancelled")


FINAL_STATES = ("sent", "failed", "skipped", "held_out", "expired", "cancelled")


class Message(models.Model):
    """One member of a sealed audience and what became of their message. States and guards: docs/sending.md."""

    run = models.ForeignKey(
        Run,
        models.PROTECT,
        related_name="messages",
        db_index=False,  # others below begin with it: each index costs at every change of a message
        verbose_name=_("run"),
        help_text=_("Its run."),
    )
    channel = models.CharField(_("channel"), max_length=10, help_text=_("email, sms …"))
    customer = models.ForeignKey(
        "crm.Customer",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
        verbose_name=_("customer"),
        help_text=_("Emptied by erasure once final."),
    )
    person_key = models.CharField(
        max_length=32, help_text=_("Random or hashed id that outlives the person's data; unique in the run.")
    )
    address_key = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("HMAC of the normalised address; one message per mailbox and run; emptied by erasure."),
    )
    variant = models.ForeignKey(
        Variant,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name=_("version"),
        help_text=_("Allocated version; empty for the hold-out."),
    )
    wave = models.PositiveSmallIntegerField(
        _("wave"), default=1, db_default=1, help_text=_("Which wave it belongs to; 1 where all leave at once.")
    )
    groups = models.TextField(
        default="",
        db_default="",
        help_text=_(
            "Ids of the campaign’s segments the person was in at the sealing, commas between; read by reports."
        ),
    )
    past_amount = models.DecimalField(
        **MONEY,
        null=True,
        blank=True,
        help_text=_(
            "Where revenue decides: what the person spent in the year before the sealing, in the campaign’s currency; "
            "empty means nothing; emptied by erasure."
        ),
    )
    state = models.CharField(
        _("state"), max_length=10, choices=MessageState, default=MessageState.QUEUED, help_text=_("Where it is.")
    )
    reason = models.CharField(
        _("reason"), max_length=60, blank=True, help_text=_("Why it was skipped, failed or put off: a code.")
    )
    code = models.CharField(_("code"), max_length=120, blank=True, help_text=_("Reply of the server."))
    lease_token = models.CharField(max_length=32, blank=True, help_text=_("Random; every change is guarded by it."))
    lease_until = models.DateTimeField(null=True, blank=True, help_text=_("UTC; after it a reaper takes the row back."))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, help_text=_("Hand-overs begun."))
    next_at = models.DateTimeField(_("next try"), null=True, blank=True, help_text=_("UTC; for deferred messages."))
    handed_at = models.DateTimeField(
        _("handed over at"), null=True, blank=True, help_text=_("UTC; when the payload began.")
    )
    final_at = models.DateTimeField(
        _("final at"), null=True, blank=True, help_text=_("UTC; when it reached a final state.")
    )
    did = models.IntegerField(
        default=0,
        db_default=0,
        help_text=_("What came back but conversions, as bits; kept with each answer, read by reports."),
    )
    token = models.CharField(
        max_length=32,
        help_text=_("128 random bits: the key that signs the addresses of its links, one purpose each; never shown."),
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "channel", "person_key"], name="message_person_once"),
            models.UniqueConstraint(
                fields=["run", "channel", "address_key"],
                condition=~Q(address_key=""),
                name="message_address_once",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "id"], name="message_claim", condition=Q(state="queued")),
            models.Index(fields=["next_at"], name="message_deferred", condition=Q(state="deferred")),
            models.Index(fields=["lease_until"], name="message_lease", condition=Q(state__in=["leased", "handing"])),
            models.Index(fields=["run", "state", "variant"], name="message_state"),
            models.Index(fields=["customer", "id"], name="message_customer", condition=Q(customer__isnull=False)),
        ]
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    def __str__(self) -> str:
        return f"{self.run_id}/{self.pk} {self.state}"

    @property
    def state_words(self) -> str:
        """Where it is, for people: what was never begun waits, and is not tried again."""
        is_begun = self.attempts or self.state != MessageState.DEFERRED
        return str((MessageState(self.state) if is_begun else MessageState.QUEUED).label)


class Attempt(models.Model):
    """One try to hand a message over."""

    message = models.ForeignKey(
        Message, models.CASCADE, db_index=False, related_name="tries", help_text=_("Its message.")
    )
    n = models.PositiveSmallIntegerField(_("number"), help_text=_("1, 2, 3 …"))
    phase = models.CharField(_("phase"), max_length=12, help_text=_("connect, mail, rcpt, data, dot or render."))
    code = models.CharField(_("code"), max_length=12, blank=True, help_text=_("Reply code; empty when there was none."))
    text = models.CharField(_("text"), max_length=300, blank=True, help_text=_("Reply text, addresses removed."))
    started_at = models.DateTimeField(_("started at"), help_text=_("UTC."))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, help_text=_("UTC."))
    worker = models.CharField(_("worker"), max_length=120, help_text=_("host:pid."))

    class Meta:
        ordering = ["message", "n"]
        constraints = [models.UniqueConstraint(fields=["message", "n"], name="attempt_once")]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.message_id} #{self.n}"


class Link(models.Model):
    """An address that a variant's text points to; clicks are redirected to the stored address only."""

    variant = models.ForeignKey(
        Variant, models.PROTECT, related_name="links", verbose_name=_("version"), help_text=_("Its version.")
    )
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("Order in the text."))
    url = models.URLField(_("address"), max_length=2000, help_text=_("http or https only."))

    class Meta:
        ordering = ["variant", "position"]
        constraints = [models.UniqueConstraint(fields=["variant", "position", "url"], name="link_once")]
        verbose_name = _("link")
        verbose_name_plural = _("links")

    def __str__(self) -> str:
        return self.url


class ResponseKind(models.TextChoices):
    OPEN = "open", pgettext_lazy("response", "Open")
    CLICK = "click", _("Click")
    CONVERSION = "conversion", _("Conversion")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribe")
    COMPLAINT = "complaint", _("Complaint")
    BOUNCE = "bounce", _("Bounce")
    REACHED = "reached", _("Reached by phone")
    AGREED = "agreed", _("Agreed on the phone")
    DECLINED = "declined", _("Not interested")


class ResponseClass(models.TextChoices):
    HUMAN = "human", _("Human")
    MACHINE = "machine", _("Machine")
    UNKNOWN = "unknown", _("Not known")


class Response(models.Model):
    """What came back for a message. Raw rows are kept; decisions use the human ones."""

    message = models.ForeignKey(
        Message,
        models.PROTECT,
        db_index=False,
        related_name="responses",
        verbose_name=_("message"),
        help_text=_("Its message; hold-out rows have conversions too."),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=ResponseKind, help_text=_("What happened."))
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by_class = models.CharField(
        _("by"),
        max_length=8,
        choices=ResponseClass,
        default=ResponseClass.UNKNOWN,
        help_text=_("Human, machine or not known."),
    )
    class_reason = models.CharField(max_length=40, blank=True, help_text=_("Why it was classed so."))
    link = models.ForeignKey(
        Link, models.PROTECT, null=True, blank=True, related_name="+", help_text=_("For clicks: which link.")
    )
    order = models.ForeignKey(
        "crm.Order",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("For conversions: the order; when an import is undone its conversions go with it."),
    )
    amount = models.DecimalField(
        _("amount"), **MONEY, null=True, blank=True, help_text=_("Revenue of a conversion in the campaign's currency.")
    )
    source_id = models.CharField(max_length=120, help_text=_("Makes a repeat harmless: unique per message and kind."))
    user_agent = models.CharField(max_length=200, blank=True, help_text=_("Kept 30 days."))

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["message", "kind", "source_id"], name="response_once")]
        indexes = [
            models.Index(fields=["kind", "message", "amount"], name="response_kind_amount")
        ]  # all a report reads
        verbose_name = _("response")
        verbose_name_plural = _("responses")

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"
