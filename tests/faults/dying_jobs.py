"""Scan jobs that die. A file of their own: worker processes import it, and nothing heavy with it."""

import os
import signal

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


class KilledOnce(ScanJob):
    """Its first process is killed while it starts, as by somebody who is short of memory."""

    def open(self, worker):
        killed = self.ledger.folder.parent / "killed once"
        if not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        super().open(worker)


class Refusing(ScanJob):
    """It raises while it starts, in every process."""

    def open(self, worker):
        raise OSError("no thread can be started\nand more")
