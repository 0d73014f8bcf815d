"""A1111's names of samplers, and which of prep's draws each: its own, or the nearest that works with a flow model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# A1111's name -> prep's. The four that prep has come first; a sampler that adds noise goes to the one that does.
NAMES = {
    "Euler": "euler",
    "Euler a": "euler_a",
    "Heun": "heun",
    "DPM++ 2M": "dpmpp_2m",
    "DDIM": "euler",
    "DDIM CFG++": "euler",
    "PLMS": "euler",
    "LMS": "euler",
    "LCM": "euler",
    "DPM fast": "euler",
    "DPM2": "heun",
    "DPM2 a": "euler_a",
    "DPM++ 2S a": "euler_a",
    "DPM++ SDE": "euler_a",
    "DPM++ 2M SDE": "euler_a",
    "DPM++ 2M SDE Heun": "euler_a",
    "DPM++ 3M SDE": "euler_a",
    "Restart": "euler_a",
    "DPM adaptive": "dpmpp_2m",
    "UniPC": "dpmpp_2m",
}
OTHER = {
    "k_euler": "Euler",
    "k_euler_a": "Euler a",
    "k_euler_ancestral": "Euler a",
    "euler_ancestral": "Euler a",
    "k_heun": "Heun",
    "k_dpmpp_2m": "DPM++ 2M",
    "k_lms": "LMS",
    "k_dpm_2": "DPM2",
    "k_dpm_2_a": "DPM2 a",
    "k_dpmpp_2s_a": "DPM++ 2S a",
    "k_dpmpp_sde": "DPM++ SDE",
    "k_dpmpp_2m_sde": "DPM++ 2M SDE",
    "k_dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "k_dpmpp_3m_sde": "DPM++ 3M SDE",
    "k_dpm_fast": "DPM fast",
    "k_dpm_ad": "DPM adaptive",
}
# Until 1.8 the schedule was part of the name: `DPM++ 2M Karras`.
SCHEDULE = re.compile(r" (karras|exponential|polyexponential|uniform|sgm uniform)$")
_BY_NAME = {name.lower(): name for name in NAMES} | {name: known for name, known in OTHER.items()}


@dataclass(frozen=True)
class Sampler:
    own: str  # prep's name
    exact: bool  # it is what was asked for, not the nearest


def title(own: str) -> str:
    """A1111's name of one of prep's samplers; its own name if A1111 has none."""
    return next((name for name, known in NAMES.items() if known == own), own)


def find(name: str, samplers: Sequence[str]) -> Sampler | None:
    """samplers: the generator's own, the first of them its usual one. None: nobody knows this name."""
    asked = name.strip().lower()
    if own := next((each for each in samplers if each.lower() == asked), None):
        return Sampler(own, True)
    plain = SCHEDULE.sub("", asked)
    known = _BY_NAME.get(plain)
    if known is None:
        return None
    own = NAMES[known] if NAMES[known] in samplers else samplers[0]
    return Sampler(own, plain == asked and title(own) == known)


def listed(samplers: Sequence[str]) -> list[dict]:
    """What GET /samplers answers: those that draw here; the aliases are all names that lead to them."""
    found = {own: [own] for own in samplers}
    for name in [*NAMES, *OTHER]:
        found[find(name, samplers).own].append(name)
    return [
        {"name": title(own), "aliases": [name for name in names if name != title(own)], "options": {}}
        for own, names in found.items()
    ]
