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
    """Draw new pictures from IMAGE: its tags, the prompts, what was drawn, and how well each matches.

    Each picture is treated as a character of its own: prep knows only its tags, and builds no set. The new pictures
    and sheet.png go to OUT/<12 hex>/, a folder per IMAGE. Settings are read from prep.toml in the folder above
    IMAGE's own. Without SD3.5, --set generator.model=starter tries it on the models that ship with prep.

    \b
    Examples:
      prep redraw examples/characters/sylvie/sylvie_blue_smile.png -n 2
      prep redraw ~/art/miku/1.png --set augmentation.strength=0.4
    """
    from prep.config import load_settings
    from prep.errors import PrepError
    from prep.pipeline.redraw import redraw
    from prep.process.arrow import keep_arrow_small
    from prep.process.pictures import trust_our_own_limits
    from prep.process.report import Report
    from prep.process.signals import interruptible

    keep_arrow_small()
    trust_our_own_limits()
    worst = 0
    with interruptible(), Report() as report:
        for image in images:
            try:
                settings = load_settings(image.absolute().parent.parent, config, sets)
                drawn = redraw(image, out, count, settings, report)
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
