/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attrs - one row per attribute of the object tree: its name as in nvmet's configfs,
 * where it lives in the tree, and how its text is read and checked.
 */
#pragma once

#include "config/tree.h"

enum cfg_object { CFG_HOST, CFG_SUBSYS, CFG_NAMESPACE, CFG_PORT, CFG_PASSTHRU, CFG_ANA_GROUP };

/* Read and checked, but not kept: there are no ANA states here. */
struct cfg_ana_group {
	uint32_t grpid;
	char ana_state[16];
};

/* Likewise: there is no passthru. */
struct cfg_passthru {
	char device_path[CFG_PATH_MAX];
};

enum cfg_verdict {
	CFG_ATTR_GOOD,
	CFG_ATTR_NO_EFFECT,	/* taken, but somebody may have wanted it; one line in @what */
	CFG_ATTR_BAD,		/* unknown, not a value of it, or wrong to ignore; one line in @what */
};

/* Set attribute @name ("addr_traddr", "device_path", "enable") of @object from its text. */
enum cfg_verdict cfg_attr_set(enum cfg_object object, void *ptr, const char *name, const char *text,
			      char *what, size_t what_size);
