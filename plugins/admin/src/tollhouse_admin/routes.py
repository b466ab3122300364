"""Every route of the API."""

from __future__ import annotations

from . import operations, settings_shapes, settings_views, shapes, views
from .http import Call, Route
from .openapi import document
from .stream import events

_PAGE = {"limit": "Most items, 1 to 1000; default 100.", "after": "The `next` of the page before."}


async def _document(call: Call) -> settings_shapes.Document:
    return document(ROUTES)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/admin/v1/whoami", "caller", "Who is calling.", views.whoami, shapes.WhoAmI),
    Route("GET", "/admin/v1/state", "viewer", "Whether all is fine, and figures.", views.state, shapes.State),
    Route(
        "GET",
        "/admin/v1/events",
        "viewer",
        "Live events of all workers, as server-sent events.",
        events,
        None,
        query={
            "after": "Go on after the event with this id; also as the header last-event-id.",
            "types": "Only these types, `*` for anything, separated by commas.",
            "team": "Only of this team.",
            "model": "Only for this model.",
            "key": "Only by this key.",
        },
    ),
    Route(
        "GET",
        "/admin/v1/requests",
        "viewer",
        "Requests, newest first, those under way among them.",
        views.requests,
        shapes.Requests,
        query={**_PAGE, "filter": "Words such as `team:search status:>=400 !outcome:completed gpt`."},
    ),
    Route("GET", "/admin/v1/requests/{id}", "viewer", "One request in full.", views.request, shapes.Detail),
    Route(
        "POST",
        "/admin/v1/requests/{id}/cancel",
        "operator",
        "End a request under way.",
        views.cancel,
        shapes.Ok,
        status=202,
    ),
    Route("GET", "/admin/v1/targets", "viewer", "Targets and how they do.", views.targets, shapes.Targets),
    Route(
        "POST",
        "/admin/v1/targets/drain",
        "operator",
        "Send a target no new attempts.",
        operations.drain,
        shapes.Ok,
        shapes.OneTarget,
    ),
    Route(
        "POST",
        "/admin/v1/targets/resume",
        "operator",
        "Send a drained target attempts again.",
        operations.resume,
        shapes.Ok,
        shapes.OneTarget,
    ),
    Route(
        "POST",
        "/admin/v1/targets/test",
        "operator",
        "Ask a target a few words.",
        operations.test,
        shapes.Tested,
        shapes.OneTarget,
    ),
    Route("GET", "/admin/v1/models", "viewer", "Models, targets and prices.", settings_views.models, shapes.Models),
    Route(
        "GET",
        "/admin/v1/spend",
        "viewer",
        "What was spent, summed by the hour.",
        settings_views.spend,
        shapes.Spend,
        query={
            "by": "Columns with commas: key, user, team, model, target, provider, outcome, hour; default model.",
            "since": "Unix seconds; default midnight UTC.",
            "until": "Unix seconds; default now.",
            "where": "column:value, several with commas.",
        },
    ),
    Route(
        "GET",
        "/admin/v1/plugins",
        "viewer",
        "Plugins and their hooks.",
        settings_views.plugins,
        settings_shapes.Plugins,
    ),
    Route(
        "GET",
        "/admin/v1/config",
        "viewer",
        "Every resolved setting, secrets masked.",
        settings_views.configuration,
        settings_shapes.Configuration,
    ),
    Route(
        "GET",
        "/admin/v1/config/diff",
        "viewer",
        "What the file on disk would change.",
        settings_views.difference,
        settings_shapes.Difference,
    ),
    Route(
        "POST",
        "/admin/v1/config/validate",
        "operator",
        "Whether a text would do as gateway.toml.",
        settings_views.validate,
        settings_shapes.Verdict,
        settings_shapes.Draft,
    ),
    Route(
        "POST",
        "/admin/v1/config/reload",
        "operator",
        "Serve by the file on disk.",
        settings_views.reload,
        settings_shapes.Reloaded,
    ),
    Route(
        "GET", "/admin/v1/audit", "viewer", "Who did what.", settings_views.audit, settings_shapes.Audit, query=_PAGE
    ),
    Route("GET", "/admin/v1/openapi.json", "viewer", "This document.", _document, settings_shapes.Document),
)
