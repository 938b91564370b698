"""--metrics: what Prometheus scrapes, and whether the server is alive and ready."""

import json
import re
import signal
import socket
import threading

import pytest

from redis_process import RedisProcess
from scrape import metrics_of
from server_process import TOKEN, failed_start, is_closed, wait_for

METRICS = ("--metrics", "127.0.0.1:0")


@pytest.fixture
def busy(start, odb):
    """A server with --metrics that has seen commits, a conflict and a refusal."""
    server = start(*METRICS)
    schema = odb.Schema("stock")

    @schema.define
    class Item:
        code = odb.Indexed(str)
        count = int

    ada, bob = (odb.connect("127.0.0.1", server.port, TOKEN) for _ in range(2))
    for db in (ada, bob):
        db.subscribeToSchema(schema)
    with ada.transaction():
        item = Item(code="a", count=1)
    for count in range(2):
        with pytest.raises(odb.RevisionConflictException):
            with ada.transaction():
                item.count += 1
                bob.flush()
                with odb.MaskView(), bob.transaction():
                    item.count = 5 + count
        ada.flush()
    yield server
    ada.disconnect()
    bob.disconnect()


def test_a_scrape_tells_of_versions_commits_conflicts_and_content(busy):
    metrics = metrics_of(busy)
    found = metrics.scrape()
    assert found['odb_version{mark="accepted"}'] == found['odb_version{mark="published"}'] > 3
    assert found["odb_commits_total"] >= 3
    assert found["odb_schema_changes_total"] == 1
    assert found["odb_commit_conflicts_total"] == 2
    assert found['odb_commit_conflicts_by_type_total{type="stock.Item",kind="field"}'] == 2
    assert found["odb_sessions"] == found["odb_connections"] == 2
    assert found["odb_connections_made_total"] == 2
    assert found["odb_subscriptions"] >= 2
    assert found["odb_objects"] == 1
    assert found["odb_rows"] >= 3
    assert found["odb_store_ready"] == found["odb_ready"] == 1
    assert found["odb_store_lag_versions"] == 0
    for stage in ("durable", "published", "told"):
        count = found['odb_commit_stage_seconds_count{stage="%s"}' % stage]
        assert count == found["odb_commits_total"] + found["odb_schema_changes_total"]
        assert found['odb_commit_stage_seconds_bucket{stage="%s",le="+Inf"}' % stage] == count
    for kind in ("rows", "indexes", "retained commits"):
        assert found['odb_memory_bytes{kind="%s"}' % kind] > 0
    assert found["odb_resident_bytes"] == pytest.approx(busy.resident_kib() * 1024, rel=0.2)
    assert found["odb_cpu_seconds_total"] > 0
    assert TOKEN not in found.text


def test_counters_never_fall(busy):
    metrics = metrics_of(busy)
    before, after = metrics.scrape(), metrics.scrape()
    for name, value in before.samples.items():
        family = re.sub(r"(_bucket|_count|_sum)?(\{.*)?$", "", name)
        if before.types.get(family, before.types.get(name.split("{")[0])) != "gauge":
            assert after[name] >= value


def test_metrics_md_lists_every_metric_with_type_and_labels(busy, root):
    found = metrics_of(busy).scrape()
    table = {}
    for line in (root / "docs/metrics.md").read_text().splitlines():
        if line.startswith("| `odb_"):
            name, kind, labels, meaning = [cell.strip() for cell in line.strip("|").split("|")]
            assert meaning
            table[name.strip("`")] = (kind, set(re.findall(r"`(\w+)`", labels)))
    assert {name: kind for name, (kind, _) in table.items()} == found.types
    for name, (_, labels) in table.items():
        if name != "odb_commit_refusals_total":  # which has no sample before the first refusal
            assert labels == found.labels(name), name


def test_the_dashboard_shows_metrics_that_exist(busy, root):
    found = metrics_of(busy).scrape()
    dashboard = json.loads((root / "docs/grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"]
               for target in panel.get("targets", [])]
    assert len(queries) >= 15
    named = set(re.findall(r"\bodb_\w+", " ".join(queries)))
    for name in named:
        assert re.sub(r"_(bucket|count|sum)$", "", name) in found.types or name in found.types, name
    shown_types = {re.sub(r"_bucket$", "", name) for name in named}
    missing = set(found.types) - shown_types - {"odb_build_info", "odb_start_time_seconds"}
    assert not missing, f"no panel shows {missing}"
    for query in queries:
        for label, value in re.findall(r'[{,](\w+)="([^"$]+)"', query):
            assert any(f'{label}="{value}"' in sample for sample in found.samples), query
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_health_and_readiness_of_a_server_that_serves(start):
    metrics = metrics_of(start(*METRICS))
    assert wait_for(lambda: metrics.get("/readyz")[0] == 200)
    assert metrics.get("/healthz") == (200, "alive\n")
    assert metrics.get("/readyz") == (200, "ready\n")
    assert metrics.get("/readyz?verbose") == (200, "ready\n")
    assert metrics.get("/readyz", "HEAD") == (200, "")
    assert metrics.get("/other")[0] == 404
    assert metrics.get("/metrics", "POST")[0] == 405


def test_a_server_whose_store_is_away_is_alive_but_not_ready(start, tmp_path):
    redis = RedisProcess(tmp_path)
    try:
        server = start(*METRICS, store=("--redis", redis.address))
        metrics = metrics_of(server)
        assert wait_for(lambda: metrics.get("/readyz")[0] == 200)
        redis.kill()
        assert wait_for(lambda: metrics.get("/readyz")[0] == 503)
        assert "is away" in metrics.get("/readyz")[1]
        assert metrics.get("/healthz")[0] == 200
        found = metrics.scrape()
        assert found["odb_store_ready"] == found["odb_ready"] == 0
        redis.start()
        assert wait_for(lambda: metrics.get("/readyz")[0] == 200)
        assert metrics.scrape()["odb_store_ready"] == 1
    finally:
        redis.kill()


def test_a_server_that_waits_for_its_store_is_alive_but_not_ready(start, tmp_path):
    redis = RedisProcess(tmp_path)
    try:
        owner = start(store=("--redis", redis.address))
        waiting = start(*METRICS, "--lease-wait", "1h", store=("--redis", redis.address),
                        wait=False)
        metrics = metrics_of(waiting)
        assert metrics.get("/healthz")[0] == 200
        assert metrics.get("/readyz") == (503, "the server is starting\n")
        found = metrics.scrape()
        assert found["odb_ready"] == 0
        assert "odb_commits_total" not in found.samples
        assert owner.stop() == 0
        waiting.wait_until_listening()
        assert wait_for(lambda: metrics.get("/readyz")[0] == 200)
    finally:
        redis.kill()


def test_a_server_that_stops_is_not_ready(start):
    server = start(*METRICS, "--linger", "1h")
    metrics = metrics_of(server)
    with server.tls():
        server.send_signal(signal.SIGSTOP)  # so that it is asked while it stops
        server.send_signal(signal.SIGTERM)
        server.send_signal(signal.SIGCONT)
        seen = []

        def ended():
            try:
                seen.append(metrics.get("/readyz"))
            except OSError:
                pass
            return server.process.poll() is not None

        assert wait_for(ended)
    assert all(status in (200, 503) for status, _ in seen)
    assert server.wait() == 0


def test_what_its_port_is_given_does_no_harm(start):
    server = start(*METRICS)
    metrics = metrics_of(server)
    for garbage in (b"\x16\x03\x01" * 100, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", metrics.port)) as connection:
            try:
                connection.sendall(garbage)
            except OSError:
                pass
            assert is_closed(connection)
    idle = [socket.create_connection(("127.0.0.1", metrics.port)) for _ in range(40)]
    assert server.serves(), "clients do not wait for scrapers"
    assert wait_for(lambda: all(is_closed(each, 30) for each in idle))
    assert metrics.scrape()["odb_ready"] == 1
    for each in idle:
        each.close()


def test_scrapes_at_once_are_all_answered(busy):
    metrics = metrics_of(busy)
    answers = []

    def scrape():
        for _ in range(10):
            answers.append(metrics.scrape()["odb_ready"])

    threads = [threading.Thread(target=scrape) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 80


def test_an_address_that_cannot_be_used_is_named(start, run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start("--metrics", f"127.0.0.1:{port}", wait=False)
        assert re.search(rf"--metrics: .*127\.0\.0\.1.*{port}", failed_start(server))
    for wrong in ("9100", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "::1:9100", "[]:1"):
        result = run("--inmem", "127.0.0.1", "0", "--metrics", wrong)
        assert (result.returncode, result.stderr) == (
            2, "odb_server: --metrics: expected HOST:PORT (see odb_server --help)\n")
    server = start("--metrics", "no.such.host.invalid:0", wait=False)
    assert "no.such.host.invalid" in failed_start(server)
