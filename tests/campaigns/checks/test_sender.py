"""The sender's domain is read as receivers read it: against zones written out here, and RFC 7208's own examples."""

import base64
from collections.abc import Mapping

import dns.resolver
import pytest

from campaigns.checks import lookups, sender, spf
from campaigns.checks.lookups import Lookup, NoAnswer, NoSuchName
from campaigns.checks.sender import Server
from campaigns.checks.words import SENTENCES, sentence

Zone = Mapping[tuple[str, str], tuple[str, ...]]
RELAY = Server("smtp.relay.fi")


DER_BYTES = {1024: 162, 2048: 294}  # of public keys, as `openssl rsa -pubout -outform DER` writes them


def key(bits: int) -> str:
    return base64.b64encode(bytes(DER_BYTES[bits])).decode()


KEY = key(2048)
GOOD_ZONE: Zone = {
    ("firm.fi", "SOA"): ("ns hostmaster 1 2 3 4 5",),
    ("firm.fi", "MX"): ("10 mx.firm.fi.",),
    ("firm.fi", "TXT"): ("google-site-verification=x", "v=spf1 ip4:192.0.2.0/28 ~all"),
    ("smtp.relay.fi", "A"): ("192.0.2.7",),
    ("default._domainkey.firm.fi", "TXT"): (f"v=DKIM1; k=rsa; p={KEY}",),
    ("_dmarc.firm.fi", "TXT"): ("v=DMARC1; p=quarantine; rua=mailto:d@firm.fi",),
}


def zone(**changes: tuple[str, ...]) -> Lookup:
    """The good zone with changes: TXT__firm_fi=(…) stands for the record of that kind and name; () takes it away."""
    named = {(name.replace("_dot_", "."), kind): value for (kind, name), value in _pairs(changes)}
    records = {**GOOD_ZONE, **named}
    names = {name for (name, _kind), value in records.items() if value}

    def lookup(name: str, kind: str) -> tuple[str, ...]:
        if name not in names:
            raise NoSuchName(name)
        return records.get((name, kind), ())

    return lookup


def _pairs(changes: Mapping[str, tuple[str, ...]]) -> list[tuple[tuple[str, str], tuple[str, ...]]]:
    return [((kind, name), value) for one, value in changes.items() for kind, _s, name in [one.partition("__")]]


def found(lookup: Lookup, server: Server = RELAY, selectors: tuple[str, ...] = ()) -> dict[str, sender.Finding]:
    return {one.key: one for one in sender.check("firm.fi", server, selectors, lookup)}


def test_a_domain_in_order_has_nothing_to_mend() -> None:
    findings = found(zone())
    assert {one.verdict for one in findings.values()} == {"good"}
    assert findings["alignment"].code == "by_both"


@pytest.mark.parametrize(
    ("records", "verdict", "code"),
    [
        (("x",), "bad", "spf_missing"),
        (("v=spf1 mx -all", "v=spf1 a ~all"), "bad", "spf_twice"),
        (("v=spf1 include:gone.fi ~all",), "bad", "spf_broken"),
        (("v=spf1 ip4:192.0.2.7 +all",), "bad", "spf_everybody"),
        (("v=spf1 " + " ".join(f"a:h{n}.fi" for n in range(11)) + " ~all",), "bad", "spf_too_long"),
        (("v=spf1 ip4:198.51.100.1 ~all",), "warn", "spf_without_us"),
        (("v=spf1 ip4:192.0.2.7 ?all",), "warn", "spf_open"),
        (("v=spf1 a:smtp.relay.fi -all",), "good", "spf_good"),
    ],
)
def test_spf_is_judged(records: tuple[str, ...], verdict: str, code: str) -> None:
    finding = found(zone(TXT__firm_dot_fi=records))["spf"]
    assert (finding.verdict, finding.code) == (verdict, code)


def test_the_record_to_publish_is_given_word_for_word() -> None:
    findings = found(zone(TXT__firm_dot_fi=("v=spf1 mx -all",), TXT___dmarc_dot_firm_dot_fi=()))
    assert findings["spf"].publish == (sender.Record("firm.fi", "TXT", "v=spf1 mx a:smtp.relay.fi -all"),)
    assert findings["dmarc"].publish == (
        sender.Record("_dmarc.firm.fi", "TXT", "v=DMARC1; p=none; rua=mailto:postmaster@firm.fi"),
    )


def test_a_provider_is_named_by_its_own_record() -> None:
    server = Server("sendgrid", is_provider=True)
    assert found(zone(), server)["spf"].publish[0].value == "v=spf1 ip4:192.0.2.0/28 include:sendgrid.net ~all"
    named = zone(TXT__firm_dot_fi=("v=spf1 include:sendgrid.net ~all",), TXT__sendgrid_dot_net=("v=spf1 ~all",))
    assert found(named, server)["spf"].code == "spf_good"


def test_addresses_are_found_in_included_records_as_in_rfc_7208_appendix_a() -> None:
    """The published zone of example.com, with its senders."""
    records = {
        ("example.com", "A"): ("192.0.2.10", "192.0.2.11"),
        ("amy.example.com", "A"): ("192.0.2.65",),
        ("mail-a.example.com", "A"): ("192.0.2.129",),
        ("mail-b.example.com", "A"): ("192.0.2.130",),
        ("example.com", "MX"): ("10 mail-a.example.com.", "20 mail-b.example.com."),
        ("example.org", "MX"): ("10 mail-c.example.org.",),
        ("mail-c.example.org", "A"): ("192.0.2.140",),
    }

    def lookup(name: str, kind: str) -> tuple[str, ...]:
        return records.get((name, kind), ())

    def passes(record: str, address: str) -> bool:
        return bool(spf.walk(lookup, "example.com", record, frozenset([sender.ipaddress.ip_address(address)])).passed)

    assert passes("v=spf1 a -all", "192.0.2.10")
    assert not passes("v=spf1 a:example.org -all", "192.0.2.10")
    assert passes("v=spf1 mx -all", "192.0.2.129")
    assert passes("v=spf1 mx:example.org -all", "192.0.2.140")
    assert passes("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131")
    assert not passes("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.132")
    assert passes("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.143")
    assert not passes("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.144")


@pytest.mark.parametrize(
    ("record", "verdict", "code"),
    [
        ("v=DKIM1; p=", "bad", "dkim_revoked"),
        ("v=DKIM1; p=not base64!", "bad", "dkim_damaged"),
        (f"v=DKIM1; t=y; p={KEY}", "warn", "dkim_testing"),
        (f"v=DKIM1; p={key(1024)}", "warn", "dkim_1024"),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "good", "dkim_good"),
    ],
)
def test_a_key_is_judged(record: str, verdict: str, code: str) -> None:
    finding = found(zone(TXT__mine_dot__domainkey_dot_firm_dot_fi=(record,)), selectors=("mine",))["dkim"]
    assert (finding.verdict, finding.code) == (verdict, code)


def test_a_key_nobody_named_cannot_be_missed_and_a_named_one_can() -> None:
    bare = zone(TXT__default_dot__domainkey_dot_firm_dot_fi=())
    assert found(bare)["dkim"].verdict == "unknown"
    assert found(bare, selectors=("pm",))["dkim"].code == "dkim_missing"


def test_a_subdomain_has_the_policy_of_its_parent() -> None:
    assert sender.of_dmarc("news.firm.fi", zone()).code == "dmarc_good"
    assert sender.of_dmarc("news.firm.fi", zone(TXT___dmarc_dot_firm_dot_fi=("v=DMARC1",))).code == "dmarc_damaged"


def test_bounces_to_a_foreign_domain_leave_only_the_signature_to_prove_the_sender() -> None:
    server = Server("smtp.relay.fi", bounce_domain="other.fi")
    foreign = zone(TXT__other_dot_fi=("v=spf1 ip4:192.0.2.7 ~all",), MX__other_dot_fi=("0 .",))
    findings = found(foreign, server)
    assert (findings["alignment"].code, findings["mx"].code) == ("by_dkim", "mx_null")


def test_leaving_by_one_click_needs_https() -> None:
    assert found(zone(), Server("smtp.relay.fi", is_secure=False))["leaving"].verdict == "bad"


def test_names_for_examples_and_names_that_do_not_exist_fail() -> None:
    assert [one.code for one in sender.check("kohde.example", RELAY, (), zone())] == ["reserved"]
    assert [one.code for one in sender.check("nobody.fi", RELAY, (), zone())] == ["no_such_domain"]


def test_every_finding_has_its_words_and_survives_the_database() -> None:
    for finding in found(zone()).values():
        assert sentence(finding)
        assert sender.from_json(finding.as_json()) == finding
    assert all("%(" not in str(words) % {"about": "x"} for words in SENTENCES.values())


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (dns.resolver.NXDOMAIN, NoSuchName),
        (dns.resolver.NoNameservers, NoAnswer),
        (dns.resolver.LifetimeTimeout, NoAnswer),
    ],
)
def test_no_such_name_is_told_apart_from_no_answer(
    monkeypatch: pytest.MonkeyPatch, raised: type[Exception], expected: type[Exception]
) -> None:
    def resolve(*_words: object, **_more: object) -> object:
        raise raised(timeout=5, errors=[]) if raised is dns.resolver.LifetimeTimeout else raised

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    with pytest.raises(expected):
        lookups.look_up("firm.fi", "TXT")
