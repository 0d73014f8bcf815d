#!/usr/bin/env bash
# benchmarks/card.py on a machine that has torch, transformers and pyarrow, and no network:
#     bash benchmarks/card.sh --out DIR
# What else prep needs lies in .whl/. A machine with network fills that folder, here for Python 3.12 on x86-64:
#     python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
#       --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -c constraints.txt -d .whl \
#       diffusers pydantic pydantic_core==2.50.4 annotated_types typing_extensions typing_inspection tomlkit
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
site="$(mktemp -d)"
trap 'rm -rf "$site"' EXIT
if [ -d "$root/.whl" ]; then
  python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target "$site" "$root"/.whl/*.whl
fi
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv 2>&1 || true
PYTHONPATH="$site" python3 "$root/benchmarks/card.py" "$@"
