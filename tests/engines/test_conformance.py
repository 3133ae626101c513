"""The whole rule language on engines elsewhere, held to the plain-Python reading: `make engines`.

ClickHouse runs inside this process (chDB); Spark on a master and two workers, each a process of its own.
"""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import re2

from profiles.warehouse.engines import chdb, choice, clickhouse, spark
from segments.rules import dialects
from segments.rules.compiler import compile_counts, compile_rule, sql
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule
from segments.rules.tree import walk
from segments.rules.writing import node_json
from tests.engines.cluster import cluster
from tests.engines.corpus import corpus
from tests.segments import worlds
from tests.segments.oracle import reads

KNOWN = Known(worlds.CATALOGUE)
ENGINES = {"chdb": chdb, "spark": spark}
TOGETHER = {"chdb": 10, "spark": 25}  # rules in one statement: starting one is what takes Spark's time
PLACES = worlds.PLACES[: int(os.environ.get("KOHDE_TEST_ENGINES_PLACES", 2))]


@pytest.fixture(scope="module", params=list(ENGINES))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def address(name, tmp_path_factory):
    if name == "chdb":
        yield "chdb://"
        return
    with cluster(tmp_path_factory.mktemp("spark")) as found:
        yield found
        spark.application(found).stop()


@pytest.fixture(scope="module")
def opened(name, address):
    """The engine, and what tells it a place's world."""
    with ENGINES[name].opened(address) as engine:
        yield engine


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: f"{place[0]}-{place[2]}")
def loaded(request, opened, tmp_path_factory):
    """(engine that knows a world, the world, its place)."""
    place, folder = request.param, tmp_path_factory.mktemp("world")
    world = worlds.world(*place)
    for table, columns in worlds.columns_of().items():
        rows = [{name: row[name] for name in columns} for row in world[table]]
        pq.write_table(pa.Table.from_pylist(rows, worlds.schema_of(columns)), folder / f"{table}.parquet")
        opened.know(table, [folder / f"{table}.parquet"])
    return opened, world, place


def dialect_of(name):
    return choice(f"{name}://").dialect


def statement(rule, place, dialect):
    """The SQL for the engine; None where it refuses the rule."""
    _, as_of, zone = place
    found = read_rule(rule, KNOWN)
    try:
        dialects.refuse(found, worlds.CATALOGUE, dialect)
        return sql(compile_rule(found, worlds.CATALOGUE, Moment(as_of, zone)), dialect)
    except dialects.NotThere:
        return None


def members(engine, statements):
    """Who each statement lets in, in one question."""
    asked = " union all ".join(f"select {i} as place, customer_id from ({one}) q" for i, one in enumerate(statements))
    rows = engine.answer(asked).to_pylist()
    found = [[row["customer_id"] for row in rows if row["place"] == i] for i in range(len(statements))]
    assert all(len(one) == len(set(one)) for one in found), "a customer came out twice"
    return [set(one) for one in found]


def test_every_operator_and_condition_lets_in_whom_a_plain_reading_lets_in(name, loaded) -> None:
    engine, world, place = loaded
    seed, as_of, zone = place
    rules = [(rule, statement(rule, place, dialect_of(name))) for rule in corpus(as_of, turn=seed)]
    asked = [(rule, one) for rule, one in rules if one]
    assert len(asked) > 0.95 * len(rules) > 200
    wrong = []
    for i in range(0, len(asked), TOGETHER[name]):
        some = asked[i : i + TOGETHER[name]]
        for (rule, one), got in zip(some, members(engine, [one for _, one in some]), strict=True):
            if got != reads(rule, world, worlds.KINDS, as_of, zone):
                wrong.append((rule, one))
    assert not wrong


def test_every_node_is_counted_in_one_pass(name, loaded) -> None:
    engine, world, (_, as_of, zone) = loaded
    where = {"any": [{"feature": "is_eco", "op": "is", "value": True}, {"not": {"event": "order"}}]}
    tree_of = read_rule({"version": 1, "where": where}, KNOWN)
    asked = sql(compile_counts(tree_of, worlds.CATALOGUE, Moment(as_of, zone)), dialect_of(name))
    (row,) = engine.answer(asked).to_pylist()
    nodes = [{"where": node_json(node)} for _, node in walk(tree_of.where)]
    counts = [len(reads(node, world, worlds.KINDS, as_of, zone)) for node in nodes]
    assert [row[f"n{i}"] for i in range(len(nodes))] == counts
    assert sorted(row["members"]) == sorted(reads(nodes[0], world, worlds.KINDS, as_of, zone))


PATTERNS = [
    "^H", "inki$", "[a-c]", r"\d+%", "(?i)HEL", "(?i)ÄHT", r"a\.b", "^$", "x|y", r"\bhel", r"\Bink", "a.b", "(?s)a.b",
    r"\s", r"\S", r"[\s]", "[^a]", "a{2,3}", "(?:ab)+", r"\w+\W", "(ab)?c", ".$", r"\xe4", r"\pL", "[[:alpha:]]",
    r"[a&&b]", "(?m)^b", r"a\z", r"\Qa.b\E", "(?P<n>a)", "[]a]", "ä+?",
]  # fmt: skip
TEXTS = ["Helsinki", "hel", "Ähtäri", "ähtäri", "a.b", "100%", "", "x_y", "a\nb", "a\n", "a\rb", "aab", "ababc",
         "a\u00a0b", "a\u2028b", "&", "]", "\u000b", "Äh bé", "aB C"]  # fmt: skip


def test_patterns_mean_what_re2_says_or_are_refused(name, opened, tmp_path) -> None:
    texts = pa.table({"customer_id": list(range(len(TEXTS))), "city": TEXTS})
    pq.write_table(texts, tmp_path / "texts.parquet")
    opened.know("profile", [tmp_path / "texts.parquet"])
    refused = set()
    asked = {}
    for pattern in PATTERNS:
        rule = {"version": 1, "where": {"feature": "city", "op": "matches", "value": pattern}}
        one = statement(rule, worlds.PLACES[0], dialect_of(name))
        if one is None:
            refused.add(pattern)
        else:
            asked[pattern] = one
    got = dict(zip(asked, members(opened, list(asked.values())), strict=True))
    assert got == {p: {i for i, text in enumerate(TEXTS) if re2.search(p, text)} for p in asked}
    in_java = {r"\xe4", r"\pL", "[[:alpha:]]", "[a&&b]", "(?m)^b", r"a\z", r"\Qa.b\E", "(?P<n>a)", "[]a]"}
    assert refused == (in_java if name == "spark" else set())


def test_clickhouse_is_spoken_to_over_http_as_in_process(tmp_path) -> None:
    """A server of our own hands the questions to chDB: the address, the sign-in, the settings and the answers."""
    seen = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            seen.append((self.headers["Authorization"], query["session_timezone"]))
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            try:
                status, body = 200, chdb.posted(asked, query.get("database", [""])[0])
            except Exception as fault:
                status, body = 500, str(fault).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words) -> None:
            pass

    pq.write_table(pa.table({"customer_id": [1, 2, 3]}), tmp_path / "profile.parquet")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with clickhouse.opened(f"clickhouse://ada:s%40crip@127.0.0.1:{server.server_port}") as engine:
            engine.know("profile", [tmp_path / "profile.parquet"])
            assert engine.answer("select sum(customer_id) as n from profile").to_pylist() == [{"n": 6}]
            with pytest.raises(RuntimeError, match="nothing"):
                engine.answer("select nothing from profile")
    finally:
        server.shutdown()
    assert {(words, *zone) for words, zone in seen} == {("Basic YWRhOnNAY3JpcA==", "UTC")}
