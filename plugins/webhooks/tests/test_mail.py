"""Mail over a real server on a socket: encrypted or plain, logged in or not, and no header by anybody's making."""

import shutil
import socket
import ssl
import subprocess
from email import message_from_bytes, policy

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from receiving import BODY, CHAT, until
from tollhouse.config import validate
from tollhouse.testing import Client, gateway, run
from tollhouse_webhooks import Webhook
from tollhouse_webhooks.catalogue import KeyData
from tollhouse_webhooks.letter import write
from tollhouse_webhooks.mailbag import Mailbag, written

PASSWORD = "fake-canary-password"


class Postbox:
    """What the server took: sender, recipients and bytes."""

    def __init__(self, answer="250 OK"):
        self.answer, self.mails = answer, []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None))
        return self.answer


def logs_in(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"tollhouse" and data.password == PASSWORD.encode(), handled=False)


def served(box, work, **options):
    """A server on a free port while `work(port)` runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        return work(port)
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


def webhook(url, **more):
    raw = {"url": url, "format": "email", "sender": "tollhouse@example.com", "to": ["a@example.com", "b@example.com"]}
    return validate(Webhook, raw | {"timeout": "5s"} | more, "webhooks.mail")


def deliver(hook, data=None):
    letter = write("key.created", 1_700_000_000.0, data or KeyData(key="ci"), "msg_1")
    return run(Mailbag(hook).deliver(letter))


def test_a_request_arrives_as_mail_with_a_line_and_the_payload():
    box = Postbox()

    def work(port):
        async def live():
            text = f"""
plugins = ["openai", "webhooks"]
providers.simulator = {{ ttft = "off", tokens_per_second = 0 }}
[webhooks.mail]
url = "smtp://127.0.0.1:{port}"
format = "email"
starttls = false
sender = "tollhouse@example.com"
to = "ops@example.com"
"""
            async with gateway(text) as gate:
                await Client(gate).post(CHAT, BODY)
                await until(lambda: box.mails)

        run(live())

    served(box, work)
    [(sender, to, content, _)] = box.mails
    mail = message_from_bytes(content, policy=policy.default)
    assert (sender, to) == ("tollhouse@example.com", ["ops@example.com"])
    assert mail["subject"].startswith("[request.completed] Request to simulator/echo")
    text, _, payload = mail.get_content().replace("\r\n", "\n").partition("\n\n")
    assert text.startswith("Request to simulator/echo")
    assert msgspec.json.decode(payload)["data"]["model"] == "simulator/echo"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the library does not count a socket that is TLS from the start
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_it_encrypts_and_logs_in(scheme, certificate, monkeypatch):
    cert, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    box = Postbox()
    tls = {"require_starttls": True, "tls_context": context} if scheme == "smtp" else {"ssl_context": context}

    def work(port):
        return deliver(webhook(f"{scheme}://localhost:{port}", user="tollhouse", password=PASSWORD))

    options = {"authenticator": logs_in, "auth_required": True, "auth_require_tls": scheme == "smtp"}
    outcome = served(box, work, **tls, **options)
    assert (outcome.ok, outcome.why) == (True, "")
    [(_, to, _, encrypted)] = box.mails
    assert to == ["a@example.com", "b@example.com"]
    assert encrypted or scheme == "smtps"


def test_a_server_whose_certificate_nobody_knows_gets_nothing(certificate):
    box = Postbox()
    options = {"require_starttls": True, "tls_context": certificate[1]}
    outcome = served(box, lambda port: deliver(webhook(f"smtp://localhost:{port}")), **options)
    assert not outcome.ok
    assert box.mails == []


def test_a_server_that_does_not_encrypt_gets_nothing_unless_that_was_said():
    box = Postbox()
    refused = served(box, lambda port: deliver(webhook(f"smtp://127.0.0.1:{port}")))
    assert not refused.ok
    assert box.mails == []
    assert served(box, lambda port: deliver(webhook(f"smtp://127.0.0.1:{port}", starttls=False))).ok
    assert len(box.mails) == 1


def test_what_the_server_refuses_is_an_error_without_the_password(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    later = Postbox("451 later")
    outcome = served(later, lambda port: deliver(webhook(f"smtp://127.0.0.1:{port}", starttls=False)))
    assert (outcome.ok, outcome.status, outcome.why) == (False, 451, "the mail server answered 451")

    def work(port):
        return deliver(webhook(f"smtp://localhost:{port}", user="tollhouse", password=PASSWORD + "x"))

    options = {"require_starttls": True, "tls_context": certificate[1], "authenticator": logs_in}
    wrong = served(Postbox(), work, auth_required=True, **options)
    assert (wrong.ok, wrong.status) == (False, 535)
    assert PASSWORD not in wrong.why


def test_no_server_is_an_error_and_not_an_exception():
    outcome = deliver(webhook("smtp://127.0.0.1:9", starttls=False))
    assert (outcome.ok, outcome.status) == (False, 0)
    assert "no mail server" in outcome.why


@pytest.mark.parametrize(
    "name", ["ci\r\nBcc: evil@example.com", "ci\nSubject: x", "ci\x00\x0b\x85\u2028Bcc: evil@example.com", "é" * 300]
)
def test_a_name_adds_no_header_to_a_mail(name):
    letter = write("key.created", 1_700_000_000.0, KeyData(key=name), "msg_1")
    mail = message_from_bytes(written(webhook("smtp://example.com"), letter).as_bytes(), policy=policy.default)
    assert sorted(header.lower() for header in mail) == sorted(
        [
            "from",
            "to",
            "subject",
            "date",
            "message-id",
            "auto-submitted",
            "content-type",
            "content-transfer-encoding",
            "mime-version",
        ]
    )
    assert mail["message-id"] == "<msg_1@example.com>"
    box = Postbox()
    hook = {"starttls": False}
    assert served(box, lambda port: deliver(webhook(f"smtp://127.0.0.1:{port}", **hook), KeyData(key=name))).ok
    assert box.mails[0][1] == ["a@example.com", "b@example.com"]
