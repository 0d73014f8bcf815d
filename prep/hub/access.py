"""Who pushes, and where to: the token, the repo's name and its address. Nothing here contacts the hub."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from prep.errors import StoppedError, UsageError
from prep.models.hub import check_endpoint, endpoint, hub_name, hub_offline, sends_token, token_source


def check_may_send() -> str:
    """-> where the token comes from. Raises before the hub is contacted."""
    check_endpoint()
    # Set before anything (hub_offline included) imports the client, which reads these once.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # plain LFS: prep controls its time-outs and retries
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # a push sends the set and nothing about this machine
    if hub_offline():
        raise StoppedError("nothing is pushed: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set", hint="unset it to push")
    if not sends_token():
        raise StoppedError(
            f"{hub_name()} is a mirror, and prep sends it no token; a push needs one",
            hint="set PREP_TOKEN_TO_MIRROR=1 to send it",
        )
    source = token_source()
    if source is None:
        raise StoppedError("a push needs a token, and there is none", hint="run `hf auth login`, or set HF_TOKEN")
    return source


def check_name(repo: str) -> None:
    """Raises UsageError for a name that no repo can have."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        raise UsageError(
            f"{repo!r} is not a valid repo name", hint="write it as user/name, using A-Z a-z 0-9 - _ ."
        ) from None
    if repo.count("/") != 1:
        raise UsageError(f"{repo} does not say whose repo it is", hint=f"write it as user/{repo}")


def read_token(source: str) -> str:
    """From HF_TOKEN or the login file, and from nowhere else."""
    if source != "the login file":
        return os.environ[source].strip()
    if not os.environ.get("HF_OIDC_RESOURCE"):
        from huggingface_hub import get_token  # renews the token of a browser login before it expires

        if token := get_token():
            return token
    from huggingface_hub.constants import HF_TOKEN_PATH

    return Path(HF_TOKEN_PATH).read_text().strip()


def page_address(repo: str) -> str:
    """The repo's page, without the password that a mirror's address may hold."""
    parts = urlsplit(endpoint())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}/datasets/{repo}"
