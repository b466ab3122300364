"""Where webhooks may not lead: every way to write or resolve an address of our own network."""

import asyncio
import shutil
import ssl
import subprocess
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiving import SECRET, Receiver
from tollhouse.config import validate
from tollhouse.testing import run
from tollhouse_webhooks import Webhook
from tollhouse_webhooks.catalogue import TestData as Trial
from tollhouse_webhooks.courier import Courier
from tollhouse_webhooks.guard import Door, Forbidden, check_url, private
from tollhouse_webhooks.letter import write

FORBIDDEN = [
    "http://127.0.0.1/",
    "http://127.8.8.8/",
    "http://0.0.0.0/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://100.127.255.254/",
    "http://192.0.0.1/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::ffff:0:10.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.0x1/",
    "http://127.0.0.01/",
    "http://127.0.0.1./",
    "http://1.1.1.1.1/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://example.com./",
    "http://localhost./",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http:// example.com/",
    "http://exa\tmple.com/",
    "http://example.com\r\nhost: internal/",
    "http:///path",
    "http://[::1/",
    "http://example.com:99999/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_SET",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "",
]

ALLOWED = [
    "https://example.com/hooks",
    "http://example.com:8080/",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
    "https://xn--bcher-kva.example/",
    "https://bücher.example/",
    "https://1password.example/",
    "https://hooks.slack.com/services/T0/B0/x",
]


@pytest.mark.parametrize("url", FORBIDDEN, ids=repr)
def test_a_url_that_leads_inside_is_refused(url):
    with pytest.raises(ValueError, match=r"^its? "):
        check_url(url)


@pytest.mark.parametrize("url", ALLOWED)
def test_a_public_url_is_let_through(url):
    check_url(url)


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://127.0.0.1:9/", ["127.0.0.1"]),
        ("http://10.1.2.3/", ["10.0.0.0/8"]),
        ("http://[::1]/", ["::1"]),
        ("http://[::1]/", ["[::1]"]),
        ("http://192.168.1.1/", ["example.com", "192.168.1.1"]),
    ],
)
def test_what_allow_names_may_be_written_down(url, allow):
    check_url(url, allow)


@pytest.mark.parametrize("url", ["http://127.0.0.2/", "http://2130706433/", "http://[::ffff:127.0.0.1]/"])
def test_allow_names_an_address_and_no_other_spelling_of_it(url):
    with pytest.raises(ValueError, match="it"):
        check_url(url, ["127.0.0.1"])


@given(st.ip_addresses())
def test_no_address_passes_that_python_does_not_call_global(ip):
    assert private(str(ip)) or (ip.is_global and not ip.is_multicast)
    assert private(str(ip)) or not getattr(ip, "ipv4_mapped", None)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_any_ipv6_clothes_is_refused(ip):
    number = int(ip)
    for network in ("::ffff:0:0", "64:ff9b::", "::", "::ffff:0:0:0"):
        assert private(str(IPv6Address(int(IPv6Address(network)) + number)))
    assert private(str(IPv6Address((0x2002 << 112) + (number << 80))))


def dialed(host, answers, allow=()):
    """What comes of connecting to a host whose name resolves to these addresses, one list a look-up."""
    asked = []

    async def resolve(name, port):
        asked.append(name)
        return answers[min(len(asked), len(answers)) - 1]

    async def story():
        socket = await Door(allow, resolve).dial(host, 1)
        socket.close()

    return story, asked


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["8.8.8.8", "10.0.0.1"], ["fe80::1%eth0"], ["100.64.0.1"], ["::ffff:127.0.0.1"]],
)
def test_a_name_with_any_inner_address_is_not_connected_to(addresses):
    story, asked = dialed("receiver.example", [addresses])
    with pytest.raises(Forbidden, match="allow"):
        run(story())
    assert asked == ["receiver.example"]


def posting(url, resolve, **more):
    webhook = validate(Webhook, {"url": url, "secret": SECRET, "timeout": "1s", **more}, "webhooks.x")

    async def post():
        courier = Courier(webhook, lambda: 1_700_000_000.0, resolve)
        try:
            return await courier.deliver(write("webhook.test", 1_700_000_000.0, Trial(webhook="x"), "msg_1"))
        finally:
            await courier.close()

    return post


def test_a_name_is_resolved_once_a_connection_and_a_second_answer_changes_nothing():
    """The resolver says an address first that `allow` lets through and nobody answers at, and loopback ever after."""
    asked = []

    async def resolve(name, port):
        asked.append(name)
        return ["198.18.0.1"] if len(asked) == 1 else ["127.0.0.1"]

    async def story():
        async with Receiver() as inside:
            port = inside.url.rpartition(":")[2]
            url = f"http://rebinding.example:{port}/"
            first = await posting(url, resolve, allow=["198.18.0.1"])()
            looks = len(asked)
            second = await posting(url, resolve, allow=["198.18.0.1"])()
            return first, looks, second, inside.requests

    first, looks, second, requests = run(story())
    assert (first.ok, looks) == (False, 1)
    assert not second.ok
    assert "allow" in second.why
    assert requests == []


def test_the_connection_goes_to_the_address_that_was_checked_and_says_the_name():
    async def resolve(name, port):
        return ["127.0.0.1"]

    async def story():
        async with Receiver() as inside:
            port = inside.url.rpartition(":")[2]
            url = f"http://receiver.internal:{port}/"
            refused = await posting(url, resolve)()
            by_name = await posting(url, resolve, allow=["receiver.internal"])()
            by_address = await posting(url, resolve, allow=["127.0.0.0/8"])()
            return refused, by_name, by_address, [request.headers["host"] for request in inside.requests], port

    refused, by_name, by_address, hosts, port = run(story())
    assert not refused.ok
    assert hosts == [f"receiver.internal:{port}"] * 2
    assert (by_name.status, by_address.status) == (401, 401)  # its clock says 2023: the receiver was reached


def test_tls_names_the_host_and_checks_its_certificate_at_the_address_that_was_looked_up(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=receiver.internal"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    named, taken = [], []
    context.sni_callback = lambda _, name, __: named.append(name)

    async def resolve(name, port):
        return ["127.0.0.1"]

    async def take(reader, writer):
        taken.append(await reader.read())
        writer.close()

    async def story():
        server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side of the refused handshake
        port = server.sockets[0].getsockname()[1]
        try:
            return await posting(f"https://receiver.internal:{port}/", resolve, allow=["receiver.internal"])()
        finally:
            server.close()
            await server.wait_closed()

    outcome = run(story())
    assert not outcome.ok
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.why
    assert named == ["receiver.internal"]
    assert taken == []


def test_a_redirect_is_not_followed():
    async def story():
        async with Receiver() as inside, Receiver() as outside:
            outside._scripts.clear()
            outside.answer(b"", 307, {"location": f"{inside.url}/admin"})
            answer = await posting(f"{outside.url}/", None, allow=["127.0.0.1"])()
            return answer, inside.requests

    answer, requests = run(story())
    assert (answer.ok, answer.status) == (False, 307)
    assert "redirect" in answer.why
    assert requests == []


def test_who_takes_a_message_and_says_nothing_is_given_up_in_time():
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async def story():
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await posting(f"http://127.0.0.1:{port}/", None, allow=["127.0.0.1"])()
        finally:
            server.close()
            await server.wait_closed()

    outcome = run(story())
    assert (outcome.ok, outcome.status, outcome.why) == (False, 0, "no answer within 1s")
