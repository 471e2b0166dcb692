"""`python -m tests.recorded`: record what the present code writes, for the releases that come after it.

A change that the recorded release could not live beside is refused: make it in two releases (docs/operate.md), or say
`--anew` before anything is deployed.
"""

from __future__ import annotations

import argparse
import sys

from tests.recorded.compatible import problems
from tests.recorded.files import FOLDER, read_all, recording_of, write
from tests.recorded.kinds import kinds


def main(arguments: list[str] | None = None) -> int:
    """Write every recording; 1 and nothing written where one is refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorded", description=__doc__)
    parser.add_argument("--anew", action="store_true", help="whatever the recorded release could read")
    options = parser.parse_args(arguments)
    present, before = kinds(), read_all()
    found = [each for name, kind in present.items() if name in before for each in problems(kind, before[name])]
    if found and not options.anew:
        print("\n".join(found), file=sys.stderr)
        return 1
    for name in before.keys() - present.keys():
        (FOLDER / f"{name}.json").unlink()
    for name, kind in present.items():
        write(name, recording_of(kind))
    print(f"{len(present)} types recorded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
