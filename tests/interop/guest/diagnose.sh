#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the guest has to say after a case that failed or hung.
echo '-- kernel'
dmesg | grep -E 'nvme|tls|Oops|BUG|WARN' | tail -n 20
echo '-- tlshd'
grep -vE 'priority|Parsing|Querying' /run/syslog 2>/dev/null | tail -n 20
echo '-- our target'
tail -n 20 /run/target.log 2>/dev/null
exit 0
