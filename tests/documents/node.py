"""Throw-away nodes: real systemd in systemd-nspawn, over a tree that is never written to."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

CGROUPS = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
CLEAN = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]

# What a document might touch, and all that it may not: kind, mode, owner, size and time of each file, and its
# hash. The journal, the clock and sessions of systemd change by themselves.
SNAPSHOT = r"""
for root in /etc /home /root /var/empty /var/lib /usr/sbin /usr/lib/openssh /usr/share/openssh /run/sshd; do
  [ -e "$root" ] || continue
  find "$root" -xdev \( -path /var/lib/systemd -o -path /var/lib/dbus -o -path /var/lib/private -o -name '.fleet-test*' \) -prune \
    -o -printf '%p|%y|%m|%U:%G|%T@|%l|%n\n'
done | sort
find /etc /home /root /usr/sbin/sshd -xdev -type f ! -name '.fleet-test*' -exec sha256sum {} + | sort -k2
ls /run | grep -i fleet | grep -vx fleet-sshd.lock
systemctl is-enabled ssh.service ssh.socket
exit 0
"""


# What is changed within the hundredths in which sshd began cannot be told from what it has read: times of files
# are those of the last tick, and the uptime has two places. The document takes such a change for one that holds.
SETTLED = r"""
at=$(systemctl show -p StateChangeTimestampMonotonic --value ssh.service)
until awk -v at="$at" '{ exit !($1 > at / 1000000 + 0.2) }' /proc/uptime; do sleep 0.02; done
"""


def reason_to_skip():
    """Says why no node can run here, or nothing."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("systemd-nspawn", "debootstrap", "nsenter", "setsid"):
        if not shutil.which(program):
            return f"there is no {program} (apt-get install systemd-container debootstrap)"
    if subprocess.run(["unshare", "-mpn", "--fork", "true"], capture_output=True).returncode:
        return "namespaces cannot be made here"
    return None


def prepare_cgroups():
    """systemd wants a hierarchy of its name, or pure v2; it is made only where there is neither."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists() or CGROUPS[0].is_dir():
        return
    CGROUPS[0].mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", CGROUPS[0]], check=True
    )


class Node:
    """One booted node. `with Node(...)` ends it, whatever happens."""

    def __init__(self, tree, name, *options):
        self.tree, self.name, self.options = tree, f"fleet-{os.getpid()}-{name}", options
        self.process = self.leader = None

    def __enter__(self):
        for attempt in range(3):
            if self._boot():
                return self
            self.__exit__()
        raise RuntimeError(f"{self.name} did not boot")

    def _boot(self):
        # A cgroup each: nodes that are started from one would share what is below it.
        groups = [it / self.name for it in CGROUPS if (it / "cgroup.procs").exists()]
        joins = "".join(f"mkdir -p {it} && echo $$ >{it}/cgroup.procs; " for it in groups)
        # It ends with us, also when we are killed.
        command = [
            "setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "-q", "-D", str(self.tree), "--volatile=overlay", "--private-network",
            "--register=no", "--keep-unit", "--boot", "--console=pipe", f"--machine={self.name}",
            *self.options,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            ["setsid", "sh", "-c", f'{joins} exec "$@"', "sh", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0" if CGROUPS[0].is_dir() else "1"},
        )  # fmt: skip
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            pids = children.read_text().split() if children.exists() else []
            if pids:
                self.leader = pids[0]
                state = self.sh("systemctl is-system-running", timeout=20).stdout.strip()
                if state in ("running", "degraded"):
                    self.sh(SETTLED, timeout=20)
                    return True
            time.sleep(0.05)
        return False

    def __exit__(self, *_):
        if self.leader:
            try:
                os.kill(int(self.leader), signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = self.leader = None
        for group in CGROUPS:
            below = group / self.name
            folders = sorted(below.rglob("*"), reverse=True) if below.exists() else []
            for it in [*folders, below]:
                if it.is_dir():
                    try:
                        it.rmdir()
                    except OSError:
                        pass

    def command(self, *args):
        return ["nsenter", "-t", self.leader, "-a", "--", *CLEAN, *args]

    def sh(self, script, timeout=120, text=True):
        """Runs a script as root, as an agent would: no terminal, no standard input."""
        try:
            return subprocess.run(
                self.command("/bin/sh", "-c", script), capture_output=True, text=text,
                errors="replace", timeout=timeout, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(script, 124, "", "timed out")

    def put(self, path, text, mode="700"):
        subprocess.run(
            self.command("/bin/sh", "-c", f"cat >{path} && chmod {mode} {path}"),
            input=text, text=True, check=True, timeout=30,
        )  # fmt: skip

    def login(self, port=2222, user="ec2-user"):
        """A real login with the user's own key over TCP, and a command in a shell."""
        res = self.sh(
            f"timeout 12 ssh -F /dev/null -i /root/id -p {port} -o BatchMode=yes -o ConnectTimeout=5"
            " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
            f" {user}@127.0.0.1 'echo logged-$((40+2))'"
        )
        return "logged-42" in res.stdout

    def restart(self):
        """What a boot would do to the service."""
        self.sh(
            "systemctl daemon-reload; systemctl stop ssh.socket ssh.service; systemctl reset-failed;"
            "for it in ssh.socket ssh.service; do"
            "  systemctl is-enabled -q $it && timeout 30 systemctl start $it; done"
        )

    def snapshot(self):
        return self.sh(SNAPSHOT).stdout


def difference(before, after):
    """Names of the files that differ between two snapshots."""
    changed = set(before.splitlines()) ^ set(after.splitlines())
    names = {re.sub(r"^[0-9a-f]{64} +", "", it).split("|")[0] for it in changed}
    return sorted(names)
