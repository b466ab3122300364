"""HTTPS on every engine, certificates that change, and HTTP/2 where it is spoken."""

import shutil
import signal
import ssl
import subprocess

import httpx
import pytest
from callers import asks, chat, config, refused, said
from tollhouse.testing import Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A folder with a self-signed server.pem and its server.key, and another pair."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    for name in ("server", "other"):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
            ],
            check=True,
            capture_output=True,
        )
    return folder


def copied(certificate, folder, name="server"):
    shutil.copy(certificate / f"{name}.pem", folder / "server.pem")
    shutil.copy(certificate / f"{name}.key", folder / "server.key")


TLS = 'tls = { cert = "server.pem", key = "server.key" }'


def shown(url):
    """The name in the certificate that a gateway shows."""
    host, port = url.removeprefix("https://").split(":")
    text = ssl.get_server_certificate((host, int(port)))
    return subprocess.run(
        ["openssl", "x509", "-noout", "-subject"], input=text, capture_output=True, text=True, check=True
    ).stdout


def test_tls_and_a_new_certificate_after_a_reload(tmp_path, certificate, crew):
    engine, workers = crew
    copied(certificate, tmp_path)
    text = config(engine, f"{TLS}\nworkers = {workers}")
    with Served(tmp_path, text) as gate:
        assert gate.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=certificate / "server.pem")
        with httpx.Client(verify=trusting) as client:
            assert said(chat(gate.url, client=client)) == "one two three"
        assert "server" in shown(gate.url)
        copied(certificate, tmp_path, "other")
        gate.reload(text)
        assert {shown(gate.url).strip()[-5:] for _ in range(10)} == {"other"}
        (tmp_path / "server.key").write_text("no key")
        gate.reload(text, "was refused")
        assert "other" in shown(gate.url)


def test_a_certificate_that_is_none_is_said_so(tmp_path, certificate, engine):
    text = config(engine, TLS)
    assert "server.tls.cert: server.pem cannot be read" in refused(tmp_path, text)
    copied(certificate, tmp_path)
    shutil.copy(certificate / "other.key", tmp_path / "server.key")
    complaint = refused(tmp_path, text)
    assert complaint.startswith("tollhouse: server.tls: server.pem and server.key are not a certificate and its key")


def test_http2_within_tls(tmp_path, certificate):
    pytest.importorskip("h2")
    copied(certificate, tmp_path)
    with Served(tmp_path, config("hypercorn", TLS)) as gate, httpx.Client(http2=True, verify=False) as client:
        answer = chat(gate.url, client=client)
        assert (answer.http_version, said(answer)) == ("HTTP/2", "one two three")
        with client.stream("POST", f"{gate.url}/v1/chat/completions", json=asks(stream=True)) as response:
            assert b"data: [DONE]" in response.read()
        gate.process.send_signal(signal.SIGTERM)
        gate.process.wait(20)


def test_http2_by_prior_knowledge_also_while_draining(tmp_path):
    pytest.importorskip("h2")
    text = config("hypercorn", pace=10)
    with Served(tmp_path, text) as gate, httpx.Client(http1=False, http2=True, timeout=30) as client:
        with client.stream("POST", f"{gate.url}/v1/chat/completions", json=asks("a b c d e f g h", stream=True)) as one:
            assert one.http_version == "HTTP/2"
            gate.process.send_signal(signal.SIGTERM)
            gate.wait_for("Draining")
            refusal = chat(gate.url, client=client)
            assert (refusal.status_code, refusal.json()["error"]["code"]) == (503, "draining")
            assert b"data: [DONE]" in one.read()
        assert gate.process.wait(20) == 0
