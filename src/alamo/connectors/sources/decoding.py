"""From bytes at rest to UTF-8 text in pieces: gzip, character encoding, byte-order mark, progress."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

from alamo.domain.errors import InputError, UsageError

GZIP_MAGIC = b"\x1f\x8b"
_UTF8 = ("utf-8", "utf8", "utf-8-sig")


class TextBytes(io.RawIOBase):
    """A readable file of valid UTF-8 bytes over a file at rest; memory is bounded by the size of one read.

    Parameters
    ----------
    path
        The file at rest; gzip is recognised by its first bytes, whatever the name.
    name
        What to call it in messages.
    encoding
        Any encoding Python knows; UTF-8 is checked, others are converted.
    on_read
        Called with the position in the file at rest after each read.

    Raises
    ------
    InputError
        While reading: a gzip that ends early or is damaged; bytes that are not valid in the encoding.
    """

    def __init__(self, path: Path, name: str, encoding: str, on_read: Callable[[int], None] | None = None) -> None:
        super().__init__()
        self._name, self._encoding, self._on_read = name, encoding, on_read
        self._raw = path.open("rb")
        zipped = self._raw.read(2) == GZIP_MAGIC
        self._raw.seek(0)
        self._gzip = gzip.GzipFile(fileobj=self._raw) if zipped else None
        self._convert = encoding.lower() not in _UTF8
        try:
            self._decoder = codecs.getincrementaldecoder(encoding if self._convert else "utf-8")()
        except LookupError:
            self._raw.close()
            raise UsageError(
                f"unknown encoding {encoding!r}",
                hint="Use a name such as utf-8, latin-1, cp1252 or utf-16.",
                code="input.unknown_encoding",
                details={"encoding": encoding},
            ) from None
        self._ready = b""
        self._broken: Exception | None = None
        self._position, self._lines = 0, 0
        self._ended = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes (all if negative); empty at the end."""
        if size < 0:
            pieces = []
            while piece := self.read(1 << 20):
                pieces.append(piece)
            return b"".join(pieces)
        while not self._ready and not self._ended:
            self._ready = self._next(size)
        piece, self._ready = self._ready[:size], self._ready[size:]
        return piece

    def close(self) -> None:
        """Close the file at rest."""
        self._raw.close()
        super().close()

    def _next(self, size: int) -> bytes:
        piece = self._unpacked(size)
        self._ended = not piece
        if self._on_read is not None:
            self._on_read(self._raw.tell())
        first = self._position == 0
        try:
            text = self._decoder.decode(piece, final=self._ended)
        except UnicodeDecodeError as error:
            raise self._not_text(error, piece) from None
        self._position += len(piece)
        out = text.encode() if self._convert else piece
        self._lines += out.count(b"\n")
        return out.removeprefix(codecs.BOM_UTF8) if first else out

    def _unpacked(self, size: int) -> bytes:
        if self._gzip is None:
            return self._raw.read(size)
        pieces, have = [], 0
        while have < size and self._broken is None:
            try:
                piece = self._gzip.read1(size - have)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                self._broken = error  # what came before it is handed over first, so that the row is known
                break
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        if self._broken is not None and not pieces:
            raise self._cut_off(self._broken)
        return b"".join(pieces)

    def _cut_off(self, error: Exception) -> InputError:
        return InputError(
            f"{self._name}: the gzip file is cut off or damaged at row {self._lines + 1} ({error})",
            hint=f"Copy or download the file again and check it with: gzip -t {self._name}",
            code="input.truncated_gzip",
            details={"file": self._name, "row": self._lines + 1},
        )

    def _not_text(self, error: UnicodeDecodeError, piece: bytes) -> InputError:
        pending = len(error.object) - len(piece)
        offset = self._position - pending + error.start
        row = self._lines + 1 + error.object[: error.start].count(b"\n")
        shown = error.object[error.start : error.start + 1].hex()
        return InputError(
            f"{self._name}, row {row}: byte {offset} (0x{shown}) is not valid {self._encoding}",
            hint='From an older Windows program? Write encoding = "latin-1" in a mapping file, or convert the file: '
            "iconv -f latin1 -t utf-8 FILE > NEW",
            code="input.not_text",
            details={"file": self._name, "row": row, "byte": offset},
        )
