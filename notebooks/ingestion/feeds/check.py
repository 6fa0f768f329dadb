"""The check of a folder of sources as a program: `python -m ingestion.feeds.check FOLDER`. Offline.

Prints a JSON object a line: `{"kind": "problem", "file", "line", "table", "key", "message"}` for each refusal, and
`{"kind": "secret", "file", "line", "key", "secret"}` for each secret that a file names. Exit status: 0 nothing is
wrong, 1 something is.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ingestion.feeds.sources import check_sources

_USAGE = "usage: python -m ingestion.feeds.check FOLDER\n"


def main(arguments: Sequence[str]) -> int:
    """Check a folder, and return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write(_USAGE)
        return 2
    _, problems, secrets = check_sources(Path(arguments[0]))
    lines = [{"kind": "problem", **problem.to_json()} for problem in problems]
    lines += [{"kind": "secret", **asdict(secret)} for secret in secrets]
    sys.stdout.writelines(json.dumps(line) + "\n" for line in lines)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
