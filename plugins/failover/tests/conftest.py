"""Gateways whose time is the test's."""

import sys
from pathlib import Path

import msgspec
import pytest
from tollhouse.testing.jumping import run_jumping

sys.path.insert(0, str(Path(__file__).parent))

from outage import World, house


@pytest.fixture
def tell():
    """Runs `story(house)` on a gateway whose time jumps, in front of providers that do what `does` says."""

    def run(text, does, story, **more):
        world = World()
        world.does.update(does)

        async def whole():
            async with house(text, world, **more) as made:
                return await story(made)

        return run_jumping(whole())

    return run


@pytest.fixture
def words():
    """The text of an OpenAI answer, streamed or not."""

    def read(body):
        if not body.startswith((b"data:", b":")):
            return msgspec.json.decode(body)["choices"][0]["message"]["content"]
        texts = []
        for line in body.split(b"\n"):
            if line.startswith(b"data: {"):
                said = msgspec.json.decode(line[6:])
                texts += [choice["delta"].get("content") or "" for choice in said.get("choices", ())]
        return "".join(texts)

    return read
