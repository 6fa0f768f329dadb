"""Addresses of this machine are asked directly, whatever proxy the user has for all others."""

from collections.abc import Mapping

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAMES = ("no_proxy", "NO_PROXY")


def without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep stand-ins on this machine from being asked through a proxy.

    What the user has excepted stays excepted. Both spellings are given: libraries differ in which one they read.
    """
    given = next((environment[name] for name in _NAMES if environment.get(name)), "")
    hosts = dict.fromkeys([*(host.strip() for host in given.split(",") if host.strip()), *_LOOPBACK])
    return dict.fromkeys(_NAMES, ",".join(hosts))
