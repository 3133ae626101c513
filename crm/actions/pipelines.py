"""The pipeline a firm begins with, made on first use; administrators change its rows as they like."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from crm.models import LostReason, Pipeline, PipelineStage

# name, Finnish name, slug, probability, days after which a deal there is slow
STAGES = (
    ("New", "Uusi", "new", "0.1", 7),
    ("In touch", "Yhteys saatu", "in-touch", "0.25", 14),
    ("Offer made", "Tarjous tehty", "offer", "0.5", 14),
    ("Negotiating", "Neuvottelussa", "negotiating", "0.75", 21),
)
REASONS = (
    ("Price", "Hinta", "price"),
    ("Chose a competitor", "Valitsi kilpailijan", "competitor"),
    ("No need", "Ei tarvetta", "no-need"),
    ("Bad timing", "Väärä ajankohta", "timing"),
    ("No answer", "Ei vastausta", "no-answer"),
    ("Something else", "Muu syy", "other"),
)


def default_pipeline(*, at: datetime) -> Pipeline:
    """The pipeline that opens first; a house without any gets the usual stages and reasons for losing."""
    first = Pipeline.objects.filter(archived_at__isnull=True).first()
    return first or _made(at)


@transaction.atomic
def _made(at: datetime) -> Pipeline:
    names = {"name": "Sales", "name_fi": "Myynti"}
    pipeline, _new = Pipeline.objects.get_or_create(slug="sales", defaults=names)
    if pipeline.archived_at:  # the usual one was put away: the house wants none, until somebody adds another
        return pipeline
    for position, (name, name_fi, slug, share, days) in enumerate(STAGES, 1):
        columns = {"name": name, "name_fi": name_fi, "position": position, "slow_after_days": days}
        defaults = {**columns, "probability_share": Decimal(share)}
        PipelineStage.objects.get_or_create(pipeline=pipeline, slug=slug, defaults=defaults)
    for position, (name, name_fi, slug) in enumerate(REASONS, 1):
        words = {"name": name, "name_fi": name_fi, "position": position}
        LostReason.objects.get_or_create(slug=slug, defaults=words)
    return pipeline
