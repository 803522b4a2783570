/* SPDX-License-Identifier: BSD-3-Clause */
/* env - environment variables that choose something must name something that there is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* False: what is wrong stands in @why, one line; the exit status is 2. */
bool env_check(char *why, size_t size);
