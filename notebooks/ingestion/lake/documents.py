"""Documents: a small file is replaced whole, and its manifest with it, in three calls of the storage.

Who creates the claim may land; the claim is the manifest to be. So renaming it into its place publishes the manifest
and gives the document free in one step. A claim that stays the same for a whole lease, by the clock of who watches it,
has a dead owner: if its document is in place it is finished, else it is undone.
"""

import time
from contextlib import suppress
from hashlib import sha256

from ingestion.lake.locks import locked
from ingestion.lake.manifest import LAYOUT, Manifest, dump_manifest, manifest_path, read_manifest, timestamp
from ingestion.lake.storage import Storage
from ingestion.platform import strict_json
from ingestion.platform.errors import IsFolderError, LakeError, LockedError, LockLostError
from ingestion.platform.log import Clock, utc_now

# Seconds after which the owner of a claim that has not ended counts as dead.
LEASE_SECONDS = 30.0
# Seconds within which a claim must be made, so that its document can follow well before others take it over.
CLAIM_SECONDS = 15.0
_LOOKS_PER_LEASE = 30
# Leases to wait for one owner after the other.
_MOST_LEASES = 4


def replace_document(
    storage: Storage, name: str, content: bytes, *, run_id: str, source: str | None = None, clock: Clock = utc_now
) -> None:
    """Replace a document, or write the first one.

    Args:
        storage: the lake.
        name: the document's path, for example `countries/india.json`.
        content: all of it.
        run_id: whose landing it is, for the manifest.
        source: where it came from, without credentials, for the manifest.
        clock: the time, in UTC.

    Raises:
        LockedError: other runs keep landing there.
        LakeError: it cannot be written; the old document is as it was.
    """
    now = timestamp(clock())
    manifest = Manifest(
        run_id=run_id,
        target=storage.url(name),
        format="file",
        source=source,
        rows=None,
        files={name.rpartition("/")[2]: len(content)},
        bytes=len(content),
        schema=None,
        checksum=_checksum(content),
        started=now,
        finished=now,
        layout=LAYOUT,
    )
    claim = dump_manifest(manifest)
    _take(storage, name, claim, run_id)
    try:
        storage.write(name, content)
    except BaseException:
        _take_back(storage, name, claim)
        raise
    # The document is in place; a manifest that cannot follow now is put there by the next run.
    with suppress(LakeError):
        storage.rename(_claim_path(name), manifest_path(name), replace=True)


def landed_documents(storage: Storage, folder: str) -> list[str]:
    """Return the documents that were landed directly in a folder, by their manifests; other files are none of ours."""
    manifests = storage.list(manifest_path(folder).removesuffix(".json"))
    return [f"{folder}/{entry.name}" for entry in manifests if not entry.is_folder]


def remove_document(storage: Storage, name: str, *, run_id: str) -> None:
    """Remove a document and its manifest. A run that dies in between leaves the manifest: the next one removes both.

    Raises:
        LockedError: other runs keep landing there.
        LakeError: it cannot be removed.
    """
    claim = strict_json.dump({"run_id": run_id, "removes": name})
    _take(storage, name, claim, run_id)
    storage.delete(name)
    storage.delete(manifest_path(name))
    storage.delete(_claim_path(name))


def _take(storage: Storage, name: str, claim: bytes, run_id: str) -> None:
    """Create a claim, once no other run has one."""
    deadline = time.monotonic() + _MOST_LEASES * LEASE_SECONDS
    begun = time.monotonic()
    while not storage.create(_claim_path(name), claim):
        if time.monotonic() > deadline:
            raise LockedError(f"{storage.url(name)}: other runs keep landing here. Nothing was replaced by this run.")
        _wait_for_end(storage, name, run_id)
        begun = time.monotonic()
    if time.monotonic() - begun > CLAIM_SECONDS:
        _take_back(storage, name, claim)
        raise LockLostError(f"{storage.url(name)}: the lake is too slow to land safely. Nothing was replaced.")


def _wait_for_end(storage: Storage, name: str, run_id: str) -> None:
    """Wait until the claim that is there is another one or gone, or else settle it as that of a dead run."""
    seen = storage.read(_claim_path(name))
    deadline = time.monotonic() + LEASE_SECONDS
    while seen is not None and time.monotonic() < deadline:
        time.sleep(LEASE_SECONDS / _LOOKS_PER_LEASE)
        if storage.read(_claim_path(name)) != seen:
            return
    if seen is not None:
        # Of several that watched it one settles it: what another run has claimed by now is left alone.
        with locked(storage, name, run_id, wait=LEASE_SECONDS):
            _settle(storage, name, seen)


def _take_back(storage: Storage, name: str, claim: bytes) -> None:
    """Settle a claim of one's own; where the lake does not let it, the next run does."""
    with suppress(LakeError):
        _settle(storage, name, claim)


def _settle(storage: Storage, name: str, claim: bytes) -> None:
    """Publish a claim as the manifest if its document is in place, else take it back."""
    if storage.read(_claim_path(name)) != claim:
        return
    manifest, content = read_manifest(claim), None
    with suppress(IsFolderError):
        content = storage.read(name)
    if manifest and content is not None and manifest.checksum == _checksum(content):
        storage.rename(_claim_path(name), manifest_path(name), replace=True)
    else:
        storage.delete(_claim_path(name))


def _claim_path(name: str) -> str:
    return f"_claims/{name}"


def _checksum(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"
