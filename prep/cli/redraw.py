"""prep redraw: draw one picture again."""

from pathlib import Path

import click

from prep.cli._path import PATH
from prep.cli._say import say, say_error


@click.command("redraw")
@click.argument("images", nargs=-1, required=True, type=PATH)
@click.option("-n", "count", type=click.IntRange(1, 100), default=4, show_default=True,
              help="Number of new pictures of each, besides one drawn from its tags only.")  # fmt: skip
@click.option("--out", type=PATH, default=Path("outputs/redraw"), show_default=True)
@click.option("--config", type=PATH, help="A TOML file that overrides the defaults.")
@click.option("--set", "sets", multiple=True, metavar="SECTION.KEY=VALUE", help="One setting; overrides all files.")
def command(images, count, out, config, sets) -> int:
    """Draw new pictures from IMAGE as a run would: its tags, the prompts, what was drawn, and how well each matches.

    IMAGE is read with the prep.toml of its SRC, the nearest folder above that has one, and belongs to a character as in
    a run. If a set of that SRC is in outputs/, all that it knows about the character counts. The new pictures and their
    sheet go to OUT/<12 hex>/, a folder per IMAGE; no set is changed. Without SD3.5, --set generator.model=starter tries
    it on the models that ship with prep.

    \b
    Examples:
      prep redraw examples/characters/sylvie/sylvie_blue_smile.png -n 2
      prep redraw ~/art/miku/1.png --set augmentation.strength=0.4
    """
    from prep.config import load_settings
    from prep.errors import PrepError
    from prep.pipeline.redraw import redraw
    from prep.pipeline.subject import home_of
    from prep.process.arrow import keep_arrow_small
    from prep.process.pictures import trust_our_own_limits
    from prep.process.signals import interruptible
    from prep.runners import load_runner

    keep_arrow_small()
    trust_our_own_limits()
    worst = 0
    with interruptible():
        for image in images:
            try:
                home = home_of(image)
                settings = load_settings(home.src, config, sets, home.out)
                drawn = redraw(home, out, count, settings, load_runner("local"))
            except PrepError as error:  # the others are drawn anyway
                if len(images) == 1:
                    raise
                say_error(f"prep: {error}")
                worst = max(worst, error.exit_code)
                continue
            for line in drawn.lines:
                say(line)
            worst = max(worst, drawn.exit_code)
    return worst
