/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * interrupt - what SIGINT and SIGTERM do to nvmetls, wherever it stands and whatever it waits for.
 *
 * They end the program from the handler: exit status 1, one line on standard error, and with
 * @json an object like that of any other failure (report.h). A verb that has something to report
 * of its own takes the first signal as a flag; the second ends the program all the same.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define INTERRUPT_TEXT "interrupted by a signal"

/* From here on a signal ends the program. @verb: for the line. */
void interrupt_ends(const char *verb, bool json);
/* From here on the first signal stores @value in *@flag, the second ends the program. */
void interrupt_sets(atomic_int *flag, int value);
/* This process is to end, too: it works for us. 0: it goes its own way from now on. */
void interrupt_ends_child(pid_t pid);
