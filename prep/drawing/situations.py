"""What consistency samples ask for besides the character: a list of situations, the same in every run."""

from collections.abc import Collection

from prep.documents import read_named
from prep.errors import SettingsError
from prep.options import check_tags
from prep.tagging.aliases import as_known


def read_situations(path: str, known: Collection[str] | None = None) -> list[tuple[str, ...]]:
    """Tags of each situation, without those that the tagger does not know. known None: it knows all.

    Raises SettingsError naming the file.
    """
    where = f"consistency.situations: {path}"
    table = read_named(path, "consistency.situations")
    lists = table.get("situations")
    if not isinstance(lists, list) or not all(
        isinstance(one, list) and all(isinstance(tag, str) for tag in one) for one in lists
    ):
        raise SettingsError(
            f"{where} needs `situations`, a list of lists of tags",
            hint='such as situations = [["smile", "outdoors"], ["upper_body", "indoors"]]',
        )
    check_tags([tag for one in lists for tag in one], where)
    spelt = [tuple(as_known(tag.replace(" ", "_"), known) for tag in one) for one in lists]
    return [tuple(tag for tag in one if known is None or tag in known) for one in spelt]
