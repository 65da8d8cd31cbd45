#!/bin/sh
# What a machine image and cloud-init would have made: a user with a key, host keys, and a daemon.
set -eu
useradd --create-home --shell /bin/sh ec2-user
usermod --password '*' ec2-user
install -d -m 0700 -o ec2-user -g ec2-user /home/ec2-user/.ssh
ssh-keygen -q -t ed25519 -N '' -C operator -f /root/operator
install -m 0600 -o ec2-user -g ec2-user /root/operator.pub /home/ec2-user/.ssh/authorized_keys

# The computer's own configuration is not this instance's. Ports below 1024 are not to be had here.
rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
install -d -m 0755 /etc/ssh/sshd_config.d /run/sshd
cat >/etc/ssh/sshd_config <<'CONFIG'
Include /etc/ssh/sshd_config.d/*.conf
Port 2222
UsePAM yes
Subsystem sftp internal-sftp
CONFIG
# An instance may not say whose login a session is: /proc is read-only.
sed -i '/pam_loginuid/d' /etc/pam.d/sshd
ssh-keygen -A >/dev/null
/usr/sbin/sshd
