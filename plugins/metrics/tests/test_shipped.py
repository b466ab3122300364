"""The dashboard and the alerts name only metrics and labels that exist."""

import json
import re

import pytest
import yaml
from tollhouse.cli import main
from tollhouse_metrics.families import FAMILIES

SAMPLES = {sample: family for family in FAMILIES.values() for sample in family.samples()}
_METRIC = re.compile(r"\b((?:tollhouse|gen_ai|process)_\w+)(?:\{([^}]*)\})?")
FROM_SCRAPING = {"instance", "job", "le"}


def checked(expression, labels):
    """The metrics an expression names; each exists and has the labels it is asked for."""
    found = [(name, inside) for name, inside in _METRIC.findall(expression) if name not in labels]
    assert found, expression
    for name, inside in found:
        assert name in SAMPLES, f"{name} in {expression}"
        asked = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", inside))
        assert asked <= {*SAMPLES[name].labels, *FROM_SCRAPING}, f"{asked} of {name}"
    grouped = {
        word for group in re.findall(r"(?:by|ignoring) \(([^)]*)\)", expression) for word in re.findall(r"\w+", group)
    }
    assert grouped <= {label for name, _ in found for label in SAMPLES[name].labels} | FROM_SCRAPING, expression
    return {name for name, _ in found}


LABELS = {label for family in FAMILIES.values() for label in family.labels}


@pytest.fixture
def printed(capsys):
    def of(what):
        assert main(["metrics", what]) == 0
        return capsys.readouterr().out

    return of


def test_the_dashboard_asks_for_what_exists(printed):
    dashboard = json.loads(printed("dashboard"))
    panels = [one for one in dashboard["panels"] if one["type"] != "row"]
    used = set()
    for panel in panels:
        for target in panel["targets"]:
            used |= checked(target["expr"], LABELS)
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                assert label in LABELS | FROM_SCRAPING
    assert len(panels) > 20
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    asked = {SAMPLES[name].name for name in used}
    unseen = {name for name in FAMILIES if not name.startswith(("process_", "tollhouse_team_"))} - asked
    assert unseen == {
        "gen_ai_client_token_usage",
        "tollhouse_build_info",
        "tollhouse_reloads_total",
        "tollhouse_metrics_series_refused_total",
    }


def test_the_alerts_ask_for_what_exists(printed):
    rules = [rule for group in yaml.safe_load(printed("alerts"))["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 8
    for rule in rules:
        metrics = checked(rule["expr"], LABELS)
        known = {label for name in metrics for label in SAMPLES[name].labels} | FROM_SCRAPING
        for words in rule["annotations"].values():
            assert set(re.findall(r"\$labels\.(\w+)", words)) <= known
