/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keylog - TLS secrets in the NSS key log format, for packet analyzers. Debugging only:
 * who has the file can read the traffic. The file is made with mode 0600.
 */
#pragma once

/* Opens for appending; NULL with a line on standard error. */
void *keylog_open(const char *path);
/* As handshake_config.keylog wants it; @ctx from keylog_open(). Thread safe: one write(2). */
void keylog_line(void *ctx, const char *line);
/* NULL is harmless. */
void keylog_close(void *ctx);
