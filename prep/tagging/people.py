"""Which tags count people."""

import re

PEOPLE = re.compile(r"^(\d+\+?(girl|boy|other)s?|multiple_(girls|boys|others)|no_humans)$")
