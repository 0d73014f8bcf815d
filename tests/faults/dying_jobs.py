"""Scan jobs that die. A file of their own: worker processes import it, and nothing heavy with it."""

import os

from prep.scan.measure import ScanJob

FATAL = "fatal"  # in a file's name: reading it ends the process, or its memory


class DyingJob(ScanJob):
    """A decoder that takes its process down on some files."""

    def measured(self, found):
        if FATAL in found.path:
            if "memory" in found.path:
                raise MemoryError
            os.abort()
        return super().measured(found)


class NeverStarting(ScanJob):
    def open(self, worker):
        os._exit(1)
