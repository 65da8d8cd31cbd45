"""Opens each format of one report with a parser that is not ours, and holds their totals together.

Arguments: the program, and a directory for its output.
"""

import collections
import csv
import html.parser
import json
import os
import subprocess
import sys

import jsonschema
import junitparser
from lxml import etree
from markdown_it import MarkdownIt

ENDINGS = ["json", "jsonl", "html", "md", "csv", "xml", "txt"]
FORMATS = {"md": "md", "xml": "junit", "txt": "text"}

# Everything that is markup, a formula or a control sequence somewhere.
HOSTILE = r"""
speed = 50.0
[[group]]
name = "web"
size = 9
zones = ["us-east-1a", "us-east-1b"]
[[outcome]]
instances = [0, 1]
exit = 1
stdout = "=cmd|' /C calc'!A0"
stderr = "</script><script>alert(1)</script> ]]> <!-- & \"quoted\" 'too'\n```\n# not a heading\n"
[[outcome]]
instances = [2]
stdout = "\u001b]0;owned\u0007\u001b[31mred\u0000\u0008\u009b2J \u202efdp.exe\u2066 \ufffe \r\n| a | b |\n~~~"
[[outcome]]
instances = [3]
status = "Undeliverable"
[[outcome]]
instances = [4]
stdout = "@SUM(A1) [x](javascript:alert(1)) @everyone"
stderr = "-1+1"
[[outcome]]
stdout = "%s"
""" % ("x" * 24_000)

# Documents that print findings, of which some are hostile and one cannot be read.
FINDINGS = r"""
speed = 50.0
[[group]]
name = "web"
size = 6
zones = ["us-east-1a"]
[[outcome]]
instances = [0, 1]
exit = 11
stdout = '{"schema":"test/1","verdict":"latent","findings":[{"code":"config.syntax","severity":"high","path":"/etc/x","evidence":"</script># not a heading @everyone ```"}],"changed":[{"action":"start","path":"x.service"}]}'
[[outcome]]
instances = [2]
stdout = '{"schema":"test/1","verdict":"healthy","findings":"none"}'
[[outcome]]
stdout = '{"schema":"test/1","verdict":"healthy","findings":[],"changed":[]}'
"""
SIDECAR = """
version = "1.0.0"
changes = false
[findings]
schema = "test/1"
subject = "thing"
verdicts = ["healthy", "latent"]
good = ["healthy"]
"""

# A rescue of which everybody succeeds, and whose group cannot be changed back.
RESCUE = r"""
speed = 400.0
[[group]]
name = "win"
size = 3
platform = "Windows"
zones = ["us-east-1a"]
min = 0
max = 20
suspended = ["ReplaceUnhealthy"]
instance = [
    { index = 1, impaired = true, ping = "ConnectionLost" },
    { index = 2, impaired = true, ping = "ConnectionLost" },
]
[[runbook]]
document = "AWSSupport-StartEC2RescueWorkflow"
[[runbook.step]]
name = "runScriptForWindows"
outputs = { Output = "F291 C-00000291-1.sys True\nF291 end ok n=1" }
[[fault]]
operation = "ResumeProcesses"
rate = 1.0
kind = "error-500"
"""
SENTENCE = "thing: 3 healthy, 2 latent (config.syntax), 1 unreadable"

# What Jenkins holds a JUnit report against; its licence is in the file.
JUNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "junit-10.xsd")


def fleet(program, work, *args):
    pace = os.environ.get("FLEET_PACE", "1")
    env = {"PATH": os.environ["PATH"], "FLEET_PACE": pace, "HOME": work, "XDG_STATE_HOME": os.path.join(work, "state")}
    call = [program, *args]
    done = subprocess.run(call, env=env, cwd=work, capture_output=True, timeout=120)
    assert done.returncode in (0, 1, 5), (call, done.returncode, done.stderr)
    return done.stdout


def of_json(text, schema):
    report = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(report)
    return report["totals"]


def of_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    for row in rows:
        assert None not in row and None not in row.values(), row
        for name, cell in row.items():
            is_number = name in ("response_code", "wave", "seconds", "output_group")
            assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)
    return collections.Counter(row["outcome"] for row in rows)


def of_junit(path, n_left):
    # Two readers: one knows XML and what Jenkins demands of it, the other JUnit.
    etree.XMLSchema(etree.parse(JUNIT)).assertValid(etree.parse(path))
    suites = junitparser.JUnitXml.fromfile(path)
    totals = collections.Counter()
    for suite in suites:
        cases = list(suite)
        results = [result for case in cases for result in case.result]
        count = lambda kind: sum(isinstance(it, kind) for it in results)
        assert suite.tests == len(cases), suite
        assert suite.failures == count(junitparser.Failure), suite
        assert suite.errors == count(junitparser.Error), suite
        assert suite.skipped == count(junitparser.Skipped), suite
        assert suite.time >= 0 and suite.timestamp, suite
        if suite.name == "groups":
            assert n_left == len(cases) == suite.failures, suite
            assert all(it.classname and it.result[0].type == "left_changed" for it in cases), suite
            continue
        for case in cases:
            (outcome,) = [it.type for it in case.result] or ["succeeded"]
            totals[outcome] += 1
            assert case.time >= 0 and case.classname and case.name.startswith("i-"), case
    assert suites.tests == sum(totals.values()) + n_left
    return totals


def of_markdown(text):
    tokens = MarkdownIt("gfm-like").parse(text)
    inline = [child for it in tokens for child in it.children or []]
    kinds = {it.type for it in tokens} | {it.type for it in inline}
    # What an instance says is text: it makes no markup, no link and no heading.
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}, kinds
    headings = [tokens[n + 1].content for n, it in enumerate(tokens) if it.type == "heading_open"]
    assert not any("not a heading" in it for it in headings), headings
    cells = [tokens[n + 1].content for n, it in enumerate(tokens) if it.type == "td_open"]
    rows = dict(zip(cells[::2], cells[1::2]))
    planned = int(rows.pop("**planned**").strip("*"))
    totals = {outcome.replace(" ", "_"): int(n) for outcome, n in rows.items()}
    assert sum(totals.values()) == planned
    return totals


def of_html(text):
    data = text.split('id="data">')[1].split("</script>")[0]
    data = json.loads(data)
    at = data["columns"].index("outcome")
    return collections.Counter(data["outcomes"][row[at]] for row in data["rows"])


def of_jsonl(text):
    last = {}
    for n, line in enumerate(text.splitlines(), 1):
        event = json.loads(line)
        assert event["seq"] == n
        if event["data"]["kind"] == "instance_finished":
            last[event["data"]["instance_id"]] = event["data"]["outcome"]
    return collections.Counter(last.values())


def of_text(text, totals):
    words = " ".join(text.split())
    for outcome, n in totals.items():
        assert f"{n} {outcome.replace('_', ' ')}" in words, (outcome, n, text)
    return totals


def check_findings(program, work):
    """Every format that sums up says what was found, and what it is made of."""
    for name, text in (("findings.toml", FINDINGS), ("sidecar.toml", SIDECAR)):
        with open(os.path.join(work, name), "w", encoding="utf-8") as file:
            file.write(text)
    world = f"--sim={os.path.join(work, 'findings.toml')}"
    totals = check(program, work, ["run", world, "--asg", "web", "--max-errors", "9", "--sidecar", "sidecar.toml"])
    read = lambda ending: open(os.path.join(work, f"report.{ending}"), encoding="utf-8").read()

    tokens = MarkdownIt("gfm-like").parse(read("md"))
    at = next(n for n, it in enumerate(tokens) if it.type == "heading_open" and tokens[n + 1].content == "Findings")
    section = " ".join(it.content for it in tokens[at + 3 : at + 8]).replace("\\", "")
    page = html.parser.HTMLParser(convert_charrefs=True)
    parts = []
    page.handle_data = parts.append
    page.feed(read("html").split('<section class="findings">')[1].split("</section>")[0])
    for name, text in (("md", section), ("html", "".join(parts)), ("txt", read("txt"))):
        text = " ".join(text.split())
        for it in (SENTENCE, "config.syntax (high) on 2 instances", "start x.service on 2 instances", "not read"):
            assert it in text, (name, it, text)
    with open(os.path.join(work, "report.csv"), newline="", encoding="utf-8") as file:
        assert sum("config.syntax" in row["findings"] for row in csv.DictReader(file)) == 2
    return totals


def check_rescue(program, work):
    """What is changed still is told by every format that tells of a run, and fails in CI."""
    with open(os.path.join(work, "rescue.toml"), "w", encoding="utf-8") as file:
        file.write(RESCUE)
    world = f"--sim={os.path.join(work, 'rescue.toml')}"
    rescue = ["rescue", "crowdstrike", world, "--asg", "win", "--no-bitlocker", "--no-report", "--yes"]
    os.environ["FLEET_PACE"] = "0.01"
    totals = check(program, work, [*rescue, "--max-concurrency", "100%"], command=[], n_left=1)
    del os.environ["FLEET_PACE"]
    for ending in ("html", "md", "txt", "xml"):
        with open(os.path.join(work, f"report.{ending}"), encoding="utf-8") as file:
            text = " ".join(file.read().split())
        assert "win: AZRebalance, HealthCheck" in text, (ending, text)
    return totals


def check(program, work, run, command=("--", "true"), n_left=0):
    reports = [it for ending in ENDINGS for it in ("--report", f"report.{ending}")]
    fleet(program, work, *run, *reports, "--quiet", *command)
    schema = json.loads(fleet(program, work, "report", "--schema"))
    texts = {}
    for ending in ENDINGS:
        with open(os.path.join(work, f"report.{ending}"), "rb") as file:
            raw = file.read()
        again = fleet(program, work, "report", "--format", FORMATS.get(ending, ending))
        if ending != "txt":
            assert again == raw, f"{ending} is rendered otherwise from the ledger"
        texts[ending] = raw.decode("utf-8")
        controls = [it for it in texts[ending] if ord(it) < 32 and it not in "\t\n\r" or 127 <= ord(it) < 160]
        assert not controls, (ending, controls)
    path = lambda ending: os.path.join(work, f"report.{ending}")
    totals = of_json(texts["json"], schema)
    found = {
        "jsonl": of_jsonl(texts["jsonl"]),
        "html": of_html(texts["html"]),
        "md": of_markdown(texts["md"]),
        "csv": of_csv(path("csv")),
        "xml": of_junit(path("xml"), n_left),
        "txt": of_text(texts["txt"], totals),
    }
    for ending, it in found.items():
        assert dict(it) == totals, (ending, it, totals)
    return totals


def main(program, work):
    with open(os.path.join(work, "hostile.toml"), "w", encoding="utf-8") as file:
        file.write(HOSTILE)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    worlds = [
        (os.path.join(work, "hostile.toml"), ["--max-errors", "9"]),
        (os.path.join(work, "hostile.toml"), ["--max-concurrency", "1", "--waves", "2,100%"]),
        (os.path.join(root, "examples/worlds/two-hundred.toml"), ["--max-errors", "10%", "--max-concurrency", "50%"]),
    ]
    for world, flags in worlds:
        totals = check(program, work, ["run", f"--sim={world}", "--asg", "web", *flags])
        print(f"7 formats agree: {totals}")
    print(f"7 formats agree, and say what was found: {check_findings(program, work)}")
    print(f"7 formats agree, and say what is changed still: {check_rescue(program, work)}")


main(*sys.argv[1:])
