"""What landings of a former version of this package left in a lake: understood, brought to its end, and gone.

They wrote aside in `_staging/NAME/`, moved the old table to `_previous/NAME` for an instant, threw away by way of
`_trash/NAME/`, and held `_locks/NAME/lock`, a file that grew every five seconds while its owner lived. This is looked
at once a table: the manifests of this version say so (`layout`).
"""

import time
from collections.abc import Callable

from ingestion.lake.manifest import Manifest, manifest_path, read_manifest
from ingestion.lake.storage import Storage
from ingestion.platform.errors import LockedError

# Seconds without a sign of life after which an owner counted as dead.
LEASE_SECONDS = 30.0
_LOOKS_PER_LEASE = 30
_MANIFEST = ".manifest.json"
_FOLDERS = {"_staging", "_previous"}


def settle_former_layout(storage: Storage, name: str, is_in_place: Callable[[Manifest], bool]) -> bool:
    """Bring to its end what a run of the former version began on a table, if there is any.

    Args:
        storage: the lake.
        name: of the table: its folder.
        is_in_place: says whether what a manifest of the table describes was promoted.

    Returns:
        Whether there may have been anything.

    Raises:
        LockedError: such a run is alive.
        LakeError: the lake refuses.
    """
    if not _FOLDERS & {entry.name for entry in storage.list("") if entry.is_folder}:
        return False
    for table in (name, f"quarantine/{name}"):
        _wait_until_dead(storage, table)
        _settle(storage, table, is_in_place)
    # The bad rows of the last run had a manifest; those of many runs have none.
    storage.delete(manifest_path(f"quarantine/{name}"))
    return True


def _settle(storage: Storage, name: str, is_in_place: Callable[[Manifest], bool]) -> None:
    previous, staging = f"_previous/{name}", f"_staging/{name}"
    if storage.list(previous) and not storage.list(name):
        storage.rename(previous, name)
    for entry in storage.list(staging):
        if entry.name.endswith(_MANIFEST):
            manifest = read_manifest(storage.read(f"{staging}/{entry.name}"))
            if manifest and is_in_place(manifest):
                storage.rename(f"{staging}/{entry.name}", manifest_path(name), replace=True)
    for path in (staging, previous, f"_trash/{name}", f"_locks/{name}"):
        storage.delete(path)


def _wait_until_dead(storage: Storage, name: str) -> None:
    claims = storage.list(f"_locks/{name}")
    deadline = time.monotonic() + LEASE_SECONDS
    while claims and time.monotonic() < deadline:
        time.sleep(LEASE_SECONDS / _LOOKS_PER_LEASE)
        now = storage.list(f"_locks/{name}")
        if now and now != claims:
            raise LockedError(f"{storage.url(name)}: a run of a former version is landing here. Nothing was replaced.")
        claims = now
