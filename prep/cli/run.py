"""prep run: all stages."""

from pathlib import Path

import click

from prep.cli._path import PATH
from prep.cli._say import say
from prep.runners import RUNNERS, load_runner

STAGE_NAMES = ("scan", "tag", "profile", "caption", "crop", "generate", "check", "export")


@click.command("run")
@click.argument("src", type=PATH)
@click.option("--out", type=PATH, help="Folder for the set. [default: outputs/NAME OF SRC]")
@click.option("--config", type=PATH, help="A TOML file; overrides the defaults and SRC's prep.toml.")
@click.option("--set", "sets", multiple=True, metavar="SECTION.KEY=VALUE", help="One setting; overrides all files.")
@click.option("--to", type=click.Choice(STAGE_NAMES), help="Stop after this stage.")
@click.option("--plan", is_flag=True, help="Show what a run would do, and do nothing.")
@click.option("--retry", is_flag=True, help="Retry images that could not be read before.")
@click.option("--rehash", is_flag=True, help="Read every file again, even if its size and time are unchanged.")
@click.option("--rebalance", is_flag=True, help="Recalculate the repeats; folders are renamed.")
@click.option("--restore", is_flag=True, help="Bring back images that were removed from kohya/ by hand.")
@click.option(
    "--runner",
    metavar="NAME",
    default="local",
    show_default=True,
    help=f"{', '.join(RUNNERS.members)}, ray://HOST:PORT.",
)
@click.option("--profile", is_flag=True, help="Say where the time went, and write a trace for a browser.")
@click.option("--yes", is_flag=True, help="Continue even if OUT was made from other pictures.")
def command(src, out, config, sets, to, plan, retry, rehash, rebalance, restore, runner, profile, yes) -> int:
    """Turn the images in SRC, one sub-folder per character, into a LoRA training set.

    \b
    Examples:
      prep run examples/characters
      prep run ~/art --set thresholds.mode=fixed --set thresholds.fixed=0.4
    """
    from prep.config import load_settings
    from prep.dataset.folders import check_folders
    from prep.dataset.made_from import check_made_from
    from prep.dataset.training import training_command
    from prep.errors import UsageError
    from prep.machine.torch_build import without_cuda
    from prep.pipeline import road
    from prep.pipeline.one_run import only_this_run, other_than_before
    from prep.pipeline.settled import finish
    from prep.process.arrow import keep_arrow_small
    from prep.process.heap import collect, collect_rarely, give_back_large_blocks, own_this_process
    from prep.process.pictures import trust_our_own_limits
    from prep.process.signals import interruptible
    from prep.run import Options

    if plan and profile:
        raise UsageError("a plan has no profile: it does no work", hint="leave out --plan or --profile")
    named, out = out is not None, out or Path("outputs") / src.resolve().name
    check_folders(out)
    if line := check_made_from(src, out, named, yes):
        say(line)
    settings = load_settings(src, config, sets, out)
    given = [
        *(["--config", str(config.absolute())] if config else []),
        *(part for each in sets for part in ("--set", each)),
    ]
    options = Options(to, retry, rehash, rebalance, restore, tuple(given), profile=profile)
    carrier = load_runner(runner)
    if runner != "local":  # its workers may be in other folders
        src, out = src.absolute(), out.absolute()
    if line := other_than_before(src, out, settings):
        say(line)
    if plan:
        from prep.pipeline.outlook import plan_lines

        for line in plan_lines(src, out, settings):
            say(line)
        return 0
    keep_arrow_small()
    trust_our_own_limits()
    own_this_process()
    collect_rarely()
    give_back_large_blocks()
    if {settings.tagger.device, settings.generator.device} != {"cpu"} and (why := without_cuda()):
        say(why)
    with interruptible():
        result = road.run(src, out, settings, options, carrier)
        if to is None:
            collect()
            result = finish(src, out, settings, options, result)
    for line in only_this_run(src, out, config, sets, settings):
        say(line)
    if to is None and result.kept:
        say(f"look:  {out / 'generated'}/*/sheet.png, or prep review {out}")
        say(f"train: {training_command(out / 'kohya', settings.captions.for_)}")
        say(result.report)
    if to is None or not result.kept:
        say(result.ending)
    return result.exit_code
