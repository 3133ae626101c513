"""The list of campaigns as a file: what search and state leave, with each one's segments and audience."""

import csv
import io

import pytest

from campaigns.models import Campaign

pytestmark = pytest.mark.django_db


def test_the_file_of_campaigns_holds_what_the_filters_leave(
    client, aino, new_customer, new_campaign, django_assert_max_num_queries
):
    client.force_login(aino)
    people = [new_customer(1)]
    for name in ("Autumn", "=Winter", "Spring"):
        new_campaign(people, name=name)
    Campaign.objects.filter(name="Spring").update(status="finished")

    def read(query=""):
        with django_assert_max_num_queries(16):
            text = b"".join(client.get(f"/campaigns/file.csv{query}").streaming_content).decode("utf-8-sig")
        return [(row["Name"], row["State"], row["Sent to"]) for row in csv.DictReader(io.StringIO(text))]

    assert [row[0] for row in read()] == ["Spring", "'=Winter", "Autumn"]
    assert read("?q=autumn") == [("Autumn", "Draft", "list-autumn")]
    assert [row[0] for row in read("?status=finished")] == ["Spring"]
    page = client.get("/campaigns/?q=autumn").content.decode()
    assert 'href="/campaigns/file.csv?q=autumn"' in page and 'href="/campaigns/file.xlsx?q=autumn"' in page
