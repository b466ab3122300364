"""`tollhouse metrics`: the dashboard and the alerts that belong to these metrics."""

from __future__ import annotations

import argparse
from importlib.resources import files

DATA = {"dashboard": "dashboard.json", "alerts": "alerts.yml"}


def metrics(parser: argparse.ArgumentParser) -> None:
    """Print the Grafana dashboard or the Prometheus alert rules."""
    parser.add_argument("what", choices=DATA, help="dashboard: JSON to import; alerts: a rules file")
    parser.set_defaults(run=_run)


def shipped(what: str) -> str:
    """The text of one of them."""
    return files("tollhouse_metrics").joinpath("data", DATA[what]).read_text()


def _run(args: argparse.Namespace) -> int:
    print(shipped(args.what), end="")
    return 0
