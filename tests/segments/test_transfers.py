"""Segments as files: what goes out comes back the same, differences are told before they are made, and undone after."""

import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from crm import rights
from crm.models import AuditLine, Customer
from crm.refusals import ManyRefused, NotPossibleNow, Refused
from profiles import actions as profile_actions
from segments import actions, definitions, queries, transfers
from segments.models import Membership, Segment, SegmentImport

pytestmark = pytest.mark.django_db
MACHINE = rights.machine("test")


def city(name):
    return {"version": 1, "where": {"feature": "city", "op": "is", "value": name}}


def document(*segments):
    return {"format": "kohde-segments", "version": 1, "segments": list(segments)}


def row(slug, rule=None, **more):
    return {"slug": slug, "name": slug.title(), **({"rule": rule} if rule else {}), **more}


def make(name, rule, **more):
    return actions.create_segment(name=name, rule=rule, by=MACHINE, at=timezone.now(), **more)


def planned(*segments):
    return transfers.plan(definitions.read(document(*segments)), by=MACHINE, at=timezone.now())


def take(*segments):
    found = definitions.read(document(*segments))
    return transfers.import_segments(found, file_name="f.json", by=MACHINE, at=timezone.now())


def exported():
    return definitions.document(transfers.exported(queries.segments(MACHINE)))


@pytest.fixture
def towns(transactional_db, cast):
    """Two customers of Oulu and one of Turku, in a built warehouse."""
    now = timezone.now()
    for number, town in (("K1", "Oulu"), ("K2", "Oulu"), ("K3", "Turku")):
        Customer.objects.create(number=number, first_name=number, city=town, created_at=now, updated_at=now)
    profile_actions.refresh(at=now)


# --- the file ------------------------------------------------------------------------------------


def test_file_is_ordered_by_short_name_and_reads_back_as_the_same_definitions():
    make("Beta", city("Turku"), period_minutes=30)
    make("Alfa", city("Oulu"), description="Of the north", purpose="service")
    actions.create_segment(name="List", kind="static", by=MACHINE, at=timezone.now())
    text = definitions.text(transfers.exported(queries.segments(MACHINE)))
    assert [one["slug"] for one in json.loads(text)["segments"]] == ["alfa", "beta", "list"]
    assert definitions.text(definitions.read_text(text)) == text
    assert "owner" not in text and "size" not in text


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ([], "$"),
        ({**document(), "format": "x"}, "format"),
        ({**document(row("a", city("x"))), "version": 2}, "version"),
        (document(), "segments"),
        ({**document(row("a", city("x"))), "more": 1}, "more"),
        (document(row("a", city("x")), "b"), "segments[1]"),
        (document(row("a", city("x"), size=3)), "segments[0].size"),
        (document({"slug": "a"}), "segments[0].name"),
        (document(row("a")), "segments[0].rule"),
        (document(row("a", city("x"), kind="static")), "segments[0].rule"),
        (document(row("a", city("x"), purpose="fun")), "segments[0].purpose"),
        (document(row("a b", city("x"))), "segments[0].slug"),
        (document(row("new", city("x"))), "segments[0].slug"),
        (document(row("a", city("x")), row("a", city("y"))), "segments[1].slug"),
        (document(row("a", city("x"), name="")), "segments[0].name"),
        (document(row("a", city("x"), period_minutes=True)), "segments[0].period_minutes"),
    ],
)
def test_bad_files_name_the_place(given, path):
    with pytest.raises(Refused) as refused:
        definitions.read(given, reserved={"new"})
    assert refused.value.path == path


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", b"\xff\xfe\x00"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(Refused) as refused:
        definitions.read_text(text)
    assert refused.value.path == "$"


def test_faults_of_rules_name_their_place_in_the_file_all_of_them():
    bad = {"version": 1, "where": {"all": [{"feature": "city", "op": "is", "value": "x"}, {"feature": "ciy"}]}}
    with pytest.raises(ManyRefused) as refused:
        planned(row("good", city("Oulu")), row("bad", bad), row("other", {"version": 9, "where": {}}))
    places = {one.path for one in refused.value.faults}
    assert places == {"segments[1].rule.where.all[1].op", "segments[2].rule.version"}
    assert not Segment.objects.exists()


# --- what would change ---------------------------------------------------------------------------


def test_plan_counts_who_enters_and_leaves_and_changes_nothing(towns):
    one = make("Town", city("Oulu"))
    actions.refresh_segments(at=timezone.now())
    lines = AuditLine.objects.count()
    plan = planned(row("town", city("Turku")), row("fresh", city("Oulu")))
    town, fresh = plan.steps
    assert (town.verb, town.size, town.entering, town.leaving) == ("changed", 1, 1, 2)
    assert town.changes.removed == ("city is “Oulu”",) and town.changes.added == ("city is “Turku”",)
    assert (fresh.verb, fresh.size, fresh.entering) == ("new", 2, 2)
    one.refresh_from_db()
    assert one.rule == city("Oulu") and not Segment.objects.filter(slug="fresh").exists()
    assert AuditLine.objects.count() == lines and Membership.objects.filter(left_at=None).count() == 2


def test_rules_see_the_members_that_other_segments_of_the_file_would_have(towns):
    make("Town", city("Oulu"))
    actions.refresh_segments(at=timezone.now())
    follows = {"version": 1, "where": {"segment": "town"}}
    plan = planned(row("follower", follows), row("town", city("Turku")))
    assert [(one.slug, one.size) for one in plan.steps] == [("follower", 1), ("town", 1)]


def test_settings_that_change_are_told_beside_an_unchanged_rule():
    make("Town", city("Oulu"))
    (step,) = planned(row("town", city("Oulu"), name="City", stale_after_minutes=60)).steps
    assert step.verb == "changed" and step.changes is None and step.size is None
    assert [(one.name, one.before, one.after) for one in step.settings] == [
        ("name", "Town", "City"),
        ("stale_after_minutes", 1440, 60),
    ]


def test_taking_out_and_in_again_changes_nothing():
    make("Town", city("Oulu"))
    plan = transfers.plan(definitions.read(exported()), by=MACHINE, at=timezone.now())
    assert plan.is_empty


def test_circles_within_the_file_are_refused():
    names = [{"version": 1, "where": {"segment": slug}} for slug in ("b", "a")]
    with pytest.raises(Refused) as refused:
        planned(row("a", names[0]), row("b", names[1]))
    assert "circle" in str(refused.value)


# --- taking it, and taking it back ---------------------------------------------------------------


def test_taking_makes_versions_and_undo_gives_the_previous_ones_back():
    one = make("Town", city("Oulu"), description="North")
    before = exported()
    taken = take(row("town", city("Turku")), row("fresh", {"version": 1, "where": {"segment": "town"}}))
    one.refresh_from_db()
    assert one.rule == city("Turku") and one.rule_version == 2 and one.description == ""
    transfers.undo_import(row=taken, by=MACHINE, at=timezone.now())
    one.refresh_from_db()
    assert one.rule_version == 3 and exported() == before
    with pytest.raises(NotPossibleNow):
        transfers.undo_import(row=taken, by=MACHINE, at=timezone.now())


def test_undo_refuses_when_somebody_changed_a_segment_since():
    make("Town", city("Oulu"))
    taken = take(row("town", city("Turku")))
    actions.change_segment(segment=Segment.objects.get(), name="Mine", by=MACHINE, at=timezone.now())
    with pytest.raises(NotPossibleNow, match="changed since"):
        transfers.undo_import(row=taken, by=MACHINE, at=timezone.now())


def test_archived_segments_come_back_and_undo_archives_them_again():
    one = make("Town", city("Oulu"))
    actions.archive_segment(segment=one, by=MACHINE, at=timezone.now())
    assert planned(row("town", city("Oulu"))).steps[0].verb == "restored"
    taken = take(row("town", city("Oulu")))
    assert queries.segments(MACHINE).get().slug == "town"
    transfers.undo_import(row=taken, by=MACHINE, at=timezone.now())
    assert not queries.segments(MACHINE).exists()


def test_what_changed_between_looking_and_taking_is_looked_at_again():
    one = make("Town", city("Oulu"))
    found = definitions.read(document(row("town", city("Turku"))))
    plan = transfers.plan(found, by=MACHINE, at=timezone.now())
    actions.change_segment(segment=one, name="Mine", by=MACHINE, at=timezone.now())
    with pytest.raises(NotPossibleNow, match="Look at the differences again"):
        transfers.import_segments(found, file_name="", mark=plan.mark, by=MACHINE, at=timezone.now())
    assert not SegmentImport.objects.exists()


def test_clusters_do_not_come_from_files():
    with pytest.raises(ManyRefused) as refused:
        planned(row("group", kind="cluster"))
    assert refused.value.path == "segments[0].kind"


# --- the ways in ---------------------------------------------------------------------------------


def test_page_shows_differences_takes_them_and_undoes(client, maija, towns):
    make("Town", city("Oulu"))
    actions.refresh_segments(at=timezone.now())
    client.force_login(maija)
    address = reverse("segment-files")
    text = json.dumps(document(row("town", city("Turku"))))
    page = client.post(address, {"file": SimpleUploadedFile("s.json", text.encode())})
    seen = page.content.decode()
    assert "1 segment changes." in seen and "1 enters, 2 leave" in seen and "city is “Turku”" in seen
    plan = page.context["plan"]
    taken = client.post(address, {"text": text, "name": "s.json", "mark": plan.mark, "apply": "1"})
    assert taken.status_code == 302 and Segment.objects.get().rule == city("Turku")
    client.post(reverse("segment-files-undo", args=[SegmentImport.objects.get().pk]))
    assert Segment.objects.get().rule == city("Oulu")


def test_page_names_the_place_of_each_fault(client, maija):
    client.force_login(maija)
    file = SimpleUploadedFile("s.json", json.dumps(document(row("a", city("x"), size=3))).encode())
    page = client.post(reverse("segment-files"), {"file": file})
    assert page.status_code == 400 and "segments[0].size" in page.content.decode()


def test_only_those_who_change_segments_take_files(client, aino, anna):
    for user in (aino, anna):
        client.force_login(user)
        page = client.get(reverse("segment-files"))
        assert page.status_code == 200 and "Compare" not in page.content.decode()


def test_commands_write_compare_and_take(tmp_path, towns):
    one = make("Town", city("Oulu"))
    actions.refresh_segments(at=timezone.now())
    file = tmp_path / "segments.json"
    call_command("export_segments", output=file, stdout=StringIO())
    assert json.loads(file.read_text()) == exported()
    file.write_text(file.read_text().replace("Oulu", "Turku"))
    said = StringIO()
    call_command("import_segments", file, dry_run=True, stdout=said)
    assert "town (changed): 1 enters, 2 leave" in said.getvalue()
    assert "  - city is “Oulu”\n  + city is “Turku”" in said.getvalue()
    one.refresh_from_db()
    assert one.rule == city("Oulu")
    call_command("import_segments", file, stdout=StringIO())
    one.refresh_from_db()
    assert one.rule == city("Turku")
    file.write_text(file.read_text().replace('"op"', '"opp"'))
    with pytest.raises(CommandError, match=r"segments\[0\]\.rule\.where\.opp: unknown field; choose one of"):
        call_command("import_segments", file, stdout=StringIO())


def test_api_gives_takes_and_undoes(client, maija):
    client.force_login(maija)
    make("Town", city("Oulu"))
    before = client.get("/api/v1/segments/definitions/").json()
    assert before == exported()
    asked = {"definitions": document(row("town", city("Turku"))), "dry_run": True}
    send = {"path": "/api/v1/segments/definitions/", "content_type": "application/json"}
    dry = client.post(**send, data=asked).json()
    assert dry["steps"][0]["removed"] == ["city is “Oulu”"] and dry["import_id"] is None
    assert Segment.objects.get().rule == city("Oulu")
    done = client.post(**send, data={**asked, "dry_run": False}).json()
    assert Segment.objects.get().rule == city("Turku")
    assert client.post(f"/api/v1/segments/definitions/{done['import_id']}/undo/").status_code == 204
    assert client.get("/api/v1/segments/definitions/").json() == before
    bad = client.post(**send, data={"definitions": document(row("x", {"version": 1, "where": 3}))})
    assert bad.status_code == 400 and "definitions.segments[0].rule.where" in bad.content.decode()


def test_return_to_an_earlier_version_makes_a_new_one(client, maija):
    one = make("Town", city("Oulu"))
    actions.change_segment(segment=one, rule=city("Turku"), by=MACHINE, at=timezone.now())
    client.force_login(maija)
    client.post(reverse("segment-version", args=["town", 1]))
    one.refresh_from_db()
    assert one.rule == city("Oulu") and one.rule_version == 3
    back = client.post(f"/api/v1/segments/{one.pk}/versions/", {"version": 2}, content_type="application/json")
    assert back.status_code == 200 and back.json()["rule_version"] == 4
    versions = client.get(f"/api/v1/segments/{one.pk}/versions/").json()
    assert [row["version"] for row in (versions if isinstance(versions, list) else versions["results"])] == [4, 3, 2, 1]
