"""The faults: how each is made, what a check has to call it, and what a repair may do about it."""

from dataclasses import dataclass, field


@dataclass
class Fault:
    id: str
    what: str
    inject: str
    # Any of these codes must be among the findings; none: the check says healthy.
    codes: tuple = ()
    # fixed: a login works again. partly: what is left is policy. manual: nothing may change. none: nothing is wrong.
    # beyond: latent, and only a check looks at it: the repair changes nothing, and names what it left out.
    repair: str = "fixed"
    # What a test of SSH with `SelfTest=session` is needed for.
    check: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    port: int = 2222
    # OpenSSH generations on which it is a fault at all.
    only: str = ""


CONF = "/etc/ssh/sshd_config"
KEYS = "/home/ec2-user/.ssh/authorized_keys"
RESTART = "; systemctl restart ssh"

CATALOGUE = [
    Fault("N01", "healthy", "true", repair="none"),
    Fault("N02", "deprecated directives", f"printf 'UsePrivilegeSeparation yes\\nRSAAuthentication yes\\n' >>{CONF}{RESTART}", repair="none"),
    Fault("N03", "one host key of three is missing", f"rm /etc/ssh/ssh_host_rsa_key{RESTART}", repair="none"),
    Fault("N04", "a user is logged tersely", f"printf 'Match User ec2-user\\n LogLevel INFO\\n' >>{CONF}{RESTART}", repair="none"),
    Fault("N05", "PAM takes two seconds to say yes", "sed -i '1i session optional pam_exec.so /bin/sleep 2' /etc/pam.d/sshd", repair="none"),
    Fault("D01", "stopped", "systemctl stop ssh", ("unit.stopped",)),
    Fault("D02", "stopped and disabled", "systemctl disable --now ssh", ("unit.stopped", "unit.disabled")),
    Fault("D03", "config missing", f"mv {CONF} /root/away", ("config.missing",)),
    Fault("D04", "unknown keyword", f"echo 'UseDNSS no' >>{CONF}", ("config.syntax",)),
    Fault("D05", "bad value", f"echo 'LoginGraceTime abc' >>{CONF}", ("config.syntax",)),
    Fault("D05p", "bad value of Port", f"echo 'Port abc' >>{CONF}", ("config.syntax",)),
    Fault("D06", "typo in a drop-in", "echo 'PrintMotdd no' >/etc/ssh/sshd_config.d/50-x.conf", ("config.syntax",)),
    Fault("D07", "host keys missing", "mkdir /root/k; mv /etc/ssh/ssh_host_* /root/k", ("hostkeys.missing",)),
    Fault("D08", "host keys 0644", "chmod 644 /etc/ssh/ssh_host_*_key", ("hostkeys.unprotected",)),
    Fault("D09", "privsep directory missing", "rmdir /run/sshd", ("privsep.dir",)),
    Fault("D10", "privsep user missing", "sed -i '/^sshd:/d' /etc/passwd", ("privsep.user",)),
    Fault("D11", "authorized_keys 0666", f"chmod 666 {KEYS}", ("keys.mode",)),
    Fault("D12", "authorized_keys of root, 0600", f"chown root:root {KEYS}", ("keys.unreadable",)),
    Fault("D13", "AllowUsers excludes the user", f"echo 'AllowUsers alice' >>{CONF}{RESTART}", ("policy.denies_user",), repair="manual"),
    Fault("D13l", "AllowUsers excludes the user, not loaded", f"echo 'AllowUsers alice' >>{CONF}", ("policy.denies_user",), repair="manual"),
    Fault("D14", "port taken", "systemctl stop ssh; systemd-run -q --unit=squat perl -MIO::Socket::INET -e '$$s=IO::Socket::INET->new(Listen=>5,LocalAddr=>\"0.0.0.0\",LocalPort=>2222,ReuseAddr=>1) or die; sleep 600'; sleep 0.5; systemctl start ssh", ("listen.taken",), repair="manual"),
    Fault("D15", "~/.ssh 0777", "chmod 777 /home/ec2-user/.ssh", ("keys.mode",)),
]

# What is not in the published catalogue, of the same classes.
FURTHER = [
    Fault("C01", "config empty", f": >{CONF}", ("config.empty",)),
    Fault("C02", "config has NUL bytes", f"head -c 4096 /dev/zero >{CONF}", ("config.binary",)),
    Fault("C03", "config is a directory", f"mv {CONF} /root/away; mkdir {CONF}", ("config.not_a_file",), repair="manual"),
    Fault("C04", "two bad lines in two files", f"echo 'UseDNSS no' >>{CONF}; echo 'Banana yes' >/etc/ssh/sshd_config.d/99-z.conf", ("config.syntax",)),
    Fault("C05", "misspelt AllowUsers", f"echo 'AlowUsers ec2-user' >>{CONF}", ("config.policy_line",), repair="manual"),
    Fault("C06", "bad Match", f"echo 'Match Usr bob' >>{CONF}", ("config.policy_line",), repair="manual"),
    Fault("C07", "a drop-in is binary", "head -c 4000 /dev/urandom >/etc/ssh/sshd_config.d/60-x.conf", ("config.binary", "config.syntax")),
    Fault("C08", "port moves at the next restart", f"echo 'Port 2022' >/etc/ssh/sshd_config.d/10-port.conf", ("listen.moves",), repair="manual"),
    Fault("C09", "ListenAddress of another host", f"echo 'ListenAddress 192.0.2.7' >>{CONF}", ("listen.nowhere",), repair="manual"),
    Fault("C10", "bad word in the options file", "echo 'SSHD_OPTS=\"-o Banana=yes\"' >/etc/default/ssh", ("config.options",), repair="manual"),
    Fault("C11", "options file names another config", "echo 'SSHD_OPTS=\"-f /etc/ssh/none\"' >/etc/default/ssh", ("config.missing",), repair="manual"),
    Fault("C12", "PerSourceMaxStartups 0", f"echo 'PerSourceMaxStartups 0' >>{CONF}", ("policy.no_connections", "daemon.rehearsal"), repair="beyond"),
    Fault("C13", "bad CRLF line and missing value", f"printf 'ClientAliveInterval\r\n' >>{CONF}", ("config.syntax",)),
    Fault("V01", "privsep directory 0777", "chmod 777 /run/sshd", ("privsep.mode",), only="bookworm"),
    Fault("H01", "all host keys are garbage", "for it in /etc/ssh/ssh_host_*_key; do echo garbage >$it; done", ("hostkeys.corrupt",)),
    Fault("H02", "explicit HostKey, and it is missing", f"echo 'HostKey /etc/ssh/ssh_host_ed25519_key' >>{CONF}; rm /etc/ssh/ssh_host_*", ("hostkeys.missing",)),
    Fault("U01", "masked", "systemctl stop ssh; systemctl mask ssh", ("unit.masked",), repair="manual"),
    Fault("U02", "disabled and running", "systemctl disable ssh", ("unit.disabled",)),
    Fault("U03", "failed by a bad config, since removed", f"echo 'Banana yes' >>{CONF}; for i in 1 2 3 4 5 6; do systemctl restart ssh; done; sed -i '$d' {CONF}", ("unit.stopped",)),
    Fault("U04", "drop-in that starts /bin/false first", "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\nExecStartPre=/bin/false\n' >/etc/systemd/system/ssh.service.d/x.conf; systemctl daemon-reload", ("unit.dropin",), repair="beyond"),
    Fault("U05", "ProtectHome by a drop-in", "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\nProtectHome=yes\n' >/etc/systemd/system/ssh.service.d/x.conf; systemctl daemon-reload; systemctl restart ssh", ("unit.sandboxed",), repair="manual"),
    Fault("U06", "sshd_not_to_be_run", "touch /etc/ssh/sshd_not_to_be_run; systemctl stop ssh", ("unit.not_to_be_run",), repair="manual"),
    Fault("U07", "listener stopped by SIGSTOP", "kill -STOP $(systemctl show -p MainPID --value ssh)", ("daemon.stopped_by_signal",)),
    Fault("U08", "sshd is not executable", "chmod 644 /usr/sbin/sshd", ("binary.not_executable",)),
    Fault("U09", "sshd is gone", "mv /usr/sbin/sshd /root/away", ("binary.missing",), repair="manual"),
    Fault("U10", "unit starts something else", "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\nExecStart=\nExecStart=/bin/sleep 999\nType=simple\n' >/etc/systemd/system/ssh.service.d/x.conf; systemctl daemon-reload; systemctl restart ssh", ("unit.command",), repair="manual"),
    Fault("U11", "killed, and Restart=on-failure waits 42 s", "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\nRestart=on-failure\nRestartSec=42s\nRestartPreventExitStatus=\n' >/etc/systemd/system/ssh.service.d/x.conf; systemctl daemon-reload; systemctl restart ssh; kill -KILL $(systemctl show -p MainPID --value ssh); sleep 0.3", ("unit.stopped",)),
    Fault("U13", "User=nobody by a drop-in", "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\\nUser=nobody\\n' >/etc/systemd/system/ssh.service.d/x.conf; systemctl daemon-reload; systemctl restart ssh", ("unit.sandboxed",), repair="manual"),
    Fault("U12", "the unit's file is gone", "rm /usr/lib/systemd/system/ssh.service /lib/systemd/system/ssh.service; rm -f /etc/systemd/system/*/ssh.service /etc/systemd/system/sshd.service; systemctl stop ssh; systemctl daemon-reload", ("unit.command", "unit.missing"), repair="manual"),
    Fault("K01", "home is 0777", "chmod 777 /home/ec2-user", ("keys.mode",)),
    Fault("K02", "~/.ssh of root, 0700", "chown root:root /home/ec2-user/.ssh", ("keys.unreadable",)),
    Fault("K03", "authorized_keys is gone", f"rm {KEYS}", ("keys.missing",), repair="manual"),
    Fault("K04", "authorized_keys is empty", f": >{KEYS}", ("keys.empty",), repair="manual"),
    Fault("K05", "the key is damaged", f"sed -i 's/AAAA/BBBB/' {KEYS}", ("keys.unusable",), repair="manual"),
    Fault("K06", "authorized_keys is a directory", f"rm {KEYS}; mkdir {KEYS}", ("keys.missing", "keys.unreadable"), repair="manual"),
    Fault("K07", "AuthorizedKeysFile elsewhere", f"echo 'AuthorizedKeysFile /etc/keys/%u' >>{CONF}{RESTART}", ("keys.missing",), repair="manual"),
    Fault("K08", "authorized_keys 0000", f"chmod 0 {KEYS}", ("keys.unreadable",)),
    Fault("K09", "home belongs to another user", "chown 4242:4242 /home/ec2-user", ("keys.mode", "keys.unreadable")),
    Fault("K10", "/home is 0700", "chmod 700 /home", ("keys.unreadable",), repair="manual"),
    Fault("K11", "the key expired", f"sed -i 's/^/expiry-time=\"20200101\" /' {KEYS}", ("keys.unusable",), repair="manual"),
    Fault("K12", "authorized_keys is a link to a file of others", f"mv {KEYS} /var/tmp/keys; chmod 666 /var/tmp/keys; ln -s /var/tmp/keys {KEYS}", ("keys.mode",), repair="manual"),
    Fault("K13", "the key is bound to another address", f"sed -i 's/^/from=\"192.0.2.1\" /' {KEYS}", ("keys.conditional",), repair="manual"),
    Fault("K14", "the key is bound to a command", f"sed -i 's#^#command=\"/bin/false\" #' {KEYS}", ("keys.conditional",), repair="manual"),
    Fault("A01", "nologin file", "touch /etc/nologin", ("account.nologin_file",), repair="manual"),
    Fault("A02", "shell is nologin", "usermod -s /usr/sbin/nologin ec2-user", ("account.nologin_shell",), repair="manual"),
    Fault("A03", "shell is missing", "usermod -s /bin/zsh ec2-user", ("account.shell_missing",), repair="manual"),
    Fault("A04", "account expired", "chage -E 1 ec2-user", ("account.expired",), repair="manual"),
    Fault("A05", "password must be changed", "chage -d 0 ec2-user", ("account.password_expired",), repair="manual"),
    Fault("A06", "user is gone", "sed -i '/^ec2-user:/d' /etc/passwd /etc/shadow", ("account.missing",), repair="manual"),
    Fault("A07", "home is gone", "mv /home/ec2-user /root/away", ("account.home_missing",), repair="manual"),
    Fault("A08", "UsePAM no and a locked account", f"sed -i 's/^UsePAM yes/UsePAM no/' {CONF}{RESTART}", ("account.locked",), repair="manual"),
    Fault("P01", "PubkeyAuthentication no", f"echo 'PubkeyAuthentication no' >>{CONF}{RESTART}", ("policy.pubkey_off",), repair="manual"),
    Fault("P02", "AuthenticationMethods password", f"echo 'AuthenticationMethods password' >>{CONF}{RESTART}", ("policy.authentication_methods",), repair="manual"),
    Fault("P03", "DenyGroups of the user", f"echo 'DenyGroups ec2-user' >>{CONF}{RESTART}", ("policy.denies_user",), repair="manual"),
    Fault("P04", "MaxSessions 0", f"echo 'MaxSessions 0' >>{CONF}{RESTART}", ("policy.no_sessions",), repair="manual"),
    Fault("P05", "ForceCommand /bin/false", f"printf 'Match User ec2-user\n ForceCommand /bin/false\n' >>{CONF}{RESTART}", ("policy.forced_command",), repair="manual"),
    Fault("P06", "ChrootDirectory of the home", f"printf 'Match User ec2-user\n ChrootDirectory %%h\n' >>{CONF}{RESTART}", ("policy.chroot",), repair="manual"),
    Fault("P07", "RevokedKeys is no list", f"echo junk >/etc/ssh/revoked; echo 'RevokedKeys /etc/ssh/none' >>{CONF}{RESTART}", ("policy.revoked_keys", "login.refused"), repair="manual"),
    Fault("P08", "PubkeyAcceptedAlgorithms rsa only", f"echo 'PubkeyAcceptedAlgorithms rsa-sha2-512' >>{CONF}{RESTART}", ("policy.algorithms",), repair="manual"),
    Fault("P09", "second factor without a password", f"echo 'AuthenticationMethods publickey,password' >>{CONF}{RESTART}", ("policy.authentication_methods",), repair="manual"),
    Fault("P10", "AllowUsers with an address", f"echo 'AllowUsers ec2-user@192.0.2.0/24' >>{CONF}{RESTART}", ("policy.by_address",), repair="manual"),
    Fault("P11", "Match Address turns keys off", f"printf 'Match Address 127.0.0.1\\n PubkeyAuthentication no\\n' >>{CONF}{RESTART}", ("policy.pubkey_off",), repair="manual"),
    Fault("M01", "PAM account denies", "sed -i '1i account required pam_deny.so' /etc/pam.d/sshd", ("pam.denies",), repair="manual"),
    Fault("M02", "PAM session module is missing", "sed -i '1i session required pam_none.so' /etc/pam.d/sshd", ("pam.session",), repair="manual"),
    Fault("M03", "pam.d/sshd is gone", "mv /etc/pam.d/sshd /root/away; mv /etc/pam.d/other /root/away2", ("pam.denies", "pam.session", "login.refused"), repair="manual"),
    Fault("M04", "limits forbid logins", "echo '* hard maxlogins 0' >>/etc/security/limits.conf", ("pam.session",), repair="manual"),
    Fault("M05", "PAM takes two seconds to say no", "sed -i -e '1i session optional pam_exec.so /bin/sleep 2' -e '1i session required pam_none.so' /etc/pam.d/sshd", ("pam.session",), repair="manual"),
    Fault("F01", "nft drops the port", "nft 'add table inet f; add chain inet f i { type filter hook input priority 0; }; add rule inet f i tcp dport 2222 drop'", ("network.firewall",), repair="manual"),
    Fault("F02", "nft drops all but another port", "nft 'add table inet f; add chain inet f i { type filter hook input priority 0; policy drop; }; add rule inet f i tcp dport 443 accept'", ("network.firewall",), repair="manual"),
    Fault("F03", "hosts.deny", "echo 'sshd: ALL' >/etc/hosts.deny", ("network.hosts_deny",), repair="manual", only="bookworm"),
    Fault("F04", "loopback is down", "ip link set lo down", ("daemon.unreachable",), repair="manual"),
    Fault("S01", "the profile ends the shell", "sed -i '1i exit 3' /home/ec2-user/.bashrc", ("login.session",), repair="manual", check={"SelfTest": "session"}),
    Fault("X01", "typo, host key modes and key modes at once", f"echo 'UseDNSS no' >>{CONF}; chmod 644 /etc/ssh/ssh_host_*_key; chmod 777 /home/ec2-user/.ssh; systemctl stop ssh", ("config.syntax", "unit.stopped")),
    Fault("X02", "typo and AllowUsers at once", f"printf 'UseDNSS no\nAllowUsers alice\n' >>{CONF}", ("config.syntax",), repair="partly"),
]
