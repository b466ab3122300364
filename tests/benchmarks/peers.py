"""Other gateways, installed from the registries that pip and npm are set up for, apart from everything else."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from targets import Launch, Target

PATIENCE = 600.0
"""Seconds that one installation may take."""

LITELLM = ("litellm[proxy]", "opentelemetry-api", "opentelemetry-sdk")
"""Without OpenTelemetry LiteLLM tries to import it with every request, which halves its speed."""

PORTKEY = "@portkey-ai/gateway"

LITELLM_CONFIG = """
model_list:
  - model_name: m
    litellm_params:
      model: openai/x
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: sk-unused
"""


def peers(folder: Path) -> tuple[list[Target], list[str]]:
    """The peers, installed into the folder unless they are there already, and words about what could not be."""
    targets, missing = [], []
    for name, install in (("litellm", _litellm), ("portkey", _portkey)):
        print(f"installing {name}, at most {PATIENCE:g} s for each step", file=sys.stderr)
        try:
            targets.append(install(folder / name))
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            last = (said.decode(errors="replace").strip().splitlines() or [str(error)])[-1]
            missing.append(f"{name} could not be installed: {last[:200]}")
    return targets, missing


def _litellm(home: Path) -> Target:
    command = home / "bin" / "litellm"
    if not command.exists():
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *LITELLM)
    version = _run(str(home / "bin" / "python"), "-c", "import importlib.metadata as m; print(m.version('litellm'))")

    def launch(folder: Path, port: int, upstream: int) -> Launch:
        (folder / "config.yaml").write_text(LITELLM_CONFIG.format(upstream=upstream))
        key = f"sk-{secrets.token_hex(24)}"  # it does not start without one
        environ = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        where = ("--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False")
        return Launch([str(command), *where], environ, {"authorization": f"Bearer {key}"})

    return Target("litellm", f"LiteLLM {version} with opentelemetry, no database", launch, exact=False)


def _portkey(home: Path) -> Target:
    for need in ("node", "npm"):
        if not shutil.which(need):
            raise FileNotFoundError(f"{need} is not installed")
    package = home / "node_modules" / PORTKEY
    if not package.exists():
        home.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", PORTKEY)
    version = _run("node", "-p", f"require({str(package / 'package.json')!r}).version")
    node = _run("node", "--version")

    def launch(folder: Path, port: int, upstream: int) -> Launch:
        script = str(package / "build" / "start-server.js")
        headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
            "authorization": "Bearer sk-unused",
        }
        return Launch(["node", script, f"--port={port}", "--headless"], {"NODE_ENV": "production"}, headers)

    return Target("portkey", f"Portkey {version} on Node {node}", launch, exact=False)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.decode().strip()
