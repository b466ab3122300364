"""The OpenAPI document: every route is in it, and every answer is what it says."""

import pytest
from tollhouse.testing import Client, run
from tollhouse_admin.routes import ROUTES

jsonschema = pytest.importorskip("jsonschema")


class Checked:
    """Asks, and holds each answer against the document."""

    def __init__(self, admin, document):
        self.admin, self.document, self.met = admin, document, set()

    async def ask(self, method, path, body=b"", status=200, template=""):
        template = template or path.partition("?")[0]
        response = await self.admin.request(method, f"/admin/v1{path}", body)
        assert response.status == status, response.body
        said = self.document["paths"][f"/admin/v1{template}"][method.lower()]["responses"][str(status)]
        schema = {**said["content"]["application/json"]["schema"], "components": self.document["components"]}
        jsonschema.Draft202012Validator(schema).validate(response.json())
        self.met.add((method, f"/admin/v1{template}"))
        return response.json()


def test_every_route_is_in_the_document(house):
    async def work():
        async with house.open() as gate:
            document = await house.Admin(gate).ask("openapi.json")
            found = {(method.upper(), path) for path, many in document["paths"].items() for method in many}
            assert found == {(route.method, route.path) for route in ROUTES}
            served = {
                (method, one.path)
                for one in gate.edition.endpoints
                for method in one.methods
                if one.path.startswith("/admin/v1")
            }
            assert served == found
            ids = [one["operationId"] for many in document["paths"].values() for one in many.values()]
            assert len(set(ids)) == len(ids)
            jsonschema.Draft202012Validator.check_schema({"components": document["components"]})

    run(work())


def test_every_answer_fits_its_schema(house, tmp_path):
    async def work():
        async with house.open(folder=tmp_path) as gate:
            (tmp_path / "gateway.toml").write_text(house.CONFIG + '[store]\nurl = "memory:"\n[admin]\nrecent = 9\n')
            admin = house.Admin(gate)
            check = Checked(admin, await admin.ask("openapi.json"))
            await Client(gate).post(house.CHAT, house.asks())
            await Client(gate).post(house.CHAT, house.asks("nobody"))
            async with Client(gate).stream(house.CHAT, house.asks("slow", stream=True)) as stream:
                await anext(stream.chunks())
                [row, *_] = (await check.ask("GET", "/requests"))["items"]
                await check.ask("GET", f"/requests/{row['id']}", template="/requests/{id}")
                await check.ask("POST", f"/requests/{row['id']}/cancel", status=202, template="/requests/{id}/cancel")
            for one in (await check.ask("GET", "/requests?filter=status:>0"))["items"]:
                await check.ask("GET", f"/requests/{one['id']}", template="/requests/{id}")
            for path in ("whoami", "state", "targets", "models", "plugins", "config", "config/diff", "openapi.json"):
                await check.ask("GET", f"/{path}")
            await check.ask("GET", "/spend?by=model,hour")
            for action in ("drain", "resume", "test"):
                await check.ask("POST", f"/targets/{action}", {"target": "simulator/echo"})
                await check.ask("POST", f"/targets/{action}", {"target": "x"}, status=404)
                await check.ask("POST", f"/targets/{action}", {"target": 7}, status=400)
            await check.ask("POST", "/config/validate", {"text": "[x]\n"})
            await check.ask("POST", "/config/reload")
            (tmp_path / "gateway.toml").write_text("= nonsense")
            await check.ask("POST", "/config/reload", status=409)
            await check.ask("GET", "/audit")
            await check.ask("GET", "/requests/none", status=404, template="/requests/{id}")
            await check.ask("GET", "/requests?limit=x", status=400)
            every = {(route.method, route.path) for route in ROUTES if route.answers is not None}
            assert check.met == every

    run(work())
