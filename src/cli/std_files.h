/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * std_files - descriptors 0, 1 and 2 are never a socket or an image.
 *
 * A program may be started with them closed. Then the next file it opens gets that number, and what is
 * meant for the log is written into a namespace.
 */
#pragma once

/*
 * First thing in main(): put something that fails in the place of each that is closed. Reading there and
 * writing there is EBADF, as if it were still closed.
 */
void std_files_hold(void);
/* Before another program takes over: close everything above @last. */
void std_files_close_above(int last);
