"""Files that are whole or absent, whatever is killed."""

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Writes under a temporary name, flushes to disk, then renames."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
