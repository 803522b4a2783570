/* SPDX-License-Identifier: BSD-3-Clause */
/* env - environment variables that choose something must name something that there is. */
#pragma once

#include <stdbool.h>

/* False: said so in one line on standard error, as @program; its exit status is 2. */
bool env_check(const char *program);
