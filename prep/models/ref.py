"""A model as a job carries it: by name and digest, with its options. It opens nothing until its files are asked for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.errors import WeightsError
from prep.models.hashes import digest_of
from prep.models.locate import find
from prep.options import GeneratorOptions, Options, TaggerOptions
from prep.registry import ModelSpec, load

COMMON = {"tagger": TaggerOptions, "generator": GeneratorOptions}


@dataclass(frozen=True)
class ModelRef:
    """Plain data: pickles as it is, and means the same files on every machine, told by their digest."""

    spec: ModelSpec
    name: str  # as rows and keys have it
    digest: str  # over all its files; of a single file its sha256. Empty: it is still to be fetched
    options: Options
    given: tuple[tuple[str, str], ...] = ()  # (part, path) of the files that a person named

    def __hash__(self) -> int:
        """Without its options, which may hold lists: models of equal files and other options are told by ==."""
        return hash((self.spec, self.name, self.digest))

    def files(self) -> dict[str, Path]:
        """Its files on this machine, by part. Raises WeightsError: one is gone, or they are not those of the digest."""
        given = {part: Path(path) for part, path in self.given}
        files = dict(given)
        if any(file.part not in given for file in self.spec.files):
            found = find(self.spec)
            if found is None:
                raise WeightsError(
                    f"{self.name} is not on this machine",
                    hint=f"`prep models get {self.name}`, or a folder that PREP_MODELS names",
                )
            files = {**found[1], **given}
        for part, path in given.items():
            if not path.exists():
                files[part] = self._elsewhere(path)
        if digest_of(files) != self.digest:
            raise WeightsError(
                f"{self.name} is another file here than the one that the run began with", hint="see `prep models`"
            )
        return files

    def make(self) -> Any:
        """The tagger or generator itself, on this machine. Raises WeightsError, SettingsError."""
        return load(self.spec.maker, self.name)(self.name, self.files(), self.options)

    @property
    def own_options(self) -> dict[str, Any]:
        """Those of its own that are not at their default: what may shape its answers beside its files."""
        common = COMMON[self.spec.role].model_fields
        fields = type(self.options).model_fields
        values = self.options.model_dump(mode="json")
        bare = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
        return {
            name: values[name] for name in fields if name not in common and getattr(self.options, name) != bare[name]
        }

    def _elsewhere(self, path: Path) -> Path:
        """A file that a person named and that is not there: on another machine, PREP_MODELS may have it."""
        if folder := os.environ.get("PREP_MODELS"):
            for place in (Path(folder) / self.name / path.name, Path(folder) / path.name):
                if place.exists():
                    return place
        raise WeightsError(f"{path} is gone", hint="put it back, or into a folder that PREP_MODELS names")
