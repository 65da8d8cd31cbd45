"""The fault matrix: each fault on a fresh node, before, its finding, its repair, after, and a second repair."""

import json
from concurrent.futures import ThreadPoolExecutor

from node import Node, difference

COLUMNS = ("fault", "what", "before", "finding", "repair", "after", "second")


def run_document(node, script, timeout=240):
    """Runs a script as the agent does, and reads its one line. Returns the exit code and the object."""
    node.put("/var/tmp/fleet-test-script", script)
    res = node.sh("/var/tmp/fleet-test-script", timeout=timeout)
    lines = res.stdout.splitlines()
    assert len(lines) == 1, f"not one line: rc {res.returncode}\n{res.stdout}\n{res.stderr[-2000:]}"
    assert len(lines[0].encode()) <= 20_000
    res.json = json.loads(lines[0])
    return res


def word(is_in):
    return "in" if is_in else "out"


class Case:
    def __init__(self, tree, fault, check, repair):
        self.tree, self.fault, self.check, self.repair = tree, fault, check, repair
        self.problems, self.row = [], {}

    def expect(self, holds, sentence):
        if not holds:
            self.problems.append(sentence)

    def run(self):
        fault = self.fault
        try:
            with Node(self.tree, f"{fault.id}-truth") as node:
                self.truth(node)
            with Node(self.tree, fault.id) as node:
                self.whole(node)
        except Exception as err:
            self.problems.append(f"{type(err).__name__}: {err}")
        return self

    def truth(self, node):
        """Is it a fault at all, and since when? A node of its own: a restart cannot be taken back."""
        node.sh(self.fault.inject)
        now = node.login(self.fault.port)
        node.restart()
        self.later = node.login(self.fault.port)
        self.row["before"] = f"{word(now)}/{word(self.later)}"
        if self.fault.repair == "none":
            self.expect(now and self.later, "a control is not healthy")
        else:
            self.expect(not (now and self.later), "this fault keeps nobody out")
        self.now = now

    def whole(self, node):
        fault = self.fault
        node.sh(fault.inject)
        tree = node.snapshot()
        found = run_document(node, self.check.fill(**fault.check))
        self.judge_check(found)
        self.expect(node.snapshot() == tree, f"the check changed {difference(tree, node.snapshot())}")
        repaired = run_document(node, self.repair.fill(DryRun="false", **fault.options))
        self.judge_repair(node, repaired, tree)
        after = node.snapshot()
        again = run_document(node, self.repair.fill(DryRun="false", **fault.options))
        same = node.snapshot() == after and not again.json["changed"]
        self.row["second"] = f"{'same' if same else 'changed'} {again.returncode}"
        self.expect(same, f"the second run changed {difference(after, node.snapshot())} {again.json['changed']}")

    def judge_check(self, found):
        fault, answer = self.fault, found.json
        # A control's notes and the consequences of a fault are left out of the table.
        codes = [it["code"] for it in answer["findings"] if it["effect"] != "none" or it["severity"] == "medium"]
        self.row["finding"] = f"{answer['verdict']} {found.returncode}: {', '.join(dict.fromkeys(codes)) or '-'}"
        if fault.repair == "none":
            self.expect(answer["verdict"] == "healthy" and found.returncode == 0, "a control is not called healthy")
            return
        self.expect(answer["verdict"] != "healthy" and found.returncode != 0, "FALSE HEALTHY")
        self.expect(set(codes) & set(fault.codes), f"none of {fault.codes}: {answer['findings']}")
        if self.now and not self.later:
            self.expect(answer["verdict"] == "latent", f"{answer['verdict']} instead of latent: {answer['findings']}")
        elif not self.now:
            # What depends on the address of who asks is not known from inside.
            self.expect(answer["verdict"] == "broken" or set(codes) & {"policy.by_address", "keys.conditional"}, f"{answer['verdict']} instead of broken: {answer['findings']}")

    def judge_repair(self, node, repaired, tree):
        fault, answer = self.fault, repaired.json
        actions = ", ".join(dict.fromkeys(it["action"] for it in answer["changed"])) or "-"
        self.row["repair"] = f"{repaired.returncode}: {actions}"
        now = node.login(fault.port)
        if fault.repair == "fixed":
            self.expect(repaired.returncode == 0 and now, f"not repaired: {answer['findings']} {repaired.stderr[-800:]}")
            second = "" if now else "out/"
        elif fault.repair == "partly":
            self.expect(repaired.returncode == 12 and now == self.now, f"ended with {repaired.returncode}")
            self.row["after"] = f"{word(now)}, the rest is policy"
            return
        else:
            changed = difference(tree, node.snapshot())
            self.expect(not changed and not answer["changed"], f"changed {changed} {answer['changed']}")
            self.expect(now == self.now, "a login that worked is lost")
            if fault.repair == "none":
                self.expect(repaired.returncode == 0, f"a control ended with {repaired.returncode}")
            elif fault.repair == "beyond":
                self.expect(now and "surroundings" in answer["checks_skipped"], f"{answer}")
            else:
                self.expect(repaired.returncode in (12, 3), f"ended with {repaired.returncode}: no success")
            self.row["after"] = f"{word(now)}, untouched" if not changed else f"{word(now)}, CHANGED"
            return
        # The restart is tried on the same node: a repair has to survive one.
        node.restart()
        later = node.login(fault.port)
        self.expect(later, "no login after one more restart")
        self.row["after"] = second + f"{word(now)}/{word(later)}"


def table(cases):
    rows = [dict(zip(COLUMNS, COLUMNS))]
    for it in cases:
        rows.append({"fault": it.fault.id, "what": it.fault.what, **it.row})
    wide = {c: max(len(r.get(c, "")) for r in rows) for c in COLUMNS}
    lines = ["  ".join(r.get(c, "?").ljust(wide[c]) for c in COLUMNS).rstrip() for r in rows]
    lines.insert(1, "  ".join("-" * wide[c] for c in COLUMNS))
    return "\n".join(lines)


def run(tree, faults, check, repair, jobs=2):
    with ThreadPoolExecutor(jobs) as pool:
        cases = list(pool.map(lambda it: Case(tree, it, check, repair).run(), faults))
    print(table(cases))
    failed = [it for it in cases if it.problems]
    for it in failed:
        print(f"\n{it.fault.id} {it.fault.what}")
        for problem in it.problems:
            print(f"  {problem}")
    return len(failed)
