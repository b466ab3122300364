"""Opening a store by its URL: the scheme names an entry point of the group `tollhouse.stores`."""

from __future__ import annotations

from importlib.metadata import entry_points

from ..config.suggest import did_you_mean
from ..errors import ConfigError
from .interface import Store


def open_store(url: str) -> Store:
    """The store for a URL, opened lazily. Raises ConfigError when no back end of its scheme is installed."""
    scheme = url.partition(":")[0]
    points = {point.name: point for point in entry_points(group="tollhouse.stores")}
    if scheme not in points:
        raise ConfigError(
            f'no installed store speaks "{scheme}:".',
            path="store.url",
            hint=f"{did_you_mean(scheme, points, what='Installed')} Or install it: pip install tollhouse-{scheme}",
        )
    store: Store = points[scheme].load()(url)
    return store
