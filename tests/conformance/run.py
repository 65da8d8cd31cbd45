"""Runs every check: run.py FOLDER, which holds NAME.env for each simulated world.

Each check prints its name with ok or FAILED; the last line counts them; any failure makes it 1.
"""

import importlib
import sys
import time
from pathlib import Path

from harness import World, check, failed, passed

MODULES = ["walkthrough", "answers", "errors", "constraints", "statuses",
           "outputs", "stored", "elsewhere", "paging", "scaling", "faults",
           "orders", "automation", "rescue"]


def main():
    worlds = {it.stem: World(it) for it in Path(sys.argv[1]).glob("*.env")}
    for name in sys.argv[2:] or MODULES:
        began = time.monotonic()
        # A module that ends early has checks that it did not make.
        with check(f"{name}: came to its end"):
            importlib.import_module(name).run(worlds)
        print(f"       {name} took {time.monotonic() - began:.1f} s", flush=True)
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
