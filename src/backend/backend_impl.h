/* SPDX-License-Identifier: BSD-3-Clause */
/* backend_impl - the kinds there are. */
#pragma once

#include "backend/backend.h"

extern const struct backend_ops backend_mem, backend_null, backend_file;
