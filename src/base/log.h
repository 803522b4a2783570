/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log - one line to standard error per event, for people (and journald).
 *
 * Levels follow syslog. Never called with key material, and never with raw
 * peer bytes: put strings from the wire through log_safe() first.
 * Thread safe: a line is one write(2).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* Lines above @level are dropped. Default: LOG_NOTICE. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* The prefix of every line ("nvmetls-target"); static string. */
void log_set_program(const char *name);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_WARN, __VA_ARGS__)
#define log_notice(...)	log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_DEBUG, __VA_ARGS__)

/*
 * So that what anybody can cause from outside does not fill the disk: at most LOG_RATE_LINES a
 * second. All zero at the start. May this line be written at @now_ns? Then *ret_unsaid is how many
 * were left out since the last one. Thread safe.
 */
#define LOG_RATE_LINES 20

struct log_rate {
	_Atomic uint64_t second;	/* of the clock that @now_ns is from, plus one */
	atomic_uint lines, unsaid;
};

bool log_rate_take(struct log_rate *r, uint64_t now_ns, unsigned int *ret_unsaid);

/*
 * Copy @len bytes of @src to @dst (@size bytes, always NUL-terminated) with
 * everything but printable ASCII shown as '?'. Stops at a NUL. Returns @dst.
 */
const char *log_safe(char *dst, size_t size, const void *src, size_t len);
