"""Where a bundle's folders are when nobody says."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The checkout that this program is part of."""


def bundle_folder(name: str) -> Path:
    """Return a folder of the bundle, such as `adf`: that of the current folder if it has one, else this checkout's."""
    return Path(name) if Path(name).is_dir() else CHECKOUT / name
