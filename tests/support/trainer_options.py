"""The options of a trainer's scripts, read from its source without running it, and a real argument parser made of them.

`python -m tests.support.trainer_options CHECKOUT sd-scripts` (or `musubi-tuner`) writes them anew into tests/dataset/,
from the newest commit of a git checkout or a bare repository. The files hold names, types and choices, nothing else.
"""

import argparse
import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1] / "dataset"
# Trainer -> where its modules are, and its scripts: the function of each that makes its parser.
TRAINERS: dict[str, tuple[str, dict[str, str]]] = {
    "sd-scripts": ("", dict.fromkeys(
        ("train_network", "sdxl_train_network", "sd3_train_network", "flux_train_network", "anima_train_network",
         "lumina_train_network"), "setup_parser")),
    "musubi-tuner": ("src/", dict.fromkeys(
        (f"musubi_tuner/{base}_{script}" for base in ("zimage", "qwen_image")
         for script in ("train_network", "cache_latents", "cache_text_encoder_outputs")), "main")),
}  # fmt: skip
TYPES = {"str": str, "int": int, "float": float}
KEPT = ("action", "nargs", "required")


def _file(trainer: str) -> Path:
    return HERE / f"{trainer.replace('-', '_')}_options.json"


def table(trainer: str) -> dict[str, Any]:
    """commit, and options: script -> option -> type, choices, action, nargs."""
    return json.loads(_file(trainer).read_text("utf-8"))


def parser(trainer: str, script: str) -> argparse.ArgumentParser:
    """The script's own parser, as far as types, choices and numbers of values go. It exits at what they refuse."""
    found = table(trainer)
    made = argparse.ArgumentParser(script, allow_abbrev=False)
    for option, facts in (found["everywhere"] | found["scripts"][script]).items():
        arguments = dict(facts)
        if "type" in arguments:
            arguments["type"] = TYPES[arguments["type"]]
        made.add_argument(f"--{option}", **arguments)
    return made


class Source:
    """The files of one commit."""

    def __init__(self, repository: Path, root: str) -> None:
        self.repository, self.root = repository, root
        self.commit = self._git("rev-parse", "HEAD").strip()

    def options(self, module: str, function: str) -> dict[str, dict[str, Any]]:
        return dict(self._of(module, function))

    def _of(self, module: str, function: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Options that a function adds, those of the functions that it hands its parser to before or among them."""
        tree = self._tree(module)
        body = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function), None)
        if body is None:
            if (there := self._target(module, function)) != (
                module,
                function,
            ):  # imported here to be imported from here
                yield from self._of(*there)
            return
        for call in (node for node in ast.walk(body) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
                yield from _option(call)
            elif "parser" in (name := ast.unparse(call.func)) or any(ast.unparse(arg) == "parser" for arg in call.args):
                yield from self._of(*self._target(module, name))

    def _target(self, module: str, name: str) -> tuple[str, str]:
        """The module and the function that a call means, by the imports of the module."""
        first, _, rest = name.partition(".")
        for node in ast.walk(self._tree(module)):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == first:
                        place = node.module.replace(".", "/")
                        return (f"{place}/{alias.name}", rest) if rest else (place, alias.name)
            elif isinstance(node, ast.Import) and rest:
                for alias in node.names:
                    if (alias.asname or alias.name) == first:
                        return alias.name.replace(".", "/"), rest
        return module, name

    @cache  # noqa: B019 - a script of one run
    def _tree(self, module: str) -> ast.Module:
        try:
            return ast.parse(self._git("show", f"HEAD:{self.root}{module}.py"))
        except subprocess.CalledProcessError:  # of another package
            return ast.Module([], [])

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _option(call: ast.Call) -> Iterator[tuple[str, dict[str, Any]]]:
    names = [word.value for word in call.args if isinstance(word, ast.Constant) and str(word.value).startswith("--")]
    facts: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg == "type" and ast.unparse(keyword.value) in TYPES:
            facts["type"] = ast.unparse(keyword.value)
        elif keyword.arg in KEPT:
            facts[keyword.arg] = ast.literal_eval(keyword.value)
        elif keyword.arg == "choices" and isinstance(keyword.value, ast.List):
            facts["choices"] = ast.literal_eval(keyword.value)
    for name in names:
        yield name.removeprefix("--"), facts


def write(repository: Path, trainer: str) -> None:
    root, scripts = TRAINERS[trainer]
    source = Source(repository, root)
    found = {Path(script).name: source.options(script, function) for script, function in scripts.items()}
    shared = set.intersection(*(set(options) for options in found.values()))
    first = next(iter(found.values()))
    shared = {name for name in shared if all(options[name] == first[name] for options in found.values())}
    lines = [
        f'{{"commit": "{source.commit}",',
        '"everywhere": {',
        *_lines({name: first[name] for name in shared}),
        "},",
    ]
    lines += ['"scripts": {']
    for script, options in found.items():
        own = {name: facts for name, facts in options.items() if name not in shared}
        end = "}" if script == list(found)[-1] else "},"
        lines += [f'"{script}": {{', *_lines(own), end]
    _file(trainer).write_text("\n".join([*lines, "}}"]) + "\n", "utf-8")


def _lines(options: dict[str, dict[str, Any]]) -> list[str]:
    lines = [f"{json.dumps(name)}: {json.dumps(options[name], sort_keys=True)}," for name in sorted(options)]
    return [*lines[:-1], lines[-1].removesuffix(",")] if lines else []


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
