"""Every row of the table in aws-facts §2.2, and what the parent command makes of it (§2.4)."""

from harness import by_group, check, command, equal, finished, holds, invocations, until

SHELL = "AWS-RunShellScript"
COUNTS = ("TargetCount", "CompletedCount", "ErrorCount", "DeliveryTimedOutCount")


class Sent:
    """A command, and what becomes of it."""

    def __init__(self, ssm, *groups, **more):
        self.ssm = ssm
        more.setdefault("DocumentName", SHELL)
        more.setdefault("Parameters", {"commands": ["true"]})
        if "InstanceIds" not in more:
            more["Targets"] = more.get("Targets") or by_group(*groups)
        self.id = ssm.send_command(**more)["Command"]["CommandId"]

    def parent(self):
        return command(self.ssm, self.id)

    def rows(self):
        return invocations(self.ssm, self.id, Details=True)

    def until_details(self, details):
        def ask():
            found = [it for it in self.rows() if it["StatusDetails"] == details]
            return found[0] if found else None
        return until(ask)

    def row_is(self, row, status, details, code):
        equal((row["Status"], row["StatusDetails"]), (status, details))
        got = self.ssm.get_command_invocation(CommandId=self.id, InstanceId=row["InstanceId"])
        equal((got["Status"], got["StatusDetails"], got["ResponseCode"]), (status, details, code))
        equal([it["ResponseCode"] for it in row["CommandPlugins"]], [code])

    def parent_is(self, status, details, counts):
        found = finished(self.ssm, self.id)
        equal((found["Status"], found["StatusDetails"]), (status, details))
        equal(tuple(found[it] for it in COUNTS), counts)

    def filtered(self, value):
        """How many of its invocations the filter Status=value selects."""
        pages = self.ssm.list_command_invocations(
            CommandId=self.id, Filters=[{"key": "Status", "value": value}])
        return len(pages["CommandInvocations"])


# The group's name, then what each of its 4 invocations is, then what the parent becomes and its
# (TargetCount, CompletedCount, ErrorCount, DeliveryTimedOutCount) for MaxErrors 100%.
FINAL = [
    ("success", "Success", "Success", 0, "Success", "Success", (4, 4, 0, 0)),
    # 4 failures of at most 4: "MaxErrors or more" is Incomplete at the boundary (C2, UNVERIFIED).
    ("failed", "Failed", "Failed", 3, "Failed", "Incomplete", (4, 4, 4, 0)),
    ("execution-timed-out", "TimedOut", "ExecutionTimedOut", 137,
     "Failed", "Incomplete", (4, 4, 4, 0)),
    ("delivery-timed-out", "TimedOut", "DeliveryTimedOut", -1,
     "TimedOut", "DeliveryTimedOut", (4, 4, 0, 4)),
    ("undeliverable", "Failed", "Undeliverable", -1, "Failed", "Failed", (4, 4, 0, 0)),
    ("invalid-platform", "Failed", "InvalidPlatform", -1, "Failed", "Failed", (4, 4, 0, 0)),
    ("access-denied", "Failed", "AccessDenied", -1, "Failed", "AccessDenied", (4, 4, 0, 0)),
]


def run(worlds):
    ssm = worlds["statuses"].client("ssm")
    sent = {it[0]: Sent(ssm, it[0], MaxErrors="100%") for it in FINAL}
    for group, status, details, code, parent, parent_details, counts in FINAL:
        with check(f"§2.2 {details}: {status}/{details}, ResponseCode {code}"):
            it = sent[group]
            finished(ssm, it.id)
            rows = it.rows()
            equal(len(rows), 4)
            for row in rows:
                it.row_is(row, status, details, code)
        with check(f"§2.2 {details}: all of them make the parent {parent}/{parent_details}"):
            it.parent_is(parent, parent_details, counts)
        with check(f"§3.1 the filter Status={details} selects them, and no other does"):
            for value in ("Pending", "InProgress", "Delayed", "Success", "Cancelled", "Failed",
                          "TimedOut", "AccessDenied", "DeliveryTimedOut", "ExecutionTimedOut",
                          "Undeliverable", "InvalidPlatform", "Terminated"):
                wanted = value == details or (value == "TimedOut" and status == "TimedOut")
                equal((value, it.filtered(value)), (value, 4 if wanted else 0))

    with check("§2.2 Failed counts against MaxErrors: MaxErrors 0 makes the parent Failed"):
        it = Sent(ssm, "failed", MaxConcurrency="1")
        it.parent_is("Failed", "Failed", (4, 4, 1, 0))
    with check("§2.2 Terminated: Failed/Terminated, ResponseCode -1, in CompletedCount only"):
        rows = [row for row in it.rows() if row["StatusDetails"] == "Terminated"]
        equal(len(rows), 3)
        for row in rows:
            it.row_is(row, "Failed", "Terminated", -1)
    with check("§2.2 Terminated as the world scripts it looks the same"):
        it = Sent(ssm, "terminated")
        finished(ssm, it.id)
        it.row_is(it.rows()[0], "Failed", "Terminated", -1)
    with check("§2.2 ExecutionTimedOut counts against MaxErrors, and makes the parent TimedOut"):
        it = Sent(ssm, "execution-timed-out", MaxConcurrency="1")
        it.parent_is("TimedOut", "ExecutionTimedOut", (4, 4, 1, 0))
    for group in ("undeliverable", "delivery-timed-out", "invalid-platform", "access-denied"):
        with check(f"§2.2 {group} does not count against MaxErrors: all four are attempted"):
            it = Sent(ssm, group, MaxConcurrency="1", MaxErrors="0")
            finished(ssm, it.id)
            equal(len({row["StatusDetails"] for row in it.rows()}), 1)
    with check("§2.2 Cancelled, from a CancelCommand: Cancelled/Cancelled, ResponseCode 137"):
        it = Sent(ssm, "in-progress")
        row = it.until_details("InProgress")
        it.row_is(row, "InProgress", "InProgress", -1)
        ssm.cancel_command(CommandId=it.id)
    with check("§2.2 Cancelling: Cancelling/Cancelling until the agent has killed it"):
        row = it.until_details("Cancelling")
        equal(row["Status"], "Cancelling")
        equal(it.parent()["StatusDetails"], "Cancelling")
    with check("§2.2 Cancelled: the parent is Cancelled, with ErrorCount 0"):
        it.parent_is("Cancelled", "Cancelled", (2, 2, 0, 0))
        for row in it.rows():
            it.row_is(row, "Cancelled", "Cancelled", 137)
    with check("§2.2 Cancelled before it was delivered: ResponseCode -1"):
        it = Sent(ssm, "in-progress", MaxConcurrency="1")
        it.until_details("InProgress")
        row = it.until_details("Pending")
        it.row_is(row, "Pending", "Pending", -1)
        ssm.cancel_command(CommandId=it.id)
        it.parent_is("Cancelled", "Cancelled", (2, 2, 0, 0))
        codes = [row["CommandPlugins"][0]["ResponseCode"] for row in it.rows()]
        equal(sorted(codes), [-1, 137])
    with check("§2.2 Pending: Pending/Pending, ResponseCode -1, while another one runs"):
        equal((row["Status"], row["StatusDetails"]), ("Pending", "Pending"))
    with check("§2.2 InProgress: the parent is InProgress, nothing is complete"):
        it = Sent(ssm, "in-progress")
        it.until_details("InProgress")
        found = it.parent()
        equal((found["Status"], found["StatusDetails"]), ("InProgress",) * 2)
        equal(tuple(found[name] for name in COUNTS), (2, 0, 0, 0))
        ssm.cancel_command(CommandId=it.id)
    with check("§2.2 one instance cancelled by name: the other goes on, the parent is Incomplete"):
        it = Sent(ssm, "in-progress", "success", MaxErrors="0")
        found = until(lambda: it.parent()["CompletedCount"] == 4 and it.rows())
        stuck = [r["InstanceId"] for r in found if r["Status"] == "InProgress"]
        equal(len(stuck), 2)
        ssm.cancel_command(CommandId=it.id, InstanceIds=stuck[:1])
        until(lambda: it.parent()["CompletedCount"] == 5)
        equal(it.parent()["Status"], "InProgress")
        ssm.cancel_command(CommandId=it.id, InstanceIds=stuck[1:])
        it.parent_is("Failed", "Incomplete", (6, 6, 0, 0))
    with check("§2.2 Delayed: Delayed/Delayed, ResponseCode -1, then it goes on to its end"):
        it = Sent(ssm, "delayed")
        row = it.until_details("Delayed")
        equal(row["Status"], "Delayed")
        equal([p["ResponseCode"] for p in row["CommandPlugins"]], [-1])
        holds(it.parent()["Status"] in ("Pending", "InProgress"), "the command's enum lacks it")
        it.parent_is("Success", "Success", (1, 1, 0, 0))
    with check("§2.2 InvalidPlatform, for real: a document for Linux on a tag of Windows"):
        it = Sent(ssm, "windows")
        it.parent_is("Failed", "Failed", (1, 1, 0, 0))
        it.row_is(it.rows()[0], "Failed", "InvalidPlatform", -1)

    for bad in ("undeliverable", "invalid-platform", "access-denied"):
        with check(f"§2.4 the misleading Success: 4 {bad} and the others well"):
            Sent(ssm, bad, "success").parent_is("Success", "Success", (8, 8, 0, 0))
    with check("§2.4 the misleading Success: fewer failures than MaxErrors"):
        it = Sent(ssm, "failed", "success", MaxErrors="5")
        it.parent_is("Success", "Success", (8, 8, 4, 0))
    with check("§2.4 exactly MaxErrors failures are Incomplete (C2)"):
        it = Sent(ssm, "failed", "success", MaxErrors="4")
        it.parent_is("Failed", "Incomplete", (8, 8, 4, 0))
    with check("§2.4 MaxErrors or more DeliveryTimedOut make the parent TimedOut"):
        it = Sent(ssm, "delivery-timed-out", "success", MaxErrors="4")
        it.parent_is("TimedOut", "DeliveryTimedOut", (8, 8, 0, 4))
    with check("§2.4 NoInstancesInTag: Success, with nothing done"):
        it = Sent(ssm, "nobody")
        it.parent_is("Success", "NoInstancesInTag", (0, 0, 0, 0))
        equal(it.rows(), [])
        found = ssm.list_commands(CommandId=it.id,
                                  Filters=[{"key": "Status", "value": "NoInstancesInTag"}])
        equal(len(found["Commands"]), 1)
    with check("§1.3 a percentage of errors is of the targets: 50% of 4 allows two"):
        it = Sent(ssm, "failed", MaxConcurrency="1", MaxErrors="50%")
        it.parent_is("Failed", "Failed", (4, 4, 3, 0))

    hours = worlds["hours"].client("ssm")
    with check("§1.4 ExpiresAfter is the request, the delivery and the execution timeout"):
        for timeout, given, seconds in ((None, None, 7200), (60, "900", 960)):
            more = {"TimeoutSeconds": timeout} if timeout else {}
            parameters = {"commands": ["true"]}
            if given:
                parameters["executionTimeout"] = [given]
            sent = hours.send_command(DocumentName=SHELL, Parameters=parameters,
                                      Targets=by_group("nobody"), **more)["Command"]
            took = sent["ExpiresAfter"] - sent["RequestedDateTime"]
            equal(round(took.total_seconds()), seconds)
    with check("§2.3 an agent out of reach: InProgress until ExpiresAfter, then DeliveryTimedOut"):
        it = Sent(hours, "lost")
        equal(it.until_details("InProgress")["Status"], "InProgress")
        it.parent_is("TimedOut", "DeliveryTimedOut", (2, 2, 0, 2))
        it.row_is(it.rows()[0], "TimedOut", "DeliveryTimedOut", -1)
    with check("§1.4 a script beyond its executionTimeout is ExecutionTimedOut"):
        it = Sent(hours, "slow", Parameters={"commands": ["sleep"], "executionTimeout": ["1800"]})
        it.parent_is("TimedOut", "ExecutionTimedOut", (2, 2, 2, 0))
        it.row_is(it.rows()[0], "TimedOut", "ExecutionTimedOut", 137)
        got = hours.get_command_invocation(CommandId=it.id, InstanceId=it.rows()[0]["InstanceId"])
        holds(got["ExecutionElapsedTime"].startswith("PT30M"), got["ExecutionElapsedTime"])
    with check("§1.4 an agent that never replies: DeliveryTimedOut, though the script ran"):
        it = Sent(hours, "silent")
        it.parent_is("TimedOut", "DeliveryTimedOut", (1, 1, 0, 1))
        it.row_is(it.rows()[0], "TimedOut", "DeliveryTimedOut", -1)
        counts = worlds["hours"].stats()["executions"]
        holds(counts[it.rows()[0]["InstanceId"]][SHELL] == 1, counts)
