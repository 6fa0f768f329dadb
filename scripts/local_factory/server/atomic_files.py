"""Files that are there whole or not at all, whenever the process ends: written aside, then renamed."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from local_factory.server.errors import ServerError

TEMPORARY = ".writing-"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file, readable by its owner only, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def read_json(path: Path, default: Any) -> Any:
    """Return what a file of ours says, the default when it is not there.

    Raises:
        ServerError: the file is no JSON; names it.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise ServerError(f"{path}: not readable as JSON: {error}. Delete it, and what it kept is gone.") from error
