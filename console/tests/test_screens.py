"""Every screen as it looks, at two sizes: the text on it is compared with the files in `screens/`.

`TOLLHOUSE_WRITE_SCREENS=1` writes the files anew; look at what changed before you keep it.
"""

import os
from pathlib import Path

import pytest
from fake_admin import Fake
from looking import opened, press, run, shown, until, until_shown
from tollhouse_console.views.header import SCREENS

FOLDER = Path(__file__).parent / "screens"
SIZES = {"80x24": (80, 24), "160x48": (160, 48)}

sizes = pytest.mark.parametrize("size", SIZES)


def different(name, app):
    """What differs from the file, empty for nothing."""
    found = "\n".join(shown(app)) + "\n"
    path = FOLDER / f"{name}.txt"
    if os.environ.get("TOLLHOUSE_WRITE_SCREENS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(found)
    return "" if found == path.read_text() else f"{name} looks otherwise:\n{found}"


async def settled(pilot, app):
    """Everything the screen asks for was answered."""
    await until(pilot, lambda: all(app.house.answer(name).word != "loading" for name, _ in app.view.questions()))
    await pilot.pause(0.25)
    app.tick()
    await pilot.pause(0.05)


@sizes
def test_every_screen_looks_as_it_should(fake, size):
    async def go():
        wrong = []
        async with opened(fake, SIZES[size]) as (pilot, app):
            for number, (name, _, _) in enumerate(SCREENS, 1):
                await press(pilot, str(number))
                await settled(pilot, app)
                wrong.append(different(f"{name}-{size}", app))
            await press(pilot, "1", *"jjjjjj", "enter")
            await until_shown(pilot, "503 overloaded")
            await settled(pilot, app)
            wrong.append(different(f"detail-{size}", app))
            await press(pilot, "question_mark")
            await until_shown(pilot, "esc closes")
            wrong.append(different(f"help-{size}", app))
        assert "".join(wrong) == ""

    run(go())


@sizes
def test_the_first_minute_teaches(size):
    async def go():
        with Fake() as fake:
            fake.records = []
            fake.absent = {"budgets", "keys", "limits", "queue", "breakers"}
            async with opened(fake, SIZES[size]) as (pilot, app):
                await until_shown(pilot, '"smart"')
                app.house.url = "http://127.0.0.1:8080"
                await settled(pilot, app)
                app.view.show()
                await pilot.pause()
                wrong = different(f"empty-{size}", app)
                for key in "345":
                    await press(pilot, key)
                    await settled(pilot, app)
                    wrong += different(f"not-loaded-{key}-{size}", app)
                assert wrong == ""

    run(go())


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 97, 120, 200])
def test_no_line_wraps_and_the_header_stays_at_any_width(fake, width):
    async def go():
        async with opened(fake, (width, 24)) as (pilot, app):
            for number in range(1, 7):
                await press(pilot, str(number))
                await settled(pilot, app)
                lines = shown(app)
                assert len(lines) == 24
                assert all(len(line) <= width for line in lines)
                assert "DEGRADED" in lines[0]
                assert f"[{number} " in lines[1]
                assert lines[-1].rstrip().endswith("quit")

    run(go())


def test_columns_give_way_by_importance_and_come_back(fake):
    async def go():
        async with opened(fake, (160, 24)) as (pilot, app):
            await until_shown(pilot, "TOK/S")
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: "TOK/S" not in shown(app)[2])
            assert shown(app)[2].split() == ["CALLER", "MODEL", "→", "TARGET", "ST", "COST", "END"]
            await pilot.resize_terminal(160, 24)
            await until_shown(pilot, "TOK/S")

    run(go())


@pytest.mark.slow
@pytest.mark.parametrize(
    "theme", ["tollhouse-light", "tollhouse-clear-dark", "tollhouse-clear-light", "ansi-light", "nord"]
)
def test_every_theme_says_the_same(fake, theme):
    async def go():
        async with opened(fake, (80, 24)) as (pilot, app):
            await settled(pilot, app)
            before = shown(app)
        async with opened(fake, (80, 24), theme=theme) as (pilot, app):
            await settled(pilot, app)
            assert shown(app) == before

    run(go())
