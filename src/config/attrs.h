/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attrs - one row per attribute of the object tree: its name as in nvmet's configfs,
 * where it lives in the tree, and how its text is read and checked.
 */
#pragma once

#include "config/tree.h"

enum cfg_object { CFG_HOST, CFG_SUBSYS, CFG_NAMESPACE, CFG_PORT };

/*
 * Set attribute @name ("addr_traddr", "device_path", "enable") of @object from its text.
 * False with one line in @what: unknown attribute, or a value that it cannot take.
 */
bool cfg_attr_set(enum cfg_object object, void *ptr, const char *name, const char *text,
		  char *what, size_t what_size);
