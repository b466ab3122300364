"""What this process uses."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from . import families
from .book import Book

_PAGE = resource.getpagesize()


def measure(book: Book, began: float) -> None:
    """Write the process' figures down; memory and descriptors only where /proc tells them."""
    book.advance(families.CPU, (), time.process_time())
    book.set(families.STARTED, (), began)
    book.set(families.MOST_FILES, (), float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
    try:
        book.set(families.MEMORY, (), float(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE))
        book.set(families.FILES, (), float(len(os.listdir("/proc/self/fd"))))
    except OSError:
        return
