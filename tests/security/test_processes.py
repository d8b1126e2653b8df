"""Signing in and renewing by real processes over real sockets, against stand-ins that end a family of tokens when a
refresh token is shown twice."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.process.harness import finished, kill
from tests.security.signing import PREFIXES, Bench, files, holding, mode
from tieline.sandbox import Request, Response

PERSON = {"LastName": "Lund", "Email": "ann.lund@example.com", "HasOptedOutOfEmail": True}


def is_renewal(request: Request) -> bool:
    return request.path.endswith("/token") and b"grant_type=refresh_token" in request.payload()


def status(bench: Bench, system: str) -> dict[str, Any]:
    found = json.loads(bench.run("auth", "status", "--json").out)
    return next(entry for entry in found if entry["system"] == system)


def test_s01_s06_s13_s14_s15_a_sign_in_by_browser_works_and_leaves_no_token_in_any_sink(bench: Bench) -> None:
    out = [bench.run("auth", "login", name, "-vv") for name in ("crm", "marketing")]
    assert [d.code for d in out] == [0, 0], [d.err for d in out]
    out += [bench.run("auth", "status", "--json"), bench.run("check", "--json", "-vv")]
    assert out[-1].code == 0, out[-1].out
    bench.vendors["crm"].sandbox.load({"Account": [{"Name": "Acme"}], "Contact": [PERSON]})
    bench.vendors["crm"].sandbox.issuer.expire()
    bench.vendors["marketing"].sandbox.issuer.expire()
    # the stand-in asks for the scope of every call: the least scopes are enough to read, create, opt out and link
    out.append(bench.run("sync", "--yes", "-vv"))
    assert out[-1].code in (0, 3), out[-1].out
    assert bench.vendors["marketing"].sandbox.counts()["contact"] == 1
    paths = {request.path for request in bench.vendors["marketing"].asked if request.method != "GET"}
    assert any("communication-preferences" in path for path in paths), paths
    assert " 403 " not in out[-1].err
    assert bench.vendors["crm"].sandbox.issuer.renewed == 1
    assert bench.vendors["marketing"].sandbox.issuer.renewed == 1
    verifiers = re.findall(r"code_verifier=([\w-]+)", "".join(r.payload().decode() for r in _asked(bench)))
    texts = [(f"stdout {i}", d.out.encode()) for i, d in enumerate(out)]
    texts += [(f"stderr {i}", d.err.encode()) for i, d in enumerate(out)]
    assert len(verifiers) == 2
    assert (
        holding([*texts, *files(bench.folder)], *PREFIXES, *(v[:20] for v in verifiers), bench.env["TIELINE_KEY"]) == []
    )
    # the search finds what is there: on the wire, and in the home when it is looked for
    sent = b"".join(r.headers.get("authorization", "").encode() for r in _asked(bench))
    assert all(prefix.encode() in sent for prefix in PREFIXES)
    assert any(name.endswith("credentials.db") for name in holding(files(bench.folder), "marketing"))
    # nothing is left in the file when somebody has signed out
    for name in ("crm", "marketing"):
        done = bench.run("auth", "logout", name, "--json")
        assert json.loads(done.out) == {"system": name, "wiped": True, "revoked": True, "problem": None}
    assert holding([f for f in files(bench.home) if "credentials" in f[0]], "marketing") == []
    assert status(bench, "crm")["state"] == "not signed in"
    assert [a.path for a in bench.vendors["crm"].asked].count("/services/oauth2/revoke") == 1


def _asked(bench: Bench) -> list[Request]:
    return [request for vendor in bench.vendors.values() for request in vendor.asked]


def test_s05_the_home_is_closed_whatever_the_umask(crm_bench: Bench) -> None:
    bench = crm_bench
    bench.login("crm")  # with a umask of 000
    bench.run("check")
    assert mode(bench.home) == 0o700
    found = {p.name: mode(p) for p in bench.home.iterdir()}
    assert "credentials.db" in found
    assert "credentials.crm.lock" in found
    assert set(found.values()) == {0o600}, found


def test_s10_an_address_can_be_pasted_where_there_is_no_browser(bench: Bench) -> None:
    started = bench.start("auth", "login", "marketing", "--paste", stdin=subprocess.PIPE)
    assert started.stdin is not None
    assert started.stderr is not None
    url = ""
    while not url:
        url = (re.findall(r"http://127\S+authorize\S+", started.stderr.readline()) or [""])[0]
    went = bench.vendors["marketing"].sandbox.handle(_get(url))
    out, err = started.communicate(f"{went.headers['location']}\n", timeout=60)
    assert started.returncode == 0, err
    assert holding([("out", out.encode()), ("err", err.encode())], *PREFIXES) == []
    assert status(bench, "marketing")["state"] == "signed in"


def _get(url: str) -> Request:
    from urllib.parse import parse_qsl, urlsplit

    parts = urlsplit(url)
    return Request("GET", parts.path, dict(parse_qsl(parts.query)))


@pytest.mark.parametrize("spoil", ["state=", "nostate=", "iss=https%3A%2F%2Fevil.example&state="])
def test_s09_an_answer_with_a_wrong_state_or_issuer_is_no_reason_to_ask_for_a_token(
    crm_bench: Bench, spoil: str
) -> None:
    bench = crm_bench

    def redirect(request: Request, go: Callable[[Request], Response]) -> Response:
        answer = go(request)
        if answer.status == 302:
            right = answer.headers["location"]
            wrong = right.replace("state=", spoil) if "iss" in spoil else re.sub(r"state=[^&]+", f"{spoil}x" * 1, right)
            return Response(302, {"location": wrong})
        return answer

    bench.vendors["crm"].wrap = redirect
    done = bench.run("auth", "login", "crm", "--json")
    assert done.code == 2
    assert "not signed in" in json.loads(done.out)["error"]["message"]
    assert bench.vendors["crm"].token_requests == 0
    assert holding([("out", done.out.encode()), ("err", done.err.encode())], *PREFIXES) == []


@pytest.mark.parametrize("system", ["crm", "marketing"])
def test_s11_two_processes_renew_once(bench: Bench, system: str) -> None:
    bench.login("crm", "marketing")
    vendor = bench.vendors[system]
    vendor.sandbox.issuer.expire()
    both_refused, refused = threading.Event(), []

    def slow(request: Request, go: Callable[[Request], Response]) -> Response:
        if is_renewal(request):
            assert both_refused.wait(60), "the second process never wanted a new token: this shows nothing"
        answer = go(request)
        if answer.status == 401 and not both_refused.is_set():
            refused.append(request)
            if len(refused) >= 2:
                both_refused.set()
        return answer

    vendor.wrap = slow
    before = vendor.token_requests
    running = [bench.start("check", "--json") for _ in range(2)]
    done = [finished(process, 120.0) for process in running]
    assert [d.code for d in done] == [0, 0], [d.out for d in done]
    assert (vendor.sandbox.issuer.renewed, vendor.sandbox.issuer.refused) == (1, 0)
    assert vendor.token_requests - before == 1


def killing(running: list[subprocess.Popen[str]]) -> Callable[[Request, Callable[[Request], Response]], Response]:
    """A server that renews, and kills the process in `running` before it hears of that."""

    def die(request: Request, go: Callable[[Request], Response]) -> Response:
        answer = go(request)
        if is_renewal(request) and running:
            kill(running.pop())
        return answer

    return die


def test_s11_a_process_killed_between_the_renewal_and_its_keeping_ends_in_reauth_required(crm_bench: Bench) -> None:
    bench = crm_bench
    bench.login("crm")
    vendor = bench.vendors["crm"]
    vendor.sandbox.issuer.expire()
    running: list[subprocess.Popen[str]] = []

    vendor.wrap = killing(running)
    process = bench.start("check")
    running.append(process)
    assert finished(process).code == -9, "it was not killed: this shows nothing"
    before = vendor.token_requests
    assert status(bench, "crm")["state"] == "renewing"
    for _ in range(2):
        assert bench.run("check").code == 2
    assert vendor.token_requests - before == 1, "asked once more, and never again"
    assert status(bench, "crm")["state"] == "reauth_required"
    assert "tieline auth login crm" in bench.run("auth", "status").out
    bench.login("crm")
    assert bench.run("check").code == 0


def test_s11_a_process_killed_where_refresh_tokens_stay_the_same_is_recovered_from(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    bench.login("crm", "marketing")
    vendor = bench.vendors["marketing"]
    vendor.sandbox.issuer.expire()
    running: list[subprocess.Popen[str]] = []

    vendor.wrap = killing(running)
    running.append(bench.start("check"))
    assert finished(running[0]).code == -9
    assert bench.run("check").code == 0
    assert vendor.sandbox.issuer.refused == 0


def test_s11_lost_answers_are_no_storm(crm_bench: Bench) -> None:
    bench = crm_bench
    bench.login("crm")
    vendor = bench.vendors["crm"]
    vendor.sandbox.issuer.expire()

    def lose(request: Request, go: Callable[[Request], Response]) -> Response:
        return Response(0) if is_renewal(request) else go(request)  # never arrives, as far as we can tell

    vendor.wrap = lose
    before = vendor.token_requests
    for _ in range(2):
        done = bench.run("check")
        assert done.code == 2, done.out
    assert vendor.token_requests - before == 2, "at once, once more at once, then at growing intervals"
    assert status(bench, "crm")["state"] == "renewing"


def test_s12_a_signed_assertion_signs_in(make_bench: Callable[..., Bench]) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    crm = (
        '{ type = "jwt_bearer", client_id = "3MVG9tieline.sandbox.consumer", username = "integration@northbay.example",'
        ' private_key = { file = "key.pem" } }'
    )
    bench = make_bench(crm=crm)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (bench.folder / "key.pem").write_bytes(pem)
    (bench.folder / "key.pem").chmod(0o600)
    refused = bench.run("auth", "login", "crm")
    assert refused.code == 2
    assert "invalid assertion" in refused.err
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    bench.vendors["crm"].sandbox.handle(Request("PUT", "/_sandbox/certificate", body=public))
    done = bench.run("auth", "login", "crm", "-vv")
    assert done.code == 0, done.err
    assert "accepts the credential" in done.out
    assert bench.run("auth", "logout", "crm").code == 2
    body = next(r for r in bench.vendors["crm"].asked if r.path.endswith("/token")).payload().decode()
    assert "assertion=eyJ" in body, "no assertion went over the wire: this shows nothing"
    texts = [("out", done.out.encode()), ("err", done.err.encode()), *files(bench.home)]
    assert holding(texts, body.partition("assertion=")[2][:40], pem.decode().splitlines()[3]) == []


def test_s03_without_a_key_nobody_is_asked_to_sign_in(crm_bench: Bench) -> None:
    bench = crm_bench
    del bench.env["TIELINE_KEY"]
    done = bench.run("auth", "login", "crm", "--json")
    told = json.loads(done.out)["error"]
    assert (done.code, told["hint"]) == (2, "tieline auth new-key")
    assert bench.vendors["crm"].asked == []
    made = bench.run("auth", "new-key", "--in", "file", "--json")
    path = json.loads(made.out)["place"]
    assert made.code == 0, made.out
    assert str(bench.home) not in path
    bench.login("crm")
    assert bench.run("auth", "new-key").code == 2, "a key that is there is not replaced"
    Path(path).rename(bench.folder / "moved")
    found = status(bench, "crm")
    assert (found["state"], found["found"]) == ("key missing", False)
    assert "tieline auth new-key" in bench.run("check").out


def test_s04_a_key_is_rotated_and_the_old_one_refused(crm_bench: Bench) -> None:
    bench = crm_bench
    del bench.env["TIELINE_KEY"]
    path = json.loads(bench.run("auth", "new-key", "--in", "file", "--json").out)["place"]
    bench.login("crm")
    old = Path(path).read_text().strip()
    done = json.loads(bench.run("auth", "rotate-key", "--json").out)
    assert done["resealed"] == 1
    assert bench.run("check").code == 0
    bench.env["TIELINE_KEY_FILE"] = str(bench.folder / "old.key")
    (bench.folder / "old.key").write_text(old)
    (bench.folder / "old.key").chmod(0o600)
    assert "was sealed with the key" in bench.run("check").out
