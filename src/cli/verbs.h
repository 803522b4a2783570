/* SPDX-License-Identifier: BSD-3-Clause */
/* verbs - what nvmetls can do; the table is in nvmetls.c. Each returns an exit status. */
#pragma once

#include "cli/options.h"

/* cmd_keys.c */
int cmd_gen_tls_key(const struct verb *v, int argc, char **argv);
int cmd_check_tls_key(const struct verb *v, int argc, char **argv);
/* cmd_dhchap.c */
int cmd_gen_dhchap_key(const struct verb *v, int argc, char **argv);
int cmd_check_dhchap_key(const struct verb *v, int argc, char **argv);
/* cmd_connect.c */
int cmd_connect(const struct verb *v, int argc, char **argv);
int cmd_connect_all(const struct verb *v, int argc, char **argv);
int cmd_rotate(const struct verb *v, int argc, char **argv);
int cmd_disconnect(const struct verb *v, int argc, char **argv);
/* cmd_list.c */
int cmd_list(const struct verb *v, int argc, char **argv);
int cmd_list_subsys(const struct verb *v, int argc, char **argv);
/* cmd_discover.c */
int cmd_discover(const struct verb *v, int argc, char **argv);
/* cmd_identify.c */
int cmd_id_ctrl(const struct verb *v, int argc, char **argv);
int cmd_id_ns(const struct verb *v, int argc, char **argv);
int cmd_list_ns(const struct verb *v, int argc, char **argv);
int cmd_show_regs(const struct verb *v, int argc, char **argv);
/* cmd_io.c */
int cmd_read(const struct verb *v, int argc, char **argv);
int cmd_write(const struct verb *v, int argc, char **argv);
int cmd_flush(const struct verb *v, int argc, char **argv);
int cmd_write_zeroes(const struct verb *v, int argc, char **argv);
int cmd_dsm(const struct verb *v, int argc, char **argv);
/* cmd_perf.c */
int cmd_perf(const struct verb *v, int argc, char **argv);
