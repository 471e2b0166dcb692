"""What an engine for many calls promises, over real servers with and without TLS."""

from __future__ import annotations

import itertools
import json
import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.tesla.curl_engine import CurlEngine
from shared.tesla.many import Ask, Told
from tests.certificates import Certificates, make_certificates
from tests.contract.heard import LONG_S, SECRET, Heard, get, run
from tests.contract.peer import Peer, serving

LIMIT = 10_000
MANY_FILES = 4096
LOOKED_OVER_S = 1.2
"""libcurl looks for idle connections that are dead at most once a second."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["http", "https"])
def peer(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Peer]:
    with serving(certificates.server if request.param == "https" else None) as running:
        yield running


@pytest.fixture
def engine(certificates: Certificates) -> Iterator[CurlEngine]:
    made = CurlEngine(body_bytes=LIMIT, ca_file=str(certificates.authority))
    yield made
    made.close()


def test_every_request_is_heard_once_with_its_own_answer(engine: CurlEngine, peer: Peer) -> None:
    heard = run(engine, (get(peer, f"ok/{number}") for number in range(200)), concurrency=20)
    assert set(heard.counts().values()) == {1}
    assert {ask.key: json.loads(told.body)["path"] for ask, told in heard.ends} == {
        f"ok/{number}": f"/ok/{number}" for number in range(200)
    }
    assert {(told.status, told.failure, told.retry_after_s) for _, told in heard.ends} == {(200, "", None)}
    assert len(peer.requests) == 200
    assert heard.threads == {threading.get_ident()}


def test_what_goes_over_the_wire(engine: CurlEngine, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    body = json.dumps({"default_real_mode": "backup"}).encode()
    asks = [
        get(peer, "ok/read"),
        Ask("write", "PUT", f"{peer.url}/ok/write", SECRET, body),
        Ask("bare", "POST", f"{peer.url}/ok/bare", ""),
        get(peer, "ok/again"),
        Ask("gone", "DELETE", f"{peer.url}/ok/gone", SECRET),
    ]
    run(engine, asks, concurrency=1)
    read, write, bare, again, gone = peer.requests
    assert (read.method, read.path, read.body) == ("GET", "/ok/read", b"")
    assert read.headers["authorization"] == f"Bearer {SECRET}"
    assert read.headers["user-agent"] == "car-pulse-tracker"
    assert read.headers["accept-encoding"] == "gzip"
    assert (write.method, write.body) == ("PUT", body)
    assert write.headers["content-type"] == "application/json"
    assert "expect" not in write.headers
    assert (bare.method, bare.headers["content-length"]) == ("POST", "0")
    assert "authorization" not in bare.headers
    assert (again.method, again.headers) == ("GET", read.headers)
    assert (gone.method, gone.body) == ("DELETE", b"")
    assert peer.connections() == 1


def test_each_request_carries_its_own_token(engine: CurlEngine, peer: Peer) -> None:
    tokens = ["first", "", "third", "", "fifth"]
    run(engine, [Ask(str(n), "GET", f"{peer.url}/ok/{n}", token) for n, token in enumerate(tokens)], concurrency=1)
    sent = [request.headers.get("authorization", "") for request in peer.requests]
    assert sent == [f"Bearer {token}" if token else "" for token in tokens]


def test_no_more_than_the_concurrency_is_under_way_and_asks_are_taken_lazily(engine: CurlEngine, peer: Peer) -> None:
    taken: list[int] = []
    most_ahead = 0

    def asks() -> Iterator[Ask]:
        for number in range(50):
            taken.append(number)
            yield get(peer, f"ok/{number}")

    def watch(_ask: Ask, _told: Told) -> None:
        nonlocal most_ahead
        most_ahead = max(most_ahead, len(taken) - len(heard.ends) + 1)

    heard = Heard(watch)
    run(engine, asks(), heard, concurrency=3)
    assert most_ahead <= 3
    assert peer.connections() <= 3


def test_connections_are_kept_from_run_to_run(engine: CurlEngine, peer: Peer) -> None:
    for _ in range(5):
        run(engine, [get(peer, "ok")], concurrency=1)
    assert peer.connections() == 1


def test_a_connection_that_was_closed_while_it_was_idle_costs_nothing(engine: CurlEngine, peer: Peer) -> None:
    run(engine, [get(peer, "goodbye")])
    assert peer.closed.wait(LONG_S)
    time.sleep(LOOKED_OVER_S)
    assert run(engine, [get(peer, "ok")]).told("ok").status == 200
    assert peer.paths() == ["/goodbye", "/ok"]


def test_a_followup_is_made_too_and_goes_before_what_has_not_begun(engine: CurlEngine, peer: Peer) -> None:
    def read_back(ask: Ask, _told: Told) -> Ask | None:
        return get(peer, f"ok/back/{ask.key}") if ask.method == "PUT" else None

    asks = [Ask(str(number), "PUT", f"{peer.url}/ok", SECRET, b"{}") for number in range(3)]
    heard = run(engine, asks, Heard(read_back), concurrency=1)
    assert heard.keys() == ["0", "ok/back/0", "1", "ok/back/1", "2", "ok/back/2"]


def test_a_request_waits_for_its_time_and_holds_no_other(engine: CurlEngine, peer: Peer) -> None:
    now_s = time.monotonic()
    asks = [get(peer, "ok/last", not_before_s=now_s + 1.5), get(peer, "ok/later", not_before_s=now_s + 1.0)]
    heard = run(engine, [*asks, get(peer, "ok/now"), get(peer, "ok/past", not_before_s=now_s - 9)], concurrency=1)
    assert heard.keys() == ["ok/now", "ok/past", "ok/later", "ok/last"]
    assert time.monotonic() >= now_s + 1.5


def test_a_hanging_peer_delays_nobody(engine: CurlEngine, peer: Peer) -> None:
    asks = [get(peer, "hang"), get(peer, "dribble"), *(get(peer, f"ok/{number}") for number in range(20))]
    heard = run(engine, asks, concurrency=3, timeout_s=2.0)
    assert heard.keys()[:20] == [f"ok/{number}" for number in range(20)]
    for key in ("hang", "dribble"):
        assert (heard.told(key).status, heard.told(key).failure) == (0, "timed_out")


def test_at_the_deadline_everything_is_heard(engine: CurlEngine, peer: Peer) -> None:
    never = Heard(lambda _ask, told: get(peer, "ok/too-late") if told.failure == "timed_out" else None)
    asks = [get(peer, "hang/1"), get(peer, "hang/2"), get(peer, "ok/no-room"), get(peer, "ok/unread")]
    later = get(peer, "ok/tomorrow", not_before_s=time.monotonic() + 1000)
    heard = run(engine, iter([later, *asks]), never, concurrency=2, within_s=0.5)
    failures = {ask.key: told.failure for ask, told in heard.ends}
    assert failures.pop("ok/too-late") == "not_sent"
    assert failures == {
        "hang/1": "timed_out", "hang/2": "timed_out", "ok/no-room": "not_sent", "ok/unread": "not_sent",
        "ok/tomorrow": "not_sent",
    }  # fmt: skip
    assert heard.counts().total() == 7
    assert set(peer.paths()) <= {"/hang/1", "/hang/2"}


def test_after_the_deadline_nothing_is_sent(engine: CurlEngine, peer: Peer) -> None:
    again = Heard(lambda ask, _told: ask)
    heard = run(engine, [get(peer, "ok/1"), get(peer, "ok/2")], again, within_s=-1.0)
    assert [told.failure for _, told in heard.ends] == ["not_sent", "not_sent"]
    assert peer.requests == []


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("big", "too_large"),
        ("bomb", "too_large"),
        ("garbled", "unreadable"),
        ("reset", "connection_lost"),
        ("close", "connection_lost"),
        ("truncated", "connection_lost"),
    ],
)
def test_bad_answers(engine: CurlEngine, peer: Peer, path: str, failure: str) -> None:
    heard = run(engine, [get(peer, "ok/before"), get(peer, path), get(peer, "ok/after")], concurrency=1)
    told = heard.told(path)
    assert (told.status, told.body, told.failure) == (0, b"", failure)
    assert [heard.told(key).status for key in ("ok/before", "ok/after")] == [200, 200]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("path", ["close", "reset"])
def test_nothing_is_sent_twice_when_a_kept_connection_breaks(
    engine: CurlEngine, peer: Peer, method: str, path: str
) -> None:
    body = b"{}" if method == "PUT" else None
    asks = [Ask(part, method, f"{peer.url}/{part}", SECRET, body) for part in ("ok", path)]
    heard = run(engine, asks, concurrency=1)
    assert [told.failure for _, told in heard.ends] == ["", "connection_lost"]
    assert peer.paths() == ["/ok", f"/{path}"]


@pytest.mark.parametrize(("path", "size"), [("zip", 500), ("chunked", 1000)])
def test_encodings_are_undone(engine: CurlEngine, peer: Peer, path: str, size: int) -> None:
    assert run(engine, [get(peer, path)]).told(path).body == bytes(size)


def test_a_redirect_is_an_answer_and_cookies_are_forgotten(engine: CurlEngine, peer: Peer) -> None:
    heard = run(engine, [get(peer, "redirect"), get(peer, "ok")], concurrency=1)
    assert heard.told("redirect").status == 302
    assert peer.paths() == ["/redirect", "/ok"]
    assert all("cookie" not in request.headers for request in peer.requests)


def test_how_long_an_error_asks_to_wait(engine: CurlEngine, peer: Peer) -> None:
    heard = run(engine, [get(peer, path) for path in ("limited", "in-an-hour", "reset-header", "failing")])
    assert heard.told("limited").retry_after_s == 7.0
    assert heard.told("in-an-hour").retry_after_s == pytest.approx(3600, abs=LONG_S)
    assert heard.told("reset-header").retry_after_s == 12.0
    assert (heard.told("failing").status, heard.told("failing").retry_after_s) == (500, None)


def test_starts_are_paced(engine: CurlEngine, peer: Peer) -> None:
    heard = run(engine, (get(peer, f"ok/{n}") for n in range(100_000)), per_second=40.0, within_s=1.0, concurrency=50)
    assert 1 <= len(peer.requests) <= 43  # a second, and what is made up for
    assert set(heard.counts().values()) == {1}
    sent = [told for _, told in heard.ends if told.failure != "not_sent"]
    assert len(sent) == len(peer.requests)


@pytest.mark.parametrize(
    "ask",
    [
        Ask("file", "GET", "file:///etc/hostname", SECRET),
        Ask("ftp", "GET", "ftp://127.0.0.1/x", SECRET),
        Ask("no url", "GET", "", SECRET),
        Ask("header", "GET", "http://127.0.0.1:9/", f"{SECRET}\r\nX-More: 1"),
        Ask("request", "GET", "http://127.0.0.1:9/ HTTP/1.1\r\nX: y", SECRET),
        Ask("method", "BREW", "http://127.0.0.1:9/", SECRET),
    ],
    ids=lambda ask: str(ask.key),
)
def test_what_cannot_be_sent_is_not(engine: CurlEngine, peer: Peer, ask: Ask) -> None:
    heard = run(engine, [ask, get(peer, "ok")], Heard(lambda _ask, told: ask if told.failure else None))
    assert heard.told(ask.key).failure == "not_sent"
    assert heard.told("ok").status == 200


def test_an_authority_that_is_not_believed(certificates: Certificates) -> None:
    with serving(certificates.server) as stranger:
        engine = CurlEngine(body_bytes=LIMIT)
        told = run(engine, [get(stranger, "ok")]).told("ok")
        engine.close()
    assert (told.status, told.failure) == (0, "connection_lost")
    assert stranger.requests == []


def test_a_name_that_is_not_in_the_certificate(engine: CurlEngine, certificates: Certificates) -> None:
    with serving(certificates.server) as peer:
        url = peer.url.replace("127.0.0.1", "localhost")
        assert run(engine, [Ask("ok", "GET", f"{url}/ok", SECRET)]).told("ok").failure == "connection_lost"
    assert peer.requests == []


def test_names_are_looked_up_beside_everything_else(engine: CurlEngine) -> None:
    with serving() as peer:
        url = peer.url.replace("127.0.0.1", "localhost")
        unknown = Ask("unknown", "GET", "http://nowhere.invalid/", SECRET)
        asks = [Ask(str(number), "GET", f"{url}/ok/{number}", SECRET) for number in range(100)]
        heard = run(engine, [unknown, *asks], concurrency=50)
    assert heard.told("unknown").failure == "connection_lost"
    assert Counter(told.status for _, told in heard.ends) == {0: 1, 200: 100}


def test_nobody_listens(engine: CurlEngine, peer: Peer) -> None:
    nowhere = Ask("nowhere", "GET", "http://127.0.0.1:9/", SECRET)
    heard = run(engine, [nowhere, get(peer, "ok")])
    assert heard.told("nowhere").failure == "connection_lost"
    assert heard.told("ok").status == 200


@pytest.mark.parametrize("where", ["hear", "asks"])
def test_an_error_of_the_caller_ends_the_run_and_the_engine_lives_on(
    engine: CurlEngine, peer: Peer, where: str
) -> None:
    def fail(*_: object) -> None:
        raise LookupError(where)

    def failing() -> Iterator[Ask]:
        yield get(peer, "hang")
        fail()

    asks = failing() if where == "asks" else [get(peer, "hang"), get(peer, "ok")]
    with pytest.raises(LookupError, match=where) as caught:
        run(engine, asks, Heard(fail))
    assert SECRET not in str(caught.getrepr(showlocals=True))
    assert run(engine, [get(peer, "ok/after")]).told("ok/after").status == 200


def test_runs_in_two_threads_do_not_mix(engine: CurlEngine, peer: Peer) -> None:
    heards = [Heard(), Heard()]

    def work(number: int) -> None:
        run(engine, (get(peer, f"ok/{number}/{n}") for n in range(150)), heards[number], concurrency=10)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, heard in enumerate(heards):
        assert heard.counts() == Counter(f"ok/{number}/{n}" for n in range(150))
        assert all(json.loads(told.body)["path"] == f"/{ask.key}" for ask, told in heard.ends)
        assert len(heard.threads) == 1


def test_a_run_within_a_run(engine: CurlEngine, peer: Peer) -> None:
    inner = Heard()

    def another(ask: Ask, _told: Told) -> None:
        run(engine, [get(peer, f"ok/inner/{ask.key}")], inner)

    run(engine, [get(peer, "ok/1"), get(peer, "ok/2")], Heard(another))
    assert sorted(inner.keys()) == ["ok/inner/ok/1", "ok/inner/ok/2"]


def test_no_secret_is_shown() -> None:
    ask = Ask("site", "GET", "http://127.0.0.1/energy_sites/123", SECRET)
    assert repr(ask) == str(ask) == "Ask('site', GET)"
    assert "watt" not in repr(Told(200, b'{"watt": 1}'))


def test_a_concurrency_of_nothing_is_refused(engine: CurlEngine) -> None:
    with pytest.raises(ValueError, match="at least one"):
        run(engine, itertools.repeat(Ask("", "GET", "", "")), concurrency=0)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for 1,100 connections, both ends of which are in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < MANY_FILES:
        pytest.skip(f"this machine allows {before[1]} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], MANY_FILES), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_more_connections_than_select_can_watch(engine: CurlEngine) -> None:
    with serving() as peer:
        release = peer.release

        def let_go(ask: Ask, _told: Told) -> None:
            if ask.key == "ok":
                release.set()

        asks = [get(peer, f"hang/{number}") for number in range(1100)]
        heard = run(engine, [*asks, get(peer, "ok")], Heard(let_go), concurrency=1101)
    assert heard.told("ok").status == 200
    assert Counter(told.failure for _, told in heard.ends) == {"": 1, "connection_lost": 1100}
