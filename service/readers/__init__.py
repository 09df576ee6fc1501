"""Reads files as people have them: one entry point, `read_file`, for the API, the command and whatever else takes files."""

from service.readers.kinds import FileKind, ReaderError, detect
from service.readers.read import FileText, read_file

__all__ = ["FileKind", "FileText", "ReaderError", "detect", "read_file"]
