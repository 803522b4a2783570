# SPDX-License-Identifier: BSD-3-Clause
"""What is sent to /dev/log becomes lines of /run/syslog."""
import os
import socket

log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open("/run/syslog", "ab", 0) as lines:
    while True:
        lines.write(log.recv(65536).rstrip(b"\0\n") + b"\n")
