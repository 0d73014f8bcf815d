"""A model as jobs carry it: by name and digest, with its options. It opens nothing until its files are needed."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.errors import StoppedError, WeightsError
from prep.models.hashes import digest_of
from prep.models.locate import find
from prep.options import COMMON, Options
from prep.registry import ModelSpec, load
from prep.remote import other_model


@dataclass(frozen=True)
class ModelRef:
    """Plain data that pickles; it means the same files on every machine, identified by their digest."""

    spec: ModelSpec
    name: str  # as in rows and keys
    digest: str  # over all its files; for a single file its sha256. Empty: not fetched yet
    options: Options
    given: tuple[tuple[str, str], ...] = ()  # (part, path) of the files that the user named; of a remote one its url

    def __hash__(self) -> int:
        """Without the options, which may contain lists: == distinguishes models with other options."""
        return hash((self.spec, self.name, self.digest))

    def files(self) -> dict[str, Path]:
        """Its files on this machine, by part; a remote one, and one that is only code, has none. Raises WeightsError
        when one is missing, or the digest differs.
        """
        if self.spec.remote or not (self.digest or self.spec.files):
            return {}
        given = {part: Path(path) for part, path in self.given}
        files = dict(given)
        if any(file.part not in given for file in self.spec.files):
            found = find(self.spec)
            if found is None:
                raise WeightsError(
                    f"{self.name} is not on this machine",
                    hint=f"run `prep models get {self.name}`, or put it into the folder that PREP_MODELS names",
                )
            files = {**found[1], **given}
        for part, path in given.items():
            if not path.exists():
                files[part] = self._elsewhere(path)
        if digest_of(files) != self.digest:
            raise WeightsError(
                f"{self.name} is a different file here than the one that the run began with", hint="see `prep models`"
            )
        return files

    def make(self) -> Any:
        """The tagger, generator, witness or detector itself, on this machine. Raises WeightsError, SettingsError; of a
        remote one StoppedError, also when the server has another model than when the run began.
        """
        if not self.spec.remote:
            return load(self.spec.maker, self.name)(self.name, self.files(), self.options)
        if not self.given:
            raise StoppedError(
                f"the {self.spec.role} of this set is on another machine, whose address is not kept",
                hint=f"set {self.spec.role}.model={self.name}:http://HOST:PORT again",
            )
        made = load(self.spec.maker, self.name)(self.name, dict(self.given), self.options)
        if not made.is_model(self.digest):
            raise other_model(dict(self.given)["url"])
        return made

    @property
    def own_options(self) -> dict[str, Any]:
        """Its own options that are not at their default: besides its files, they may affect its output."""
        common = {*COMMON[self.spec.role].model_fields, *self.options.costs} - {*self.options.common_own}
        fields = type(self.options).model_fields
        values = self.options.model_dump(mode="json")
        bare = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
        return {
            name: values[name] for name in fields if name not in common and getattr(self.options, name) != bare[name]
        }

    def _elsewhere(self, path: Path) -> Path:
        """A named file that is missing: on another machine, PREP_MODELS may have it."""
        if folder := os.environ.get("PREP_MODELS"):
            for place in (Path(folder) / self.name / path.name, Path(folder) / path.name):
                if place.exists():
                    return place
        raise WeightsError(f"{path} is missing", hint="put it back, or into the folder that PREP_MODELS names")
