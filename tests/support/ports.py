"""Ports for servers that have to be told theirs."""

import random
import socket
from contextlib import suppress
from pathlib import Path

_RANGE_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 10_000, 32_768


def free_port() -> int:
    """Return a free port of none that the system gives to clients: else one may have it while a server restarts."""
    of_linux = _RANGE_OF_CLIENTS.is_file()
    highest = int(_RANGE_OF_CLIENTS.read_text(encoding="ascii").split()[0]) if of_linux else _HIGHEST
    for port in random.SystemRandom().sample(range(_LOWEST, highest), 100):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"none of a hundred ports from {_LOWEST} to {highest} is free")
