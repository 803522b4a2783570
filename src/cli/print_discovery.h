/* SPDX-License-Identifier: BSD-3-Clause */
/* print_discovery - a discovery log page as nvme-cli 2.16 prints it. */
#pragma once

#include <stdio.h>

#include "nvmetls.h"

struct json_object;

void print_discovery(FILE *to, const struct nvmetls_discovery *d);
struct json_object *json_discovery(const struct nvmetls_discovery *d);
