"""Output as the agent truncates it (aws-facts §A.5), exit codes as it reads them (§A.3), and steps
that it skips (§A.6). The expectations are computed here, from the published rules.
"""

import json

from harness import by_group, check, command, equal, finished, holds, invocations, until
from worlds.outputs import CASES, text

FAILED = "failed to run commands: exit status {}"
EXITED = {
    168: "\nStep exited with code 168. Therefore, marking step as succeeded. "
         "Further document steps will be skipped.",
    169: "\nStep exited with code 169. Therefore, marking step as Failed. "
         "Further document steps will be skipped.",
}
TITLE, OUT, ERR = ("\n----------ERROR-------\n", "\n---Output truncated---",
                   "\n---Error truncated----")


def stream(said):
    return said if len(said) < 24_000 else said[:24_000 - 20] + "--output truncated--"


def combined(out, err):
    title = TITLE if err else ""
    available = 2500 - len(title)
    if len(out) + len(err) < available:
        return out + title + err
    if len(out) > available // 2 and len(err) > available // 2:
        half = (available - len(ERR) - len(OUT)) // 2
        return out[:half] + OUT + title + err[:half] + ERR
    if len(out) <= available // 2:
        return out + title + err[:available - len(ERR) - len(out)] + ERR
    return out[:available - len(OUT) - len(err)] + OUT + title + err


def run(worlds):
    world = worlds["outputs"]
    ssm = world.client("ssm")

    def send(group, document="AWS-RunShellScript", **more):
        if document.startswith("AWS-"):
            more["Parameters"] = {"commands": ["true"]}
        return ssm.send_command(DocumentName=document, Targets=by_group(group),
                                **more)["Command"]["CommandId"]

    sent = {name: send(name) for name in CASES}
    for name, (code, out, err) in CASES.items():
        status, details = "Success", "Success"
        if code in (1, 169):
            status = details = "Failed"
        if code == 137:
            status, details = "TimedOut", "ExecutionTimedOut"
        with check(f"§A.3, §A.5 {name}: exit {code}, {out} and {err} bytes: {status}, truncated as "
                   "the agent does"):
            finished(ssm, sent[name])
            row = invocations(ssm, sent[name], Details=True)[0]
            plugin = row["CommandPlugins"][0]
            got = ssm.get_command_invocation(CommandId=sent[name], InstanceId=row["InstanceId"])
            # A reboot is not an error: the step runs again after it, and then exits with 0.
            expected_code = 0 if code == 194 else code
            equal((got["Status"], got["StatusDetails"], got["ResponseCode"]),
                  (status, details, expected_code))
            stdout, stderr = text("o", out), text("e", err)
            if status == "Failed":
                stderr += ("\n" if stderr else "") + FAILED.format(code)
            # 168 drops stderr; what the exit appends comes after Output is composed.
            equal(plugin["Output"], combined(stdout, "" if code == 168 else stderr))
            if code in EXITED:
                stdout += EXITED[code]
                stderr = "" if code == 168 else stderr + EXITED[code]
            equal(got["StandardOutputContent"], stream(stdout))
            equal(got["StandardErrorContent"], stream(stderr)[:8000])

    with check("§A.6 a document whose every step is skipped is Success, with ResponseCode 0"):
        step = {"action": "aws:runPowerShellScript", "name": "onWindows",
                "precondition": {"StringEquals": ["platformType", "Windows"]},
                "inputs": {"runCommand": ["exit 1"]}}
        linux = {"action": "aws:runShellScript", "name": "onLinux",
                 "precondition": {"StringEquals": ["platformType", "Linux"]},
                 "inputs": {"runCommand": ["true"]}}
        ssm.create_document(Name="both-platforms", DocumentType="Command", Content=json.dumps(
            {"schemaVersion": "2.2", "mainSteps": [step, linux]}))
        until(lambda: ssm.describe_document(
            Name="both-platforms")["Document"]["Status"] == "Active")
        found = ssm.describe_document(Name="both-platforms")["Document"]
        equal(set(found["PlatformTypes"]), {"Windows", "Linux"})
        ids = {it: send(it, "both-platforms") for it in ("short", "win")}
        for group, ran in (("short", "onLinux"), ("win", "onWindows")):
            equal(finished(ssm, ids[group])["Status"], "Success")
            plugins = invocations(ssm, ids[group], Details=True)[0]["CommandPlugins"]
            equal([it["Name"] for it in plugins], ["onWindows", "onLinux"])
            for it in plugins:
                equal((it["Status"], it["ResponseCode"]), ("Success", 0))
                if it["Name"] != ran:
                    platform = "Windows" if it["Name"] == "onWindows" else "Linux"
                    equal(it["Output"], "Step execution skipped due to unsatisfied preconditions: "
                          f"'\"StringEquals\": [platformType, {platform}]'. "
                          f"Step name: {it['Name']}")
