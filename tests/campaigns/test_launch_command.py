"""launch_campaign seals, sends and prints the account."""

import json

import pytest
from django.core.management import CommandError, call_command

from chaos.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)


def test_launch_campaign_prints_the_account_as_json(new_customer, new_campaign, sink: Sink, capsys):
    new_campaign([new_customer(n) for n in range(5)])
    call_command("launch_campaign", "autumn", "--json")
    account = json.loads(capsys.readouterr().out)
    assert (account["status"], account["expected"], account["states"]) == ("completed", 5, {"sent": 5})
    assert account["is_accounted_for"] and sink.arrived.total() == 5
    with pytest.raises(CommandError, match="Finished"):
        call_command("launch_campaign", "autumn")
    with pytest.raises(CommandError, match="There are: autumn"):
        call_command("launch_campaign", "spring")
