"""What a recording keeps and what it strikes out; and that the tests which authors inherit see what slips through."""

from __future__ import annotations

import gzip
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tieline import ConnectorSpec, HttpProfile, Request, Response
from tieline.http import HttpTransport
from tieline.sandbox import serve
from tieline.testing import Cassette, ConversationTests

ORIGIN = "https://api.vendor.example"
SECRET = "s3cr3t-0123456789"


class Clerk:
    """Answers with what it is told to, and otherwise what it was asked."""

    token, client_id, client_secret, token_path = SECRET, "clerk", "hush-hush-hush", "/token"

    def __init__(self, body=None, headers=None):
        self.body, self.headers = body, headers or {}
        self.asked = 0

    def handle(self, request):
        self.asked += 1
        if request.path == self.token_path:
            return Response(200, {"content-type": "application/json"}, b'{"access_token": "given-4711-given"}')
        said = request.payload() or request.path.encode()
        return Response(200, {"content-type": "application/json", **self.headers}, self.body or said)

    def dump(self):
        return {}


@contextmanager
def recording(cassette, clerk, **more):
    """A way to ask a server, what is said being recorded."""
    transport = HttpTransport(timeout=5)
    try:
        with serve(clerk) as server, cassette.record(**more):

            def ask(path, method="GET", headers=None, **body):
                return transport.send(Request(method, server.base_url + path, headers=headers or {}, **body))

            yield ask
    finally:
        transport.close()


@pytest.fixture
def cassette(tmp_path):
    return Cassette(tmp_path / "said.yaml", ORIGIN, keep=("Location",))


SENT = {
    "a bearer token in a header": {"headers": {"authorization": f"Bearer {SECRET}"}},
    "a password in a header": {"headers": {"Authorization": f"Basic {SECRET}"}},
    "a key in a header of the vendor's own": {"headers": {"x-api-key": SECRET}},
    "a cookie": {"headers": {"cookie": f"session={SECRET}"}},
    "a query": {"path": f"/a?first=1&access_token={SECRET}&last=2"},
    "the first of a query": {"path": f"/a?code={SECRET}"},
    "a form": {"method": "POST", "form": {"a": "1", "client_secret": SECRET, "b": "2"}},
    "the first of a form": {"method": "POST", "form": {"refresh_token": SECRET}},
    "a token to be revoked": {"method": "POST", "form": {"token": SECRET}},
    "a JSON body": {"method": "POST", "json": {"deep": [{"client_secret": SECRET}]}},
    "a JSON body with blanks": {"method": "POST", "body": b'{"password" : "%s"}' % SECRET.encode()},
    "a link in a JSON body": {"method": "POST", "json": {"next": f"/more?a=1&access_token={SECRET}"}},
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
def test_a_secret_that_is_sent_is_struck_out(cassette, tmp_path, sent):
    raw = cassette.at(tmp_path / "raw.yaml")
    for to, scrub in ((raw, False), (cassette, True)):
        with recording(to, Clerk(b"{}"), scrub=scrub) as ask:
            ask(sent.get("path", "/a"), **{k: v for k, v in sent.items() if k != "path"})
    assert SECRET in raw.path.read_text()
    assert SECRET not in cassette.path.read_text()


ANSWERED = {
    "a JSON answer": (b'{"access_token":"%s","scope":"all"}', {}),
    "a JSON answer with blanks": (b'{\n "refresh_token" :  "%s"\n}', {}),
    "a value with the signs at which others end": (b'{"id_token":"a&b\\"c=%s"}', {}),
    "an answer that is no JSON": (b"<p>access_token=%s</p>", {}),
    "a cookie": (b"{}%.0s", {"set-cookie": f"session={SECRET}"}),
    "a header that is kept": (b"{}%.0s", {"location": f"https://vendor.example/back?state=1&code={SECRET}"}),
}


@pytest.mark.parametrize(("body", "headers"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_secret_that_is_answered_is_struck_out(cassette, tmp_path, body, headers):
    raw = cassette.at(tmp_path / "raw.yaml")
    for to, scrub in ((raw, False), (cassette, True)):
        with recording(to, Clerk(body % SECRET.encode(), headers), scrub=scrub) as ask:
            ask("/a")
    assert SECRET in raw.path.read_text()
    assert SECRET not in cassette.path.read_text()


def test_a_secret_in_a_compressed_answer_is_struck_out(cassette):
    packed = gzip.compress(b'{"access_token":"%s"}' % SECRET.encode())
    with recording(cassette, Clerk(packed, {"content-encoding": "gzip"})) as ask:
        assert ask("/a").json() == {"access_token": SECRET}
    with cassette.replay():
        found = HttpTransport(timeout=5).send(Request("GET", "http://127.0.0.1:9/a"))
    assert found.json() == {"access_token": "scrubbed"}


def test_what_was_a_credential_once_is_struck_out_wherever_else_it_stands(cassette):
    clerk = Clerk()
    with recording(cassette, clerk) as ask:
        ask(f"/tokens/{SECRET}", headers={"authorization": f"Bearer {SECRET}"})
        ask("/said", "POST", json={"client_secret": "given-in-json"})
        ask("/again", "POST", json={"note": "it was given-in-json"})
    text = cassette.path.read_text()
    assert "tokens/scrubbed" in text
    assert SECRET not in text
    assert "given-in-json" not in text


def test_a_word_that_names_a_client_stays_where_it_means_something_else(cassette):
    with recording(cassette, Clerk()) as ask:
        ask("/a", "POST", form={"client_id": "northbay-sandbox", "source": "northbay-sandbox"})
    assert "client_id=scrubbed&source=northbay-sandbox" in cassette.path.read_text()


def test_a_code_in_json_is_no_secret(cassette):
    with recording(cassette, Clerk()) as ask:
        ask("/a", "POST", json={"code": "INVALID_VALUE", "access_token": None, "token": "next-page-1"})
    (said,) = cassette.exchanges()
    assert said.body == b'{"code":"INVALID_VALUE","access_token":null,"token":"next-page-1"}'


def test_who_was_asked_is_not_told(cassette):
    with recording(cassette, Clerk(b'{"next":"http://127.0.0.1:1/a"}')) as ask:
        ask("/a?b=c")
    assert [(e.method, e.url, e.status) for e in cassette.exchanges()] == [("GET", f"{ORIGIN}/a?b=c", 200)]
    with recording(cassette, Clerk()) as ask:
        ask("/a", "POST", body=b"")
        assert ask("/b").body == b"/b"
    assert "127.0.0.1" not in cassette.path.read_text()


def test_a_recording_is_replayed_without_a_server(cassette):
    with recording(cassette, Clerk()) as ask:
        ask("/a", "POST", json={"client_secret": SECRET, "n": 1})
    transport = HttpTransport(timeout=5)
    with cassette.replay():
        again = Request("POST", "http://127.0.0.1:9/a", json={"client_secret": "another-one", "n": 1})
        assert transport.send(again).json() == {"client_secret": "scrubbed", "n": 1}


def test_what_was_not_recorded_is_not_answered(cassette):
    import vcr.errors

    with recording(cassette, Clerk()) as ask:
        ask("/a")
    with pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException), cassette.replay():
        HttpTransport(timeout=5).send(Request("GET", "http://127.0.0.1:9/b"))


def test_what_is_never_asked_for_is_told(cassette):
    with recording(cassette, Clerk()) as ask:
        ask("/a")
        ask("/b")
    with pytest.raises(AssertionError, match=r"said\.yaml: 1 exchange"), cassette.replay():
        HttpTransport(timeout=5).send(Request("GET", "http://127.0.0.1:9/a"))


def test_a_recording_takes_the_place_of_the_one_that_was_there(cassette):
    for path in ("/a", "/b"):
        with recording(cassette, Clerk()) as ask:
            ask(path)
    assert [e.url for e in cassette.exchanges()] == [f"{ORIGIN}/b"]


def test_without_vcrpy_it_says_what_to_install():
    script = (
        "import sys; sys.modules['vcr'] = None\n"
        "from pathlib import Path; from tieline.testing import Cassette\n"
        "Cassette(Path('nowhere.yaml'), 'https://a.example').exchanges()"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert told.stderr.strip().endswith("ImportError: a cassette needs vcrpy. Next: pip install vcrpy")


# -- the tests that authors inherit bite


class Talk(ConversationTests):
    """Not collected: it is asked below, as pytest would ask it."""

    spec = ConnectorSpec(
        "clerk",
        "Clerk",
        (),
        connect=lambda context: context.http,
        mapping={},
        kinds={},
        http=HttpProfile(hosts=("127.0.0.1",), token_path="/token"),
        sandbox=lambda options: Clerk(),
    )
    expected = (b"/a", b"/b")

    def converse(self, connector):
        return tuple(connector.send(Request("GET", path)).body for path in ("/a", "/b"))


@pytest.fixture
def talk(cassette):
    """A conversation whose cassette is right."""
    return taped(Talk, cassette)


def taped(kind, cassette):
    """Tests of this kind with a cassette of their own, freshly recorded."""
    made = type(kind.__name__, (kind,), {"cassette": cassette})()
    made._record(cassette)
    return made


def checks(talk, folder: Path):
    """What became of each of the three tests: empty, or what it says."""
    said = {}
    for name in (name for name in dir(talk) if name.startswith("test_")):
        try:
            getattr(talk, name)(*([] if name.endswith("without_a_server") else [folder]))
        except AssertionError as error:
            said[name] = str(error)
    return said


REPLAYED = "test_the_recorded_conversation_is_replayed_without_a_server"
AGAIN = "test_the_stand_in_still_answers_as_it_was_recorded"
CLEAN = "test_a_recording_holds_no_secret"


def test_a_right_conversation_passes(talk, tmp_path):
    assert checks(talk, tmp_path) == {}


def test_a_token_that_is_used_as_it_is_passes(cassette, tmp_path):
    class Unsigned(Talk):
        signs_in = False

    assert checks(taped(Unsigned, cassette), tmp_path) == {}


@pytest.mark.parametrize("leak", ["given-4711-given", "hush-hush-hush", "Authorization: x", "http://127.0.0.1:4711"])
def test_a_secret_in_the_cassette_is_told(talk, cassette, tmp_path, leak):
    text = cassette.path.read_text()
    cassette.path.write_text(text.replace("string: /b", f"string: '/b {leak}'"))
    assert CLEAN in checks(talk, tmp_path)


def test_a_cassette_that_is_told_to_keep_the_credential_is_told(tmp_path):
    careless = Cassette(tmp_path / "said.yaml", ORIGIN, keep=("authorization",))
    assert "authorization" in checks(taped(Talk, careless), tmp_path)[CLEAN]


def test_a_call_that_is_no_longer_made_is_told(talk, cassette, tmp_path):
    class Shorter(Talk):
        expected = (b"/a",)

        def converse(self, connector):
            return (connector.send(Request("GET", "/a")).body,)

    assert set(checks(type("S", (Shorter,), {"cassette": cassette})(), tmp_path)) == {REPLAYED, AGAIN}


def test_an_answer_that_changed_is_told(talk, cassette, tmp_path):
    cassette.path.write_text(cassette.path.read_text().replace("string: /b", "string: /c"))
    assert set(checks(talk, tmp_path)) == {REPLAYED}


def test_a_status_that_changed_is_told(talk, cassette, tmp_path):
    head, _, tail = cassette.path.read_text().rpartition("code: 200")
    cassette.path.write_text(f"{head}code: 201{tail}")
    assert set(checks(talk, tmp_path)) == {AGAIN}
