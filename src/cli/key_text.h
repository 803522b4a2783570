/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * key_text - where a key or secret comes from: the command line (nvme-cli's way, everybody on
 * the machine can see it until it is taken out of argv here), a file ("@FILE") or standard
 * input ("-").
 */
#pragma once

#include "cli/options.h"
#include "cli/report.h"

/*
 * @arg as given; a literal is wiped where it stands. @ret is NUL-terminated; of a file or
 * standard input without the white space around it. Returns GO_ON, EXIT_USAGE or EXIT_FAILED
 * with the reason said. The caller wipes @ret.
 */
int key_text_take(const struct verb *v, const struct report *r, char *arg, char *ret, size_t size);
/* The one word in @path ("-": standard input). */
int key_text_read(const struct report *r, const char *path, char *ret, size_t size);
