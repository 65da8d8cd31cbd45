"""What may happen to a repair: it is killed, the disk is full or read-only, a value is hostile, two run at once."""

import random
import subprocess
import time

from document import Refused
from faults import CATALOGUE, CONF
from matrix import run_document
from node import Node, difference

BREAK = "echo 'UseDNSS no' >>/etc/ssh/sshd_config; chmod 644 /etc/ssh/ssh_host_*_key; chmod 777 /home/ec2-user/.ssh; systemctl stop ssh"
ETC_AND_HOME = r"find /etc/ssh /home -printf '%p|%y|%m|%U:%G|%l\n' | sort; find /etc/ssh /home -type f -exec sha256sum {} + | sort -k2"


def killed(tree, check, repair, seed=None, times=6):
    """SIGKILL at a random point, as when the agent's time is up: the old state, or a login that works."""
    seed = seed or random.randrange(10**6)
    chance = random.Random(seed)
    rows = []
    for n in range(times):
        with Node(tree, f"killed-{n}") as node:
            node.sh(BREAK)
            old = node.sh(ETC_AND_HOME).stdout
            node.put("/var/tmp/fleet-test-script", repair.fill(DryRun="false", RollbackSeconds=5))
            after = chance.uniform(0.2, 9.0)
            node.sh(f"timeout -s KILL {after:.2f} setsid /var/tmp/fleet-test-script >/dev/null 2>&1")
            # What was armed is taken back by its timer, and a login that was being tried ends in its own time.
            node.sh(
                "pkill -KILL -f '[f]leet-test-script'; n=0;"
                "while [ $n -lt 80 ] && { ls /var/lib/fleet/sshd/*/armed || pgrep -f '[f]leet-sshd'; }; do sleep 0.5; n=$((n+1)); done"
            )
            left = node.sh("ls -d /var/lib/fleet/sshd/*/armed; pgrep -af '[f]leet-sshd'").stdout
            assert not left, f"seed {seed}: left behind: {left}"
            is_old, is_in = node.sh(ETC_AND_HOME).stdout == old, node.login()
            rows.append(f"{after:.1f} s: {'old state' if is_old else 'changed'}, {'in' if is_in else 'out'}")
            assert is_old or is_in, f"seed {seed}, killed after {after:.2f} s: neither the old state nor a login"
            # A later run is not hindered by what the dead one left, its lock above all.
            again = run_document(node, repair.fill(DryRun="false"))
            assert again.returncode == 0 and node.login(), again.json
    return f"seed {seed}: " + "; ".join(rows)


def probe_of(name):
    """A write that has to fail if the case is what it says."""
    folder = {"/var/lib": "/var/lib/fleet", "/etc": "/etc"}.get(name.split()[0], name.split()[0])
    if "read-only" in name:
        folder = name.split()[0]
    return f"head -c 8192 /dev/zero >{folder}/.fleet-test-probe; res=$?; rm -f {folder}/.fleet-test-probe; (exit $res)"


def storage(tree, check, repair):
    """No room, or no writing: nothing is half done, and nobody is told that it worked."""
    cases = {
        "/run is full": "mount -o remount,size=4m /run 2>/dev/null; dd if=/dev/zero of=/run/fill bs=64k 2>/dev/null; true",
        "/var/lib is full": "mkdir -p /var/lib/fleet; mount -t tmpfs -o size=64k t /var/lib/fleet; dd if=/dev/zero of=/var/lib/fleet/fill bs=1k 2>/dev/null; true",
        "/etc/ssh is full": "cp -a /etc/ssh /root/ssh; mount -t tmpfs -o size=1200k,mode=755 t /etc/ssh; cp -a /root/ssh/. /etc/ssh/; dd if=/dev/zero of=/etc/ssh/fill bs=1k 2>/dev/null; true",
        "/etc/ssh is read-only": "mount --bind /etc/ssh /etc/ssh; mount -o remount,ro,bind /etc/ssh",
        "/var/lib is read-only": "mount --bind /var/lib /var/lib; mount -o remount,ro,bind /var/lib",
        "/etc and /var are read-only": "for it in /etc /var; do mount --bind $it $it; mount -o remount,ro,bind $it; done",
    }
    rows = []
    for name, inject in cases.items():
        with Node(tree, "storage") as node:
            node.sh(f"echo 'UseDNSS no' >>{CONF}")
            node.sh("touch /var/tmp/fleet-test-script /var/tmp/fleet-test-check")
            node.put("/dev/shm/check", check.fill())
            node.put("/dev/shm/repair", repair.fill(DryRun="false"))
            node.sh(inject)
            assert node.sh(f"{probe_of(name)} 2>/dev/null").returncode, f"{name}: it is not"
            old = node.sh(ETC_AND_HOME).stdout
            found = node.sh("/bin/sh /dev/shm/check")
            assert '"verdict":"healthy"' not in found.stdout and found.returncode != 0, (name, found)
            assert found.stdout.count("\n") == 1, (name, found)
            done = node.sh("/bin/sh /dev/shm/repair")
            is_old = node.sh(ETC_AND_HOME).stdout == old
            is_in = node.login()
            rows.append(f"{name}: check {found.returncode}, repair {done.returncode}, {'untouched' if is_old else 'changed'}")
            assert done.stdout.count("\n") == 1, (name, done)
            assert is_in, f"{name}: a login that worked is lost: {done}"
            assert is_old or done.returncode == 0, f"{name}: half done: {done}"
    return "; ".join(rows)


def immutable(tree, check, repair):
    """A file that cannot be changed is not tried again and again."""
    with Node(tree, "immutable") as node:
        node.sh(f"echo 'UseDNSS no' >>{CONF}")
        if node.sh(f"chattr +i {CONF} && lsattr {CONF} | grep -q -- '-i-'").returncode:
            node.sh(f"mount --bind {CONF} {CONF}")
        old = node.sh(ETC_AND_HOME).stdout
        done = run_document(node, repair.fill(DryRun="false"))
        assert done.returncode in (12, 20), done.json
        assert done.json["changed"] == [] and node.sh(ETC_AND_HOME).stdout == old
        assert done.stderr.count("comment-line") == 1, done.stderr
        return f"ended with {done.returncode} after one try"


def hostile(tree, check, repair):
    """Values that no pattern should admit; and the script itself when nobody looked at them."""
    values = ["'", "x'; touch /pwned; '", "$(touch /pwned)", "`touch /pwned`", "a\ntouch /pwned", "{{ Users }}", "../../x", "a" * 400]
    refused = 0
    for document in (check, repair):
        for name in document.parameters:
            for value in values:
                try:
                    document.fill(**{name: value})
                except Refused:
                    refused += 1
                else:
                    raise AssertionError(f"{document.name}: {name} takes {value!r}")
    with Node(tree, "hostile") as node:
        for document in (check, repair):
            for name in document.parameters:
                for value in ("$(touch /pwned)", "`touch /pwned`", "a;b", "{{ Users }}", "* /etc", "-rf"):
                    node.put("/var/tmp/fleet-test-script", document.force(**{name: value}))
                    res = node.sh("/var/tmp/fleet-test-script")
                    assert res.returncode == 2, (document.name, name, value, res)
                    assert "parameters.invalid" in res.stdout
        assert node.sh("test -e /pwned").returncode
    return f"{refused} values refused by patterns, and by the scripts where no pattern was asked"


def together(tree, check, repair):
    """A second repair while one runs does nothing."""
    with Node(tree, "together") as node:
        node.sh(BREAK)
        node.put("/var/tmp/fleet-test-script", repair.fill(DryRun="false"))
        first = subprocess.Popen(node.command("/var/tmp/fleet-test-script"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while node.sh("flock -n /run/fleet-sshd.lock true").returncode == 0 and time.monotonic() < until:
            time.sleep(0.02)
        second = node.sh("/var/tmp/fleet-test-script")
        first.communicate(timeout=120)
        assert second.returncode == 75 and '"changed":[]' in second.stdout, second
        assert first.returncode == 0 and node.login()
        return "the second ended with 75"


def dry_run(tree, check, repair):
    """Without DryRun=false nothing changes, and the plan is told."""
    with Node(tree, "dry") as node:
        node.sh(BREAK)
        old = node.snapshot()
        res = run_document(node, repair.fill())
        assert res.returncode == 10 and all(it["planned"] for it in res.json["changed"]) and res.json["changed"]
        assert node.snapshot() == old, difference(old, node.snapshot())
        return f"{len(res.json['changed'])} actions planned, none done"


def socket(tree, check, repair):
    """Socket activation as on Ubuntu since 22.10: the socket is enabled, the service is not."""
    with Node(tree, "socket") as node:
        node.sh(
            "systemctl disable --now ssh.service; mkdir -p /etc/systemd/system/ssh.socket.d;"
            "printf '[Socket]\\nListenStream=\\nListenStream=2222\\n' >/etc/systemd/system/ssh.socket.d/x.conf;"
            "systemctl daemon-reload; systemctl enable --now ssh.socket"
        )
        assert node.login(), "the imitation does not work"
        found = run_document(node, check.fill())
        assert found.json["verdict"] == "healthy" and found.json["unit"]["socket"] == "ssh.socket", found.json
        node.sh("systemctl stop ssh.socket ssh.service")
        found = run_document(node, check.fill())
        assert found.json["verdict"] == "broken", found.json
        done = run_document(node, repair.fill(DryRun="false"))
        assert done.returncode == 0 and node.login(), (done.json, done.stderr)
        assert node.sh("systemctl is-enabled ssh.service").stdout.strip() == "disabled"
        return "an idle socket is healthy; a stopped one is started, and the service stays off"


def red_hat_unit(tree, check, repair):
    """The unit of the Red Hat family: options from /etc/sysconfig, no test before a start, EIC on the command line."""
    with Node(tree, "redhat") as node:
        node.sh(
            "mkdir -p /etc/sysconfig /etc/systemd/system; echo 'OPTIONS=\"-o LoginGraceTime=99\"' >/etc/sysconfig/sshd;"
            "systemctl disable --now ssh.service; rm -f /etc/systemd/system/sshd.service;"
            "printf '[Unit]\\nDescription=x\\n[Service]\\nType=notify\\nEnvironmentFile=-/etc/sysconfig/sshd\\nRuntimeDirectory=sshd\\n"
            "ExecStart=/usr/sbin/sshd -D -o \"AuthorizedKeysCommand /usr/share/none/eic %%%%u %%%%f\" -o AuthorizedKeysCommandUser=root $OPTIONS\\n"
            "ExecReload=/bin/kill -HUP $MAINPID\\nRestart=on-failure\\nRestartSec=42s\\n[Install]\\nWantedBy=multi-user.target\\n'"
            " >/etc/systemd/system/ssh.service; systemctl daemon-reload; systemctl enable --now ssh.service"
        )
        assert node.login(), "the imitation does not work"
        found = run_document(node, check.fill())
        codes = [it["code"] for it in found.json["findings"]]
        assert "config.options" not in codes and "config.invalid" not in codes, found.json
        assert found.json["login"] == {"ec2-user": "accepted"}, found.json
        node.sh("echo 'Banana yes' >>/etc/ssh/sshd_config; kill -KILL $(systemctl show -p MainPID --value ssh)")
        done = run_document(node, repair.fill(DryRun="false"))
        assert node.login(), (done.json, done.stderr)
        return f"quoted options are kept; repaired with {done.returncode}"


ALL = [hostile, dry_run, together, storage, immutable, socket, red_hat_unit, killed]
