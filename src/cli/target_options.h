/* SPDX-License-Identifier: BSD-3-Clause */
/* target_options - the command line of nvmetls-target, as data. */
#pragma once

#include "config/tree.h"
#include "daemon/node.h"
#include "loop/loop.h"

struct target_options {
	struct cfg_tree tree;
	struct node_config node;
	struct loop_config loops;
	const char *keystore, *addr_file;
	bool both_derivations, stats;
};

/*
 * Returns -1: go on, else the exit status (0 after --help and --version; 1 where a file
 * cannot be read or is wrong; 2 where the command line is). Prints what is to be said.
 */
int target_options_parse(struct target_options *o, int argc, char **argv);
void target_options_free(struct target_options *o);
