"""Measures the floors that fleet promises, beside an AWS CLI loop and a boto3 loop.

    cargo build --release && python3 benches/floors/floors.py

Needs Debian's python3-venv and jq. awscli and boto3 are taken from this Python, or from a virtual
environment that is made under target/; a client that cannot be had is SKIPPED. It takes about five
minutes, and exits with 1 if a floor is missed. `--help` lists what can be changed.

How to read it
  Each line is one run of one client over all instances of one group, on a `fleet sim` of its own:
  the same world, another process, so the figures are the client's alone. Every call takes 30 ms of
  real time longer. The group runs 10% of its instances at a time, so that they finish all along the
  run, and each says 2,500 bytes.
    calls       what reached the service, by its own count
    CPU         user and system time of the client and of all processes that it started
    peak RSS    of the largest process of the client
    to report   from the end of the last instance, by the service's clock, to the moment at which
                the client's report was written, by the file system's; in real seconds
    twice       executions beyond one an instance, by the service's count
  Absolute figures are those of the machine; what can be compared is the ratio between clients of
  one size, which ran one after the other. The world of 10,000 goes 10 times as fast as the real
  one, and so do the waits of all clients; what a call takes does not. The last lines are a run of
  each client in which the first answer to SendCommand is lost after it was accepted.
"""

import argparse
import datetime
import importlib.util
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DELAY = 0.030  # real seconds that every call takes longer
INTERVAL = 2.0  # simulated seconds between two looks of the loops
OUTPUT = 2_500  # bytes that each instance says
BATCHES = 10  # the group runs in so many, one after the other
VARIANTS = 20  # so many different outputs


class Size:
    """How many instances, for how long (simulated seconds), and how fast the world goes."""

    def __init__(self, text):
        parts = text.split(":")
        self.count = int(parts[0])
        self.seconds = float(parts[1]) if len(parts) > 1 else 10.0
        self.speed = float(parts[2]) if len(parts) > 2 else 1.0


def arguments():
    about = argparse.ArgumentParser(description="Measures the floors that fleet promises.")
    about.add_argument("--fleet", default=str(ROOT / "target/release/fleet"), help="the program")
    about.add_argument(
        "--sizes",
        default="100:10,1000:10,10000:300:10",
        help="INSTANCES[:SECONDS[:SPEED]],…: how many, for how long, how fast the world goes",
    )
    about.add_argument("--clients", default="fleet,aws,boto3", help="of fleet,aws,boto3")
    about.add_argument("--limit", type=float, default=240, help="seconds that a run may take")
    about.add_argument("--json", action="store_true", help="print what was measured as JSON")
    return about.parse_args()


def world(size, loses_answer):
    """The same for every client: only ids differ from run to run, and they come from a seed."""
    after = size.seconds / BATCHES
    lines = [f"speed = {size.speed}", '[[group]]\nname = "web"', f"size = {size.count}"]
    for variant in range(VARIANTS):
        indices = list(range(variant, size.count, VARIANTS))
        text = (f"variant {variant:02} " + "o" * OUTPUT)[:OUTPUT]
        if indices:
            lines += ["[[outcome]]", f"instances = {indices}", f'after = "{after}s"']
            lines += [f'stdout = "{text}"']
    if loses_answer:
        lines += ["[[fault]]", 'operation = "SendCommand"', "calls = [1]"]
        lines += ['kind = "drop-after-accept"']
    delay = round(DELAY * size.speed * 1000)  # the simulator waits in its own time
    lines += ["[[fault]]", 'operation = "*"', "rate = 1.0", 'kind = "delay"']
    return "\n".join([*lines, f'delay = "{delay}ms"', ""])


class Sim:
    """A simulator in a process of its own."""

    def __init__(self, fleet, folder, text):
        path = folder / "world.toml"
        path.write_text(text)
        command = [fleet, "sim", "--world", str(path)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.exports = {}
        while "AWS_SECRET_ACCESS_KEY" not in self.exports:
            line = self.process.stdout.readline()
            if not line:
                sys.exit("the simulator did not start")
            name, _, value = line.strip().removeprefix("export ").partition("=")
            self.exports[name] = value.strip("'")

    def stats(self):
        with urllib.request.urlopen(self.exports["AWS_ENDPOINT_URL"] + "/_fleet/stats") as answer:
            return json.load(answer)

    def last_finished(self, speed):
        """The end of the last instance, in real seconds since the epoch."""
        asked = time.time()
        stats = self.stats()
        if not stats["last_finished"]:
            return None
        moment = datetime.datetime.fromisoformat
        # Python knows six digits of a second.
        now, last = (moment(trimmed(stats[it])) for it in ("now", "last_finished"))
        return (asked + time.time()) / 2 - (now - last).total_seconds() / speed

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def trimmed(stamp):
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:6]:0<6}+00:00"


def python_with_boto3():
    """This Python, or one of a virtual environment; None, and why, if there is none."""
    if importlib.util.find_spec("boto3") and importlib.util.find_spec("awscli"):
        return sys.executable, None
    venv = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "floors-venv"
    python = venv / "bin/python"
    if not (venv / "bin/aws").exists():
        print("making a virtual environment with awscli and boto3", file=sys.stderr)
        install = [str(python), "-m", "pip", "install", "-q", "awscli", "boto3"]
        for step in ([sys.executable, "-m", "venv", str(venv)], install):
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode:
                return None, (done.stderr or done.stdout).strip().splitlines()[-1]
    return str(python), None


def commands(clients, fleet):
    """How each client is started, or why it cannot be: (name, function of interval and report)."""
    others = {"aws", "boto3"} & set(clients)
    python, why = python_with_boto3() if others else (None, None)
    for client in clients:
        if client == "fleet":
            run = [fleet, "run", "--asg", "web", "--max-concurrency", "10%", "--max-errors"]
            run += ["100%", "--yes", "--quiet"]
            yield "fleet", lambda _, report: [*run, "--report", report, "--", "uptime"], None
        elif why:
            yield client, None, why
        elif client == "boto3":
            script = [python, str(HERE / "boto-loop.py"), "web"]
            yield "boto3 loop", lambda it, report: [*script, str(it), report], None
        else:
            loop = ["bash", str(HERE / "aws-loop.sh"), "web"]
            yield "aws-CLI loop", lambda it, report: [*loop, str(it), report], None


def aws_program():
    """Beside this Python, because what is on the PATH may be a slower shim for it."""
    python, _ = python_with_boto3()
    folders = [sysconfig.get_path("scripts"), str(Path(python).parent)] if python else []
    found = [Path(it) / "aws" for it in folders if (Path(it) / "aws").exists()]
    return str(found[0]) if found else "aws"


def measure(client, command, size, options, loses_answer=False):
    """Runs one client once, and returns its figures."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        report = folder / "report.json"
        sim = Sim(options.fleet, folder, world(size, loses_answer))
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_PAGER": "",
            **sim.exports,
        }
        if client == "aws-CLI loop":
            env["AWS"] = aws_program()
        if size.speed != 1.0:
            env["FLEET_PACE"] = str(1 / size.speed)
        try:
            words = command(INTERVAL / size.speed, str(report))
            began = time.monotonic()
            with open(folder / "output", "w") as output:
                process = subprocess.Popen(
                    words, env=env, cwd=folder, stdout=output, stderr=output, start_new_session=True
                )
            usage, is_late = wait(process, options.limit)
            wall = time.monotonic() - began
            res = {
                "client": client,
                "instances": size.count,
                "seconds": size.seconds,
                "speed": size.speed,
                "loses_answer": loses_answer,
                "wall": wall,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_rss_mib": usage.ru_maxrss / 1024,
                "stopped": is_late,
            }
            finished = sim.last_finished(size.speed)
            stats = sim.stats()
            runs = [sum(it.values()) for it in stats["executions"].values()]
            res["calls"] = sum(stats["calls"].values())
            res["executed"] = len(runs)
            res["duplicates"] = sum(runs) - len(runs)
            if not is_late:
                rows = rows_of(report)
                if rows != size.count:
                    said = (folder / "output").read_text()[-2000:]
                    sys.exit(f"{client} reported {rows} of {size.count} instances:\n{said}")
                res["to_report"] = report.stat().st_mtime - finished
            return res
        finally:
            sim.stop()


def rows_of(report):
    """How many instances a report has. Another process reads it: what this one once needed, Linux
    counts towards the peak of every process that it starts later."""
    count = "import json, sys; print(len(json.load(open(sys.argv[1]))['instances']))"
    done = subprocess.run([sys.executable, "-c", count, report], capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else 0


def wait(process, limit):
    """Waits for a process; returns what its whole tree used, and whether it had to be ended."""
    end = time.monotonic() + limit
    is_late = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = status
            return usage, is_late
        if time.monotonic() > end and not is_late:
            is_late = True
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.005)


def version(fleet):
    """The median of the milliseconds that `fleet --version` takes."""
    times = []
    for _ in range(41):
        began = time.perf_counter()
        subprocess.run([fleet, "--version"], stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def floors(runs, version_ms):
    """Each floor: (what, what was found, what is allowed, whether it holds or None)."""

    def of(client, count):
        found = (it for it in runs if not it["loses_answer"] and not it["stopped"])
        found = (it for it in found if it["client"] == client and it["instances"] == count)
        return next(found, None)

    def floor(what, run, found, allowed, form):
        if run is None:
            return {"what": what, "found": None, "allowed": form(allowed), "holds": None}
        holds = found(run) <= allowed
        return {"what": what, "found": form(found(run)), "allowed": form(allowed), "holds": holds}

    large, middle, loop = of("fleet", 10_000), of("fleet", 1_000), of("aws-CLI loop", 1_000)
    calls = 2 * (1 + math.ceil(10_000 / 50))
    yield floor("API calls at 10,000, 5 minutes", large, lambda it: it["calls"], calls, str)
    seconds = "{:.2f} s".format
    what = "last instance done → report, at 1,000"
    yield floor(what, middle, lambda it: it["to_report"], 1.5, seconds)
    both = middle and loop
    what = "CPU at 1,000, of the aws-CLI loop's"
    yield floor(what, both and middle, lambda it: it["cpu"] / loop["cpu"], 1 / 20, fraction)
    mib = "{:.0f} MiB".format
    yield floor("peak RSS at 10,000", large, lambda it: it["peak_rss_mib"], 150, mib)
    milliseconds = "{:.1f} ms".format
    yield floor("fleet --version, median", {}, lambda _: version_ms, 10, milliseconds)
    own = [it for it in runs if it["client"] == "fleet"]
    twice = sum(it["duplicates"] for it in own)
    yield floor("executed twice, in all runs of fleet", own or None, lambda _: twice, 0, str)


def fraction(share):
    return f"1/{1 / share:.0f}" if share else "0"


COLUMNS = "{:>9}  {:<13} {:>6}  {:>7} {:>6}  {:>8}  {:>9}  {:>7}  {:>6}"


def table(runs, skipped):
    yield COLUMNS.format(
        "instances", "client", "calls", "CPU s", "", "peak RSS", "to report", "wall s", "twice"
    )
    groups = {}
    for run in runs:
        groups.setdefault((run["loses_answer"], run["instances"]), []).append(run)
    for (loses_answer, count), of_size in groups.items():
        speed = f"{of_size[0]['seconds']:g} s long, speed {of_size[0]['speed']:g}"
        yield speed + (", the first answer to SendCommand is lost" if loses_answer else "")
        own = next((it["cpu"] for it in of_size if it["client"] == "fleet"), None)
        for run in of_size:
            late = run["stopped"]
            to_report = "stopped" if late else f"{run['to_report']:.2f} s"
            times = f"× {run['cpu'] / own:.0f}" if own and run["client"] != "fleet" else ""
            yield COLUMNS.format(
                f"{count:,}",
                run["client"],
                run["calls"],
                f"{run['cpu']:.2f}",
                times,
                f"{run['peak_rss_mib']:.0f} MiB",
                to_report,
                f"{run['wall']:.1f}",
                run["duplicates"],
            )
    for client, why in skipped:
        yield f"SKIPPED {client}: {why}"


def main():
    options = arguments()
    if not Path(options.fleet).exists():
        sys.exit(f"there is no {options.fleet}: cargo build --release")
    options.fleet = str(Path(options.fleet).resolve())
    sizes = [Size(it) for it in options.sizes.split(",")]
    clients = list(commands(options.clients.split(","), options.fleet))
    able = [(client, command) for client, command, why in clients if not why]
    skipped = [(client, why) for client, _, why in clients if why]
    said = subprocess.run([options.fleet, "--version"], capture_output=True, text=True, check=True)
    about = {
        "version": said.stdout.strip(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "delay_ms": DELAY * 1000,
        "interval": INTERVAL,
    }
    runs = []
    for size in sizes:
        for client, command in able:
            print(f"{client}, {size.count} instances…", file=sys.stderr)
            runs.append(measure(client, command, size, options))
    small = Size(f"{min(it.count for it in sizes)}:10:10")
    for client, command in able:
        print(f"{client}, a lost answer…", file=sys.stderr)
        runs.append(measure(client, command, small, options, loses_answer=True))
    judged = list(floors(runs, version(options.fleet)))
    if options.json:
        skipped = [{"client": client, "why": why} for client, why in skipped]
        print(json.dumps({"about": about, "runs": runs, "floors": judged, "skipped": skipped}))
    else:
        print(
            f"{about['version']}, {about['cores']} cores, load {about['load']:.1f} before; "
            f"{about['delay_ms']:.0f} ms a call, loops look every {INTERVAL:g} s"
        )
        print("\n".join(table(runs, skipped)))
        print()
        for it in judged:
            word = {True: "PASS", False: "MISSED", None: "not measured"}[it["holds"]]
            found = it["found"] or "-"
            print(f"{it['what']:<38} {found:>8}  of {it['allowed']:<8} {word}")
    return 1 if any(it["holds"] is False for it in judged) else 0


sys.exit(main())
