"""What targets cost: public price lists, and what gateway.toml says above them."""

from .plugin import Prices
from .settings import PricesSettings

__all__ = ["Prices", "PricesSettings"]
