"""prep serve: the loop over HTTP."""

import click

from prep.cli._path import PATH
from prep.cli._say import say


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=7860, show_default=True, help="0: any free one.")
@click.option("--auth-file", type=PATH, help="A file of user:password lines; or set PREP_AUTH to user:password.")
@click.option("--config", type=PATH, help="A TOML file that overrides the defaults.")
@click.option("--set", "sets", multiple=True, metavar="SECTION.KEY=VALUE", help="One setting; overrides all files.")
def command(host, port, auth_file, config, sets) -> int:
    """Read, caption and draw pictures for other programs over HTTP, as described in docs/SERVE.md.

    It also answers the routes of AUTOMATIC1111's web UI. An address other than this machine's own needs a password.
    Ctrl-C or SIGTERM ends it when what is being drawn is done; accepted jobs go on at the next start.

    \b
    Examples:
      prep serve
      prep serve --set tagger.model=starter --set generator.model=starter
      PREP_AUTH=me:secret prep serve --host 0.0.0.0
    """
    from prep.config import load_settings
    from prep.errors import UsageError
    from prep.process.arrow import keep_arrow_small
    from prep.process.heap import own_this_process, share_one_heap
    from prep.process.pictures import trust_our_own_limits
    from prep.process.report import Report

    try:
        from prep.service.app import app_of
        from prep.service.desk import Desk
        from prep.web.access import VARIABLE, Access, is_loopback, read_logins
        from prep.web.server import listening, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"prep serve needs {error.name}, which is not installed", hint="pip install 'prep-lora[web]'"
        ) from None

    settings = load_settings(None, config, sets)
    logins = read_logins(auth_file)
    if not is_loopback(host) and not logins:
        raise UsageError(
            f"{host} can be reached by others, and there is no password",
            hint=f"set {VARIABLE} to user:password, or name an --auth-file",
        )
    keep_arrow_small()
    own_this_process()
    share_one_heap()
    trust_our_own_limits()
    of_sets = [text for text in sets if not text.strip().startswith("serve.")]
    arguments = [
        *(["--config", str(config)] if config else []),
        *(part for text in of_sets for part in ("--set", text)),
    ]
    socket = listening(host, port)
    with Report():
        desk = Desk(settings, arguments)
        desk.start()
        shown = f"[{host}]" if ":" in host else host
        say(f"tagger: {desk.tagger.name}; {_drawing(desk)}")
        say(f"serving on http://{shown}:{socket.getsockname()[1]} (what it can do: /docs; stop: Ctrl-C)")
        try:
            app = app_of(desk, Access(logins, tuple(settings.serve.hosts)))
            serve(app, socket, settings.serve.connections, desk.finish)
        finally:
            desk.close()
    say("stopped; jobs that were accepted and are not done go on at the next start")
    return 0


def _drawing(desk) -> str:
    if desk.card is None:
        return f"nothing is drawn: {desk.why_not_drawing}"
    return f"generator: {desk.card.name}" + (" (TRIAL: starter models know three characters)" if desk.trial else "")
