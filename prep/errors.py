"""Every error that prep raises on purpose. Each says what was found, what was expected, and what to do next.

PrepError                 exit code
├── UsageError            2    a wrong argument, folder or setting: nothing was touched
│   ├── SettingsError     2    a configuration file or --set
│   └── WeightsError      2    a model file that is not what it should be
├── StoppedError          3    something outside: disk space, network, memory, a gate; finished work is kept
│   ├── NoRoomError       3
│   └── NetworkError      3
├── ImageError            -    one image; becomes a row, never ends a run
└── Interrupted           130  Ctrl-C (143 for SIGTERM); safe to run again
"""


class PrepError(Exception):
    """message: one sentence. hint: what to do next, or empty."""

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        message, hint = self.message, self.hint
        if hint and hint.split()[0].isalpha():  # not a name, a path or a command
            hint = hint[0].upper() + hint[1:]
        return " ".join(text if text.endswith((".", "?", "!")) else text + "." for text in (message, hint) if text)

    def __reduce__(self):  # errors cross process boundaries, and Exception's own pickling would lose the hint
        return type(self), (self.message, self.hint)


class UsageError(PrepError):
    exit_code = 2


class SettingsError(UsageError):
    pass


class WeightsError(UsageError):
    pass


class StoppedError(PrepError):
    exit_code = 3


class NoRoomError(StoppedError):
    pass


class InUseError(StoppedError):
    """Another process has the OUT."""


class NetworkError(StoppedError):
    pass


class ImageError(PrepError):
    """kind: a word for the manifest, such as `truncated`, `empty`, `too_large`, `not_an_image`."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.kind = kind

    def __reduce__(self):
        return type(self), (self.kind, self.message, self.hint)


class Interrupted(BaseException):
    """Not an Exception: code that catches bad images must not catch Ctrl-C."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
