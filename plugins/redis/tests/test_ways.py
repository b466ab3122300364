"""The ways to Redis: TLS, a socket's file, a database, users, a cluster."""

import shutil
import subprocess

import pytest
from tollhouse.errors import ConfigError, StoreError
from tollhouse.testing import run
from tollhouse.testing.stores.stage import demand, granted, used
from tollhouse_redis import open_redis
from tollhouse_redis.testing import RedisServer


async def counts(url):
    """One of every line and the listener, on a fresh state."""
    store = open_redis(url)
    heard = store.subscribe("t")
    await granted(store, "h", demand("slots"))
    assert await used(store, demand("slots")) == [1]
    await store.put("k", b"v")
    await store.append("l", [b"1"])
    await store.publish("t", b"m")
    assert await anext(heard) == ("t", b"m")
    await store.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A folder with two self-signed certificates for 127.0.0.1."""
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


def test_tls_trusts_the_named_authority_and_no_other(certificate):
    with RedisServer() as server:
        for setting in ("cert-file server.pem", "key-file server.key", "ca-cert-file server.pem"):
            name, file = setting.split()
            server.command("CONFIG", "SET", f"tls-{name}", certificate / file)
        port = server.port + 1
        server.command("CONFIG", "SET", "tls-port", port)
        own = f"ca={certificate}/server.pem&cert={certificate}/server.pem&key={certificate}/server.key"

        async def story():
            await counts(f"rediss://127.0.0.1:{port}/0?{own}")
            for trust in (f"ca={certificate}/other.pem", "prefix=x"):
                store = open_redis(f"rediss://127.0.0.1:{port}/0?{trust}")
                with pytest.raises(StoreError, match=r"is not there.*certificate"):
                    await store.get("k")
                await store.close()
            store = open_redis(f"rediss://127.0.0.1:{port}/0?ca=/nowhere.pem")
            with pytest.raises(ConfigError, match="cannot be read"):
                await store.get("k")
            await store.close()

        run(story())


def test_a_sockets_file_another_database_and_a_user(tmp_path):
    path = tmp_path / "redis.sock"
    options = (f"unixsocket {path}", "user gate on >sk-fake-redis ~{gate}* +@all -@dangerous +info")
    with RedisServer(*options) as server:
        run(counts(f"unix://{path}?db=3"))
        run(counts(f"redis://gate:sk-fake-redis@127.0.0.1:{server.port}/2?prefix=gate"))
        assert server.command("INFO", "keyspace").count("\ndb") == 2


def test_two_prefixes_in_one_redis_know_nothing_of_each_other(server):
    async def story():
        one, other = (open_redis(f"{server.url}?prefix={name}") for name in ("mine", "mine:too"))
        await granted(one, "h", demand("slots", limit=1))
        await one.put("k", b"v")
        await granted(other, "h", demand("slots", limit=1))
        assert await other.get("k") == [None]
        assert [key async for key, _ in other.scan("")] == []
        await one.close()
        await other.close()

    run(story())


@pytest.mark.slow
def test_a_cluster_serves_it_from_one_slot_whichever_node_is_named():
    cluster = ("cluster-enabled yes", "cluster-node-timeout 2000")
    with RedisServer(*cluster) as one, RedisServer(*cluster) as other:
        one.command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        other.command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        one.command("CLUSTER", "MEET", "127.0.0.1", other.port)
        for node in (one, other):
            node.wait_until(lambda node=node: "cluster_state:ok" in node.command("CLUSTER", "INFO"))
        for i, node in enumerate((one, other)):
            run(counts(f"{node.url}?prefix=cluster-{i}"))
        assert {node.command("DBSIZE") != "0" for node in (one, other)} == {True, False}
