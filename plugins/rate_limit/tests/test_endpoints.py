"""What operators read."""

from limited import config
from tollhouse.testing import Client


def test_levels_are_those_of_the_store_and_the_latest_come_first(tell):
    text = config('[defaults]\nrate_limit = "8 requests/minute"\n[rate_limit]\nrules = [{ limit = "4 concurrent" }]')

    async def story(house):
        await house.many(2, "ci")
        await house.chat("bob")
        return await house.get("/admin/v1/limits"), await house.get("/admin/v1/limits?limit=1")

    said, one = tell(text, story)
    assert [(limit["name"], limit["used"], limit["remaining"]) for limit in said["limits"]] == [
        ("4 concurrent (rule 1)", 0, 4),
        ("8 requests/minute of key bob", 1, 7),
        ("8 requests/minute of key ci", 2, 6),
    ]
    assert said["limits"][2] == {
        "key": "rate_limit:defaults:caller=key ci:8 requests/minute",
        "name": "8 requests/minute of key ci",
        "measure": "requests",
        "used": 2,
        "limit": 8,
        "remaining": 6,
        "resets_in": 15.0,
        "shadow": False,
        "waiting": 0,
    }
    assert len(one["limits"]) == 1


def test_callers_may_not_read_them(tell):
    async def story(house):
        client = Client(house.gateway, {"x-who": "ci"})
        return [(await client.get(path)).status for path in ("/admin/v1/limits", "/admin/v1/queue")]

    assert tell(config(), story) == [403, 403]


def test_only_so_many_counters_are_remembered(tell):
    text = config('[defaults]\nrate_limit = "8 requests/minute"')

    async def story(house):
        for number in range(1005):
            await house.chat(f"k{number}")
        said = await house.get("/admin/v1/limits?limit=99999")
        return len(said["limits"]), said["limits"][0]["name"]

    assert tell(text, story) == (1000, "8 requests/minute of key k1004")
