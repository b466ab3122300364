"""Metrics for Prometheus: what happened in all workers of this server, at GET /metrics."""

from .plugin import Metrics, MetricsSettings

__all__ = ["Metrics", "MetricsSettings"]
