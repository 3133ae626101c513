"""A campaign to real rows, by a real mail server and the real addresses, gives back the effect that was planted."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import numpy as np
import pandas as pd
import pytest
from django.utils import timezone

from campaigns import queries
from campaigns.experiments.answers import CannotTell
from campaigns.models import Message, Response
from campaigns.results import words
from crm.models import ConsentState, Customer
from tests.campaigns.conftest import AT, launched, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.data, pytest.mark.slow]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
PLANTED = {("parents", "A"): 0.15, ("parents", "B"): 0.35, ("others", "A"): 0.2, ("others", "B"): 0.2}


@pytest.fixture
def people(db, data_dir):
    """The customers of the file, by whether children live with them."""
    frame = pd.read_csv(data_dir / "marketing_campaign.csv", sep=None, engine="python").drop_duplicates("ID")
    rows = Customer.objects.bulk_create(
        Customer(number=f"M{one}", email=f"ok-{one}@mail.example", first_name="Reader", created_at=AT, updated_at=AT)
        for one in frame["ID"]
    )
    ConsentState.objects.bulk_create(
        ConsentState(customer=row, purpose="marketing", channel="email", is_granted=True, since_at=AT, updated_at=AT)
        for row in rows
    )
    has_children = (frame["Kidhome"] + frame["Teenhome"]) > 0
    kinds = np.where(has_children, "parents", "others")
    return {kind: [row for row, own in zip(rows, kinds, strict=True) if own == kind] for kind in ("parents", "others")}


def follow(client, sink, kinds, rng):
    """Everyone who feels like it opens the letter's first link in a browser; scanners follow every link at once."""
    arms = dict(Message.objects.values_list("customer__email", "variant__key"))
    for address, body in sink.bodies.items():
        html = message_from_bytes(body, policy=policy.default).get_body(("html",)).get_content()
        links = re.findall(r'href="http://localhost:8000(/c/[^"]+)"', html)
        if rng.random() < 0.05:
            for link in links:
                client.get(link, headers={"User-Agent": "curl/8.0"})
        if rng.random() < PLANTED[kinds[address], arms[address]]:
            assert client.get(links[0], headers={"User-Agent": BROWSER}).status_code == 302


def test_the_planted_effect_comes_back_where_it_was_planted_and_nowhere_else(
    client, people, new_segment, new_campaign, sink
):
    everyone = [one for group in people.values() for one in group]
    campaign = new_campaign([], goal="click", holdout_share="0.1")
    campaign.include.set([new_segment(kind, group) for kind, group in people.items()])
    run = sent(launched(campaign), rounds=500)
    Message.objects.update(final_at=timezone.now() - timedelta(minutes=5))
    kinds = {one.email: kind for kind, group in people.items() for one in group}
    follow(client, sink, kinds, np.random.default_rng(20))

    assert queries.progress(run).is_accounted_for and run.expected == len(everyone)
    assert Response.objects.filter(by_class="machine").exists()
    found = queries.results(campaign)
    groups = {one.name: one for one in found.report.segments}
    for kind, effect in (("parents", 0.2), ("others", 0.0)):
        told = next(pair for pair in groups[kind].pairs if (pair.variant, pair.against) == ("B", "A"))
        assert not isinstance(told.always, CannotTell)
        assert effect in told.always.interval
    share = len(people["parents"]) / len(everyone)
    overall = next(pair for pair in found.report.overall.pairs if (pair.variant, pair.against) == ("B", "A"))
    assert 0.2 * share in overall.always.interval
    assert groups["parents"].decision.variant == "B" and groups["others"].decision.kind == "no_decision"
    assert words.conclusion(found) == "Version B gets more clicks from parents; for the rest nobody can tell yet."
