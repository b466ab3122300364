"""Traces for OpenTelemetry: requests, attempts and hooks as spans."""

from .plugin import Tracing, TracingSettings

__all__ = ["Tracing", "TracingSettings"]
