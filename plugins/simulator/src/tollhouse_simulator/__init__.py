"""An offline provider for Tollhouse: answers anything without a server, and fails on request."""

from .plugin import Simulator
from .provider import SimulatedProvider
from .settings import SimulatorSettings

__all__ = ["SimulatedProvider", "Simulator", "SimulatorSettings"]
