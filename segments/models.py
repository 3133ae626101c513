"""Tables of segments: definitions with versions, the membership ledger, and the runs that keep it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from segments.indexes import OfCustomer


class SegmentKind(models.TextChoices):
    RULE = "rule", _("Rule")
    STATIC = "static", _("Named list")
    CLUSTER = "cluster", _("Cluster")


class SegmentPurpose(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    SERVICE = "service", _("Service")
    ANALYSIS = "analysis", _("Analysis")


class Segment(models.Model):
    slug = models.SlugField(
        _("slug"), max_length=80, unique=True, help_text=_("Short name in rules, files and addresses.")
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("Name shown to people."))
    description = models.TextField(_("description"), blank=True, help_text=_("What it is for, in the owner's words."))
    kind = models.CharField(
        _("kind"),
        max_length=8,
        choices=SegmentKind,
        default=SegmentKind.RULE,
        help_text=_("Rule, named list or cluster."),
    )
    purpose = models.CharField(
        _("purpose"),
        max_length=10,
        choices=SegmentPurpose,
        default=SegmentPurpose.MARKETING,
        help_text=_("What its members may be used for."),
    )
    rule = models.JSONField(
        _("rule"), null=True, blank=True, help_text=_("The rule as data; see docs/rules.md. Empty for named lists.")
    )
    rule_version = models.PositiveIntegerField(
        _("rule version"), default=1, help_text=_("Grows with every change of the rule.")
    )
    cluster = models.ForeignKey(
        "segments.Cluster",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("For clusters: the accepted cluster."),
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
    period_minutes = models.PositiveIntegerField(
        _("period"), null=True, blank=True, help_text=_("Minutes between refreshes; empty means the firm's default.")
    )
    stale_after_minutes = models.PositiveIntegerField(
        _("stale after"), default=1440, help_text=_("Minutes; older membership is not used for sending.")
    )
    review_on = models.DateField(
        _("review on"), null=True, blank=True, help_text=_("Date by which a person should look at it again.")
    )
    reviewed_at = models.DateTimeField(
        _("reviewed at"), null=True, blank=True, help_text=_("UTC; when a person last looked at it and let it stand.")
    )
    measured = models.JSONField(
        default=dict, blank=True, help_text=_("What its health needs and takes long to know; see segments/health.py.")
    )
    measured_at = models.DateTimeField(null=True, blank=True, help_text=_("UTC; when that was measured."))
    size = models.PositiveBigIntegerField(_("size"), default=0, help_text=_("Members after the last refresh."))
    ledger_version = models.PositiveBigIntegerField(
        default=0, help_text=_("Grows with every change of its memberships; copies of the member list name it.")
    )
    due_at = models.DateTimeField(_("due at"), null=True, blank=True, db_index=True, help_text=_("UTC; next refresh."))
    refreshed_at = models.DateTimeField(
        _("refreshed at"),
        null=True,
        blank=True,
        help_text=_("UTC; last refresh that succeeded: membership is true as of then."),
    )
    failures = models.PositiveIntegerField(
        _("failures in a row"),
        default=0,
        help_text=_("Failed refreshes since the last good one; the wait doubles with each."),
    )
    error = models.TextField(_("error"), blank=True, help_text=_("Why the last refresh failed, in one sentence."))
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who made it.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC."))
    archived_at = models.DateTimeField(
        _("archived at"), null=True, blank=True, help_text=_("UTC; archived segments are not refreshed.")
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="static", rule__isnull=True) | ~Q(kind="static"), name="static_segment_has_no_rule"
            ),
            models.CheckConstraint(condition=~Q(kind="rule") | Q(rule__isnull=False), name="rule_segment_has_rule"),
            models.CheckConstraint(
                condition=~Q(kind="cluster") | Q(cluster__isnull=False), name="cluster_segment_has_cluster"
            ),
        ]
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name


class Star(models.Model):
    """A segment that a user looks at first."""

    segment = models.ForeignKey(
        Segment, models.CASCADE, related_name="stars", verbose_name=_("segment"), help_text=_("Which segment.")
    )
    user = models.ForeignKey(
        "crm.User", models.CASCADE, related_name="+", verbose_name=_("user"), help_text=_("Whose.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "segment"], name="star_once")]
        verbose_name = _("star")
        verbose_name_plural = _("stars")

    def __str__(self) -> str:
        return f"{self.user_id}/{self.segment_id}"


class RuleVersion(models.Model):
    """Every rule a segment ever had. Never updated or deleted."""

    segment = models.ForeignKey(
        Segment, models.PROTECT, related_name="versions", verbose_name=_("segment"), help_text=_("Whose rule.")
    )
    version = models.PositiveIntegerField(_("version"), help_text=_("1, 2, 3 …"))
    rule = models.JSONField(_("rule"), help_text=_("The rule as data."))
    sentence = models.TextField(_("sentence"), help_text=_("The rule in English at that time."))
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who wrote it."),
    )

    class Meta:
        ordering = ["segment", "-version"]
        constraints = [models.UniqueConstraint(fields=["segment", "version"], name="rule_version_once")]
        verbose_name = _("rule version")
        verbose_name_plural = _("rule versions")

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.version}"


class Persona(models.Model):
    """The picture of a typical member: what people wrote, and what the data said when they wrote it."""

    segment = models.OneToOneField(
        Segment, models.PROTECT, related_name="persona", verbose_name=_("segment"), help_text=_("Whose members.")
    )
    name = models.CharField(_("name"), max_length=80, blank=True, help_text=_("A name to speak of them by."))
    goals = models.TextField(_("goals"), blank=True, help_text=_("What they want to reach."))
    challenges = models.TextField(_("challenges"), blank=True, help_text=_("What stands in their way."))
    criteria = models.TextField(_("criteria"), blank=True, help_text=_("By what they choose."))
    motives = models.TextField(_("motives"), blank=True, help_text=_("Why they buy at all."))
    tone = models.TextField(_("tone"), blank=True, help_text=_("How to speak to them."))
    channels = models.TextField(_("channels"), blank=True, help_text=_("Where they like to be met."))
    computed = models.JSONField(
        default=list, blank=True, help_text=_("What set the members apart when it was written, the telling first.")
    )
    written_at = models.DateTimeField(_("written at"), help_text=_("UTC; when the words were last changed."))
    written_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who changed them last.")
    )

    class Meta:
        verbose_name = _("persona")
        verbose_name_plural = _("personas")

    def __str__(self) -> str:
        return self.name or str(self.segment)


class MembershipReason(models.TextChoices):
    MATCHED = "matched", _("Matched the rule")
    NO_LONGER = "no_longer", _("No longer matched the rule")
    RULE_CHANGED = "rule_changed", _("The rule was changed")
    ADDED = "added", _("Added by hand")
    REMOVED = "removed", _("Removed by hand")
    IMPORTED = "imported", _("Came with a file")
    ERASED = "erased", _("The customer was erased")
    MERGED = "merged", _("The customer was merged")
    ARCHIVED = "archived", _("The segment was archived")


class Membership(models.Model):
    """The ledger: this customer was in this segment from entered_at until left_at. Closed once, never changed after."""

    # No index on the keys alone: others begin with them, and each index costs at every entry.
    segment = models.ForeignKey(
        Segment,
        models.PROTECT,
        related_name="memberships",
        db_index=False,
        verbose_name=_("segment"),
        help_text=_("Which segment."),
    )
    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        related_name="memberships",
        db_index=False,
        verbose_name=_("customer"),
        help_text=_("Who."),
    )
    entered_at = models.DateTimeField(_("entered at"), help_text=_("UTC."))
    entered_reason = models.CharField(
        _("entered because"), max_length=14, choices=MembershipReason, help_text=_("Why they entered.")
    )
    entered_version = models.PositiveIntegerField(
        _("by rule version"),
        null=True,
        blank=True,
        help_text=_("Rule version that let them in; empty for named lists."),
    )
    left_at = models.DateTimeField(_("left at"), null=True, blank=True, help_text=_("UTC; empty while a member."))
    left_reason = models.CharField(
        _("left because"), max_length=14, choices=MembershipReason, blank=True, help_text=_("Why they left.")
    )
    left_version = models.PositiveIntegerField(null=True, blank=True, help_text=_("Rule version that put them out."))

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "customer"], condition=Q(left_at__isnull=True), name="member_once"
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True) | Q(left_at__gte=F("entered_at")), name="membership_interval"
            ),
        ]
        indexes = [
            models.Index(fields=["segment", "entered_at", "id"], name="membership_entered"),
            models.Index(  # an open interval has no place in it: entering writes one index less, leaving moves none
                fields=["segment", "left_at", "id"], condition=Q(left_at__isnull=False), name="membership_left"
            ),
            OfCustomer(fields=["customer", "segment"], name="membership_customer"),
        ]
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return f"{self.segment_id}/{self.customer_id}"


class SegmentRun(models.Model):
    """One refresh of one segment: how long, how many, or why not."""

    segment = models.ForeignKey(
        Segment, models.PROTECT, related_name="runs", verbose_name=_("segment"), help_text=_("Which segment.")
    )
    snapshot_id = models.BigIntegerField(
        _("snapshot"), null=True, help_text=_("Warehouse snapshot it was evaluated on.")
    )
    rule_version = models.PositiveIntegerField(_("rule version"), null=True, help_text=_("Version evaluated."))
    started_at = models.DateTimeField(_("started at"), help_text=_("UTC."))
    finished_at = models.DateTimeField(_("finished at"), help_text=_("UTC."))
    late_seconds = models.PositiveIntegerField(_("lateness"), default=0, help_text=_("Seconds after it was due."))
    size = models.PositiveBigIntegerField(_("size"), null=True, help_text=_("Members after the run."))
    entered = models.PositiveBigIntegerField(_("entered"), default=0, help_text=_("Members who came in."))
    left = models.PositiveBigIntegerField(_("left"), default=0, help_text=_("Members who went out."))
    error = models.TextField(_("error"), blank=True, help_text=_("Why it failed."))

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["segment", "started_at"], name="segment_run_started")]
        verbose_name = _("segment run")
        verbose_name_plural = _("segment runs")

    def __str__(self) -> str:
        return f"{self.segment_id} {self.started_at:%Y-%m-%d %H:%M}"


class Clustering(models.Model):
    """One search for groups: what was asked, with which seed, and how good each number of groups was."""

    features = models.JSONField(_("features"), help_text=_("Keys of the features used."))
    base_segment = models.ForeignKey(
        Segment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Customers looked at; empty means all."),
    )
    seed = models.PositiveIntegerField(
        _("seed"), default=1, help_text=_("Seed of the random numbers: the same seed gives the same groups.")
    )
    proposed_k = models.PositiveSmallIntegerField(
        _("proposed number"), null=True, help_text=_("Number of groups the data speak for.")
    )
    k = models.PositiveSmallIntegerField(_("number"), null=True, help_text=_("Number of groups made."))
    quality = models.JSONField(
        _("quality"), default=dict, help_text=_("Per number of groups: silhouette and stability, 0–1.")
    )
    model = models.JSONField(default=dict, help_text=_("Scaling and centres: enough to assign any customer again."))
    status = models.CharField(
        _("status"), max_length=10, default="queued", help_text=_("queued, running, finished or failed.")
    )
    error = models.TextField(_("error"), blank=True, help_text=_("Why it failed."))
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who asked.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, help_text=_("UTC."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("clustering")
        verbose_name_plural = _("clusterings")

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"


class Cluster(models.Model):
    clustering = models.ForeignKey(
        Clustering,
        models.PROTECT,
        related_name="clusters",
        verbose_name=_("clustering"),
        help_text=_("Search that found it."),
    )
    position = models.PositiveSmallIntegerField(_("number"), help_text=_("0, 1, 2 … in the order of size."))
    name = models.CharField(_("name"), max_length=120, help_text=_("Name proposed from what sets it apart."))
    size = models.PositiveBigIntegerField(_("size"), help_text=_("Customers in it when found."))
    distinction = models.JSONField(
        _("what sets it apart"), default=list, help_text=_("Features most unlike everyone's, the telling ones first.")
    )

    rule = models.JSONField(
        _("distilled rule"), null=True, blank=True, help_text=_("A rule that tells it from the rest; empty for none.")
    )
    precision = models.FloatField(
        _("precision"), null=True, blank=True, help_text=_("Share of those the rule lets in who are in the group, 0–1.")
    )
    recall = models.FloatField(
        _("recall"), null=True, blank=True, help_text=_("Share of the group whom the rule lets in, 0–1.")
    )
    before = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The group of the last like search that it carries on."),
    )
    likeness = models.FloatField(
        _("likeness"), null=True, blank=True, help_text=_("Jaccard index with that group's people today, 0–1.")
    )

    class Meta:
        ordering = ["clustering", "position"]
        constraints = [models.UniqueConstraint(fields=["clustering", "position"], name="cluster_once")]
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")

    def __str__(self) -> str:
        return self.name


class SegmentImport(models.Model):
    """A file of definitions that was taken, with what stood here before: enough to take it back."""

    file_name = models.CharField(_("file"), max_length=200, blank=True, help_text=_("Name of the file."))
    definitions = models.JSONField(_("definitions"), help_text=_("What it made and changed, as it then stood."))
    before = models.JSONField(_("before"), default=list, help_text=_("The definitions that it changed."))
    made = models.JSONField(_("made"), default=list, help_text=_("Short names of segments it made or brought back."))
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who took it."),
    )
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True, help_text=_("UTC; when it was undone."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("import of segments")
        verbose_name_plural = _("imports of segments")

    def __str__(self) -> str:
        return f"{self.file_name} {self.at:%Y-%m-%d %H:%M}"


class Followed(models.Model):
    """The last time a customer was evaluated alone: the refresh leaves those seen after its snapshot as they are."""

    customer_id = models.BigIntegerField(_("customer"), unique=True, help_text=_("Who; no reference."))
    snapshot_id = models.BigIntegerField(
        _("snapshot"), db_index=True, help_text=_("The newest warehouse snapshot when the rows were read.")
    )
    at = models.DateTimeField(_("at"), help_text=_("UTC."))

    class Meta:
        verbose_name = _("followed customer")
        verbose_name_plural = _("followed customers")

    def __str__(self) -> str:
        return f"{self.customer_id} {self.snapshot_id}"


class FollowLease(models.Model):
    """Who follows customers now does so until then; a killed worker's lease runs out."""

    name = models.CharField(_("name"), max_length=20, unique=True, help_text=_("What is followed."))
    until = models.DateTimeField(_("until"), help_text=_("UTC."))

    class Meta:
        verbose_name = _("lease of following")
        verbose_name_plural = _("leases of following")

    def __str__(self) -> str:
        return self.name


class NotNow(models.TextChoices):
    """Why somebody is not contacted now."""

    LATER = "later", _("Later")
    IN_TOUCH = "in_touch", _("We are in touch already")
    NO_NEED = "no_need", _("Needs nothing now")
    NOT_MINE = "not_mine", _("Not for me")
    WRONG = "wrong", _("The reason does not hold")


class WorklistMark(models.Model):
    """Somebody on a worklist was put off, until when and why; the list leaves them out until then."""

    user = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        db_index=False,
        related_name="+",
        verbose_name=_("user"),
        help_text=_("Whose worklist."),
    )
    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, related_name="+", verbose_name=_("customer"), help_text=_("Who was put off.")
    )
    reason = models.CharField(_("reason"), max_length=8, choices=NotNow, help_text=_("Why not now."))
    until_at = models.DateTimeField(_("until"), help_text=_("UTC; from then on they may be proposed again."))
    at = models.DateTimeField(_("at"), help_text=_("UTC; when it was said."))

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "until_at"], name="worklist_mark_until")]
        verbose_name = _("mark on a worklist")
        verbose_name_plural = _("marks on worklists")

    def __str__(self) -> str:
        return f"{self.user_id}/{self.customer_id} {self.reason}"
