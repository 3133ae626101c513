"""What marketing may not look at stays out of it on every detour: by purpose, by other segments, by the campaign."""

from datetime import UTC, datetime

import pytest

from campaigns import actions as campaign_actions
from campaigns import queries as campaign_queries
from crm import actions as crm_actions
from crm.rights import machine
from segments import actions
from segments.models import Segment
from segments.rules.errors import RuleError

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = machine("test")
SALARY = {"version": 1, "where": {"feature": "salary", "op": "is_present"}}


@pytest.fixture
def rich(db: None) -> Segment:
    """A segment for analysis, over a field that is not allowed for marketing."""
    values = {"key": "salary", "label": "Salary", "type": "money", "dimension": "economic"}
    crm_actions.define_field(values={**values, "sensitivity": "not_for_marketing"}, by=BY, at=AT)
    return actions.create_segment(name="Rich", rule=SALARY, purpose="analysis", by=BY, at=AT)


def test_a_segment_for_analysis_does_not_become_one_for_marketing_by_its_purpose(rich: Segment) -> None:
    with pytest.raises(RuleError, match="not allowed for marketing"):
        actions.change_segment(segment=rich, purpose="marketing", by=BY, at=AT)
    rich.refresh_from_db()
    assert rich.purpose == "analysis"


def test_a_marketing_segment_names_marketing_segments_only(rich: Segment) -> None:
    by_name = {"version": 1, "where": {"not": {"segment": rich.slug}}}
    with pytest.raises(RuleError, match="not a segment for marketing"):
        actions.create_segment(name="Not rich", rule=by_name, by=BY, at=AT)
    assert actions.create_segment(name="Not rich", rule=by_name, purpose="analysis", by=BY, at=AT).pk


def test_a_segment_that_marketing_names_stays_one_for_marketing(rich: Segment) -> None:
    oulu = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}
    inner = actions.create_segment(name="Oulu", rule=oulu, by=BY, at=AT)
    actions.create_segment(name="Of Oulu", rule={"version": 1, "where": {"segment": inner.slug}}, by=BY, at=AT)
    with pytest.raises(actions.SegmentInUse, match="of-oulu"):
        actions.change_segment(segment=inner, purpose="analysis", by=BY, at=AT)


def test_a_marketing_campaign_is_not_launched_to_a_segment_for_analysis(rich: Segment) -> None:
    variants = [{"key": "A", "subject": "Hi", "text": "Hello"}]
    one = campaign_actions.create_campaign(name="Yacht", include=[rich], variants=variants, by=BY, at=AT)
    assert campaign_queries.unfit_segments(one) == [rich]
    with pytest.raises(campaign_actions.NotReady, match="Not drawn for marketing: Rich"):
        campaign_actions.launch(one, by=BY, at=AT)
