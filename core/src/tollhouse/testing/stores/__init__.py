"""What every store must do, as tests to inherit: bind `StoreConformance` to a back end in its test module.

    class TestMyStore(StoreConformance):
        opener = staticmethod(open_my_store)

        @pytest.fixture
        def urls(self, tmp_path):
            return lambda: f"mine:{tmp_path}/{secrets.token_hex(4)}"

`urls` gives a function that names a fresh state with every call. `opener` must be importable by name and take
`clock`, unix seconds, by keyword. A store that several processes share sets `shared = True` and is also bound to
`SharedStoreConformance`, which uses real processes and the machine's own time.
"""

from .claims import Claims
from .histories import Histories
from .ledger import Ledger
from .losses import Losses
from .messages import Messages
from .processes import SharedStoreConformance
from .records import Records
from .settlements import Settlements
from .stage import FakeClock, Stage
from .values import Values

__all__ = ["FakeClock", "SharedStoreConformance", "Stage", "StoreConformance"]


class StoreConformance(Claims, Settlements, Losses, Values, Records, Ledger, Messages, Histories):
    """Everything one process can ask of a store."""
