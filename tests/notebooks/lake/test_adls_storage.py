"""ADLS Gen2 by Microsoft's client: what passes by itself is tried again, nothing is done twice, leases hold."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential

from fakes.dfs_service import ACCOUNT, CONTAINER, KEY, DfsService
from fakes.fast_clock import FastClock
from fakes.http_service import Fault
from ingestion.lake.adls_storage import LEASE_SECONDS, AdlsLease, AdlsStorage
from ingestion.lake.documents import replace_document
from ingestion.platform.errors import LakeError, LockedError, LockLostError, PathNotFoundError

PASSING = [Fault.DROP, Fault.DROP_AFTER, Fault.FAIL_AFTER, Fault.BUSY, Fault.THROTTLE]
FILE = "countries/india.json"


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def service(clock: FastClock) -> Iterator[DfsService]:
    with DfsService(page=2, seconds=clock.now) as service:
        yield service


@pytest.fixture
def storage(service: DfsService, clock: FastClock) -> AdlsStorage:
    return service.storage("", clock)


def rename(storage: AdlsStorage) -> None:
    storage.rename("old", "deep/below/new")


def replace(storage: AdlsStorage) -> None:
    storage.rename("old", "other", replace=True)


def lock(storage: AdlsStorage) -> None:
    lease = storage.lease("t.lock", "run-1", 0)
    lease._renew()  # type: ignore[attr-defined]
    lease.release(settled=True)
    storage.lease("t.lock", "run-1", 0).release(settled=False)


OPERATIONS: dict[str, tuple[Callable[[AdlsStorage], Any], Any, dict[str, bytes]]] = {
    "list": (lambda storage: [entry.name for entry in storage.list("many")], ["a", "b", "c"], {}),
    "read": (lambda storage: storage.read("old"), b"old" * 1000, {}),
    "write": (lambda storage: storage.write("deep/file", b"new"), None, {"deep/file": b"new"}),
    "write over": (lambda storage: storage.write("other", b"new"), None, {"other": b"new"}),
    "create": (lambda storage: storage.create("deep/file", b"new"), True, {"deep/file": b"new"}),
    "create what is there": (lambda storage: storage.create("other", b"new"), False, {"other": b"other"}),
    "rename": (rename, None, {"deep/below/new": b"old" * 1000}),
    "replace": (replace, None, {"other": b"old" * 1000}),
    "delete": (lambda storage: storage.delete("many"), None, {}),
    "lock": (lock, None, {"t.lock": b"run-1\n"}),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_passes_by_itself_at_any_call_changes_nothing(name: str, clock: FastClock) -> None:
    operation, result, content = OPERATIONS[name]
    with DfsService(page=2, seconds=clock.now) as service:
        storage = service.storage("", clock)

        def files_after(number: int, fault: Fault | None) -> tuple[Any, dict[str, bytes], int]:
            service.nodes.clear()
            for path in ("many/a", "many/b", "many/c"):
                storage.write(path, b"x")
            storage.write("old", b"old" * 1000)
            storage.write("other", b"other")
            service.faults.forget()
            if fault:
                service.faults.orders[number] = fault
            found = operation(storage)
            assert not fault or service.faults.met
            files = {path: node.content for path, node in service.nodes.items() if not node.is_folder}
            return found, files, len(service.faults.calls)

        found, files, calls = files_after(0, None)
        assert found == result
        assert content.items() <= files.items()
        for number in range(1, calls + 1):
            for fault in PASSING if name not in ("list", "read") else [*PASSING, Fault.CUT]:
                assert files_after(number, fault)[:2] == (found, files), f"{fault} at call {number}"


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_service_that_stays_broken_is_named_after_some_tries(
    name: str, service: DfsService, storage: AdlsStorage
) -> None:
    service.faults.every = lambda _method, _path: Fault.BUSY
    with pytest.raises(LakeError, match=r"abfs://raw-data@account.*: status 503: ServerBusy: .*busy on order"):
        OPERATIONS[name][0](storage)
    assert 3 <= len(service.faults.calls) <= 8


def test_nobody_there_is_named(service: DfsService, clock: FastClock) -> None:
    account = "http://127.0.0.1:9/account"
    key = {"account_name": ACCOUNT, "account_key": base64.b64encode(b"key").decode()}
    storage = AdlsStorage(service.root, account, CONTAINER, "", credential=key, clock=clock)
    with pytest.raises(LakeError, match=r"raw-data@account.dfs.core.windows.net/file: .*Connection refused"):
        storage.read("file")


def test_the_service_is_waited_for_as_long_as_it_says(
    service: DfsService, storage: AdlsStorage, clock: FastClock
) -> None:
    service.throttle_next, service.retry_after = 1, "20"
    started = clock.now()
    storage.write("file", b"x")
    assert clock.now() - started >= 20


def test_who_is_not_let_in_is_told_in_one_line_without_the_key(service: DfsService, clock: FastClock) -> None:
    secret = base64.b64encode(b"another key").decode()
    key = {"account_name": ACCOUNT, "account_key": secret}
    storage = AdlsStorage(service.root, service.account_url, CONTAINER, "", credential=key, clock=clock)
    operations: list[Callable[[], Any]] = [
        lambda: storage.read("f"),
        lambda: storage.list(""),
        lambda: storage.delete("f"),
    ]
    for operation in operations:
        with pytest.raises(LakeError, match="status 403: AuthenticationFailed") as raised:
            operation()
        assert "\n" not in str(raised.value)
        assert secret not in str(raised.value)
    assert len(service.faults.calls) == len(operations), "a refusal is not tried again"


def test_a_container_that_is_not_there_is_named(service: DfsService, clock: FastClock) -> None:
    key = {"account_name": ACCOUNT, "account_key": KEY}
    other = AdlsStorage(service.root, service.account_url, "nowhere", "", credential=key, clock=clock)
    operations: list[Callable[[], Any]] = [
        lambda: other.read("f"),
        lambda: other.list("x"),
        lambda: other.write("f", b""),
    ]
    for operation in operations:
        with pytest.raises(PathNotFoundError, match=r"(Container|Filesystem)NotFound"):
            operation()


def test_an_identity_is_let_in_by_its_token_for_storage(clock: FastClock) -> None:
    asked: set[str] = set()

    def get_token(*scopes: str, **_options: Any) -> AccessToken:
        asked.update(scopes)
        return AccessToken("a-token", 2**31)

    credential = SimpleNamespace(get_token=get_token)
    with DfsService(page=2, token="a-token", seconds=clock.now) as service:
        storage = AdlsStorage(service.root, service.account_url, CONTAINER, "", credential=credential, clock=clock)
        for number in range(5):
            storage.write(f"folder/{number}", b"x")
        storage.rename("folder", "moved")
        assert [entry.name for entry in storage.list("moved")] == ["0", "1", "2", "3", "4"]
        storage.lease("t.lock", "run-1", 0).release(settled=True)
        storage.delete("moved")
        assert storage.list("") == []
    assert asked == {"https://storage.azure.com/.default"}


def test_a_document_takes_at_most_four_requests(service: DfsService, storage: AdlsStorage) -> None:
    replace_document(storage, FILE, b"old", run_id="old")
    service.faults.forget()
    replace_document(storage, FILE, b"new", run_id="new")
    assert len(service.faults.calls) <= 4, service.faults.calls


@pytest.mark.parametrize("fault", PASSING)
def test_a_document_lands_whatever_passes_by_itself(fault: Fault, service: DfsService, storage: AdlsStorage) -> None:
    for number in range(1, 7):
        service.faults.forget()
        service.faults.orders[number] = fault
        content = f"{fault} {number}".encode()
        replace_document(storage, FILE, content, run_id=f"run-{number}")
        assert service.content(FILE) == content
        assert json.loads(service.content(f"_manifests/{FILE}"))["run_id"] == f"run-{number}"
        assert not [path for path, node in service.nodes.items() if path.startswith("_claims") and not node.is_folder]


def test_a_reader_never_finds_half_a_file(service: DfsService, storage: AdlsStorage) -> None:
    """Not even while it is written: the service is never asked for a file that has yet to get its content."""
    storage.write("file", b"0" * 50_000)
    for number in range(1, 6):
        storage.write("file", str(number).encode() * 50_000)
        assert len(set(service.content("file"))) == 1
    assert not [call for call in service.faults.calls if "append" in call or "flush" in call]


def die(lease: Any) -> None:
    """Let a lease be as when its process was killed: nobody renews it, nobody gives it back."""
    assert isinstance(lease, AdlsLease)
    lease._ended.set()
    lease._keeper.join()


def test_a_living_owner_is_not_robbed_however_long_it_takes(storage: AdlsStorage, clock: FastClock) -> None:
    lease = storage.lease("t.lock", "run-1", 0)
    started = clock.now()
    while clock.now() < started + 2 * LEASE_SECONDS:
        clock.sleep(1)
    with pytest.raises(LockedError, match="another run is landing here: run-1"):
        storage.lease("t.lock", "run-2", 0)
    lease.check()
    lease.release(settled=True)


def test_the_place_of_a_dead_owner_is_taken_after_a_lease_and_not_before(
    storage: AdlsStorage, clock: FastClock
) -> None:
    started = clock.now()
    die(storage.lease("t.lock", "run-1", 0))
    lease = storage.lease("t.lock", "run-2", 0)
    assert clock.now() - started >= LEASE_SECONDS
    assert lease.abandoned
    lease.check()
    assert storage.read("t.lock") == b"run-2\n"
    lease.release(settled=True)


def test_an_owner_that_slept_notices_that_another_took_its_place(storage: AdlsStorage, clock: FastClock) -> None:
    asleep = storage.lease("t.lock", "asleep", 0)
    die(asleep)
    asleep._ended.clear()  # type: ignore[attr-defined]
    clock.skip(LEASE_SECONDS + 1)
    awake = storage.lease("t.lock", "awake", 0)
    with pytest.raises(LockLostError, match=r"t.lock: this run did not renew its lease for 30 s.*: awake"):
        asleep.check()
    asleep.release(settled=True)
    awake.check()
    assert storage.read("t.lock") == b"awake\n"
    awake.release(settled=True)


def test_an_owner_that_slept_and_was_not_robbed_goes_on(storage: AdlsStorage, clock: FastClock) -> None:
    lease = storage.lease("t.lock", "run-1", 0)
    die(lease)
    lease._ended.clear()  # type: ignore[attr-defined]
    clock.skip(LEASE_SECONDS + 1)
    lease.check()
    lease.release(settled=True)


def test_a_check_takes_no_call_while_the_lease_was_renewed_lately(service: DfsService, storage: AdlsStorage) -> None:
    lease = storage.lease("t.lock", "run-1", 0)
    service.faults.forget()
    lease.check()
    assert service.faults.calls == []
    lease.release(settled=True)
    with pytest.raises(LockLostError, match="was given back"):
        lease.check()


def test_of_many_at_once_one_gets_the_lock(storage: AdlsStorage) -> None:
    leases, gave_way = [], []

    def contend(number: int) -> None:
        try:
            leases.append(storage.lease("t.lock", f"run-{number}", 0))
        except LockedError as error:
            gave_way.append(str(error))

    threads = [Thread(target=contend, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 1
    assert len(gave_way) == 3
    leases[0].check()
    leases[0].release(settled=True)


def test_a_lease_whose_renewals_fail_for_a_while_is_kept(
    service: DfsService, storage: AdlsStorage, clock: FastClock
) -> None:
    lease = storage.lease("t.lock", "run-1", 0)
    service.faults.every = lambda _method, path: Fault.FAIL_AFTER if "renew" in path else None
    clock.sleep(LEASE_SECONDS / 2)
    service.faults.every = lambda _method, _path: None
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(LakeError):
            lease.check()
            break
        clock.sleep(1)
    lease.check()
    lease.release(settled=True)


@pytest.mark.parametrize(
    ("address", "account", "container", "folder"),
    [
        ("abfss://raw@acct.dfs.core.windows.net", "acct.dfs.core.windows.net", "raw", ""),
        ("abfss://raw@acct.dfs.core.windows.net/", "acct.dfs.core.windows.net", "raw", ""),
        ("abfss://raw@acct.dfs.core.windows.net/lake/one", "acct.dfs.core.windows.net", "raw", "lake/one"),
        ("abfss://raw@acct.dfs.core.chinacloudapi.cn/x/", "acct.dfs.core.chinacloudapi.cn", "raw", "x"),
    ],
)
def test_an_address_leads_to_both_endpoints_of_its_account(
    address: str, account: str, container: str, folder: str
) -> None:
    storage = AdlsStorage.at(address, ClientSecretCredential("tenant", "client", "secret"))
    assert storage._files.url == f"https://{account}/{container}"
    assert re.sub(r"/$", "", storage._blobs.url) == f"https://{account.replace('.dfs.', '.blob.')}/{container}"
    assert storage._path("file") == f"{folder}/file".lstrip("/")
