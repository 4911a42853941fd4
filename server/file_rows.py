"""The tables of the bytes of files: whole ones, parts on their way, and their chunks."""

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db import db

WHOLE = ""
"""The device of the chunks of a whole file."""

__all__ = ["WHOLE", "FileChunk", "FilePart", "FileRow"]


class FileRow(db.Model):  # type: ignore[name-defined,misc]
    """A whole file. ``device`` brought it ("" the console); ``unnamed_ms`` is when it was first found that no record holds it."""

    __tablename__ = "file"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[str] = mapped_column(String(11), index=True)
    unnamed_ms: Mapped[int | None] = mapped_column(BigInteger)


class FilePart(db.Model):  # type: ignore[name-defined,misc]
    """How far a device has brought a file; ``touched_ms`` is when its last chunk came."""

    __tablename__ = "file_part"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    device: Mapped[str] = mapped_column(String(11), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)
    touched_ms: Mapped[int] = mapped_column(BigInteger)


class FileChunk(db.Model):  # type: ignore[name-defined,misc]
    """Consecutive bytes of a file from ``at``."""

    __tablename__ = "file_chunk"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    device: Mapped[str] = mapped_column(String(11), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
