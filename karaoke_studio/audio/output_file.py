"""A file being written by a codec library: no short write passes, no error number is lost.

libsndfile only ever says "System error" and FFmpeg forgets some failures. Both are given this
file object; after each step the writer asks it whether the system has refused anything.
"""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class OutputFile(io.FileIO):
    """A new file, removed again when its block ends with an error.

    Attributes:
        failure: the first error that the system gave while writing, or None.
    """

    def __init__(self, path: Path) -> None:
        """Create or empty the file.

        Raises:
            OSError: it cannot be created.
        """
        super().__init__(path, "w+")
        self._path = path
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of `data`, or remember why not.

        Never raises: the caller is a C library that could not pass an exception on.

        Returns:
            the bytes written; fewer than given only when `failure` is set.
        """
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view) and self.failure is None:
                done += super().write(view[done:]) or 0
        except OSError as exc:
            self.failure = exc
        return done

    def check(self) -> None:
        """Raise what the system refused, if it did.

        Raises:
            OSError: the first failure (disk full, file too large, device gone).
        """
        if self.failure is not None:
            raise self.failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if value is not None:
            self._path.unlink(missing_ok=True)
        # the library may have failed for the very reason that the system gave us
        if self.failure is not None and isinstance(value, Exception):
            raise self.failure from value
