"""A Tesla Fleet API that behaves like Tesla's, on loopback ports, with faults on demand.

In a test: `with Simulator(SimulatorConfig(vehicles=2)) as sim: ...`. As a process: `python -m tests.simulator`.
"""

from .browser import authorize
from .config import SimulatorConfig
from .ledger import Call
from .simulator import Simulator

__all__ = ["Call", "Simulator", "SimulatorConfig", "authorize"]
