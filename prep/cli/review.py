"""prep review: a page on this machine to look through a set and put it right."""

from pathlib import Path

import click

from prep.cli._path import PATH
from prep.cli._say import say

CONNECTIONS = 64  # at once: a browser opens six per tab


@click.command("review")
@click.argument("out", type=PATH)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port to listen on. [default: any free one]")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
def command(out: Path, port: int, no_browser: bool) -> int:
    """Look through a set on a page in your browser: read, judge and correct captions and pictures by keyboard.

    Each change is a decision like those of `prep tags` or `prep exclude`: every later run keeps it, and `prep undo`
    undoes it. Nothing is written into SRC. The page is for this machine alone. Ctrl-C ends it.

    \b
    Examples:
      prep review outputs/characters
      prep review outputs/characters --port 7870 --no-browser
    """
    import webbrowser

    from prep.errors import UsageError
    from prep.process.arrow import keep_arrow_small
    from prep.process.heap import own_this_process, share_one_heap
    from prep.process.pictures import trust_our_own_limits
    from prep.process.report import Report

    try:
        from prep.review.app import app_of
        from prep.review.gate import new_token
        from prep.review.session import Session
        from prep.web.server import listening, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"prep review needs {error.name}, which is not installed", hint="pip install 'prep-lora[web]'"
        ) from None

    keep_arrow_small()
    own_this_process()
    share_one_heap()
    trust_our_own_limits()
    socket = listening("127.0.0.1", port)
    with Report():
        session = Session(out)
        session.start()
        token = new_token()
        address = f"http://127.0.0.1:{socket.getsockname()[1]}/{token}/"
        say(f"{len(session.board.items):,} pictures of {out}: {address}")
        say("the address is for you alone: whoever has it may change the set; stop: Ctrl-C")
        if not no_browser:
            webbrowser.open(address)
        serve(app_of(session, token), socket, CONNECTIONS, session.finish)
        session.close()
    say("stopped; all changes are kept")
    return 0
