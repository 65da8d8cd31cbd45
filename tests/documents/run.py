"""Runs the canned documents on nodes with a real systemd and a real sshd. See documents/README.md.

run.py [matrix|hazards|powershell|NAME-OF-A-HAZARD]... [--suite SUITE] [--jobs N] [--only ID]...
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import faults  # noqa: E402
import hazards  # noqa: E402
import matrix  # noqa: E402
import node  # noqa: E402
import powershell  # noqa: E402
from document import Document  # noqa: E402


def main():
    names = [it.__name__ for it in hazards.ALL]
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", choices=["matrix", "hazards", "powershell", *names, []])
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()
    if not args.what or "powershell" in args.what:
        print(f"ok    powershell: {powershell.check()}")
    why = node.reason_to_skip()
    if why:
        print(f"\n{'=' * 78}\nSKIPPED: the documents were NOT run on nodes: {why}\n{'=' * 78}\n")
        return 0
    node.prepare_cgroups()
    made = subprocess.run([Path(__file__).parent / "rootfs", args.suite], capture_output=True, text=True)
    if made.returncode:
        print(f"\n{'=' * 78}\nSKIPPED: no root filesystem could be built:\n{made.stderr}{'=' * 78}\n")
        return 0
    tree = made.stdout.strip().splitlines()[-1]
    check, repair = Document("Fleet-CheckSshd"), Document("Fleet-RepairSshd")
    failed, began = 0, time.monotonic()
    what = args.what or ["matrix", "hazards"]
    if what == ["powershell"]:
        return 0
    if "matrix" in what:
        every = [it for it in faults.CATALOGUE + faults.FURTHER if it.only in ("", args.suite)]
        chosen = [it for it in every if not args.only or any(it.id.startswith(n) for n in args.only)]
        failed += matrix.run(tree, chosen, check, repair, args.jobs)
        print(f"\n{len(chosen)} faults on {args.suite} in {time.monotonic() - began:.0f} s")
    for hazard in hazards.ALL:
        if "hazards" not in what and hazard.__name__ not in what:
            continue
        try:
            print(f"ok    {hazard.__name__}: {hazard(tree, check, repair)}")
        except Exception as err:
            failed += 1
            print(f"FAILED {hazard.__name__}: {type(err).__name__}: {str(err)[:3000]}")
        sys.stdout.flush()
    print(f"{'FAILED' if failed else 'ok'}: {failed} failures in {time.monotonic() - began:.0f} s")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
