"""Stand-ins on this machine are never asked through a proxy."""

import pytest

from local_factory.proxies import without_proxy


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": ".corp, 10.0.0.1"}, ".corp,10.0.0.1,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "localhost"}, "localhost,127.0.0.1,::1"),
        ({"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}, "127.0.0.1,localhost,::1"),
    ],
)
def test_this_machine_is_added_to_what_the_user_excepts(given: dict[str, str], hosts: str) -> None:
    assert without_proxy(given) == {"no_proxy": hosts, "NO_PROXY": hosts}
