/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostd - what a running nvmetls-host is: one connection, its namespaces as devices, a control
 * socket. The calling thread answers the socket and waits for signals; the devices have threads
 * of their own (export/fuse_pool.h).
 */
#pragma once

#include <nvmetls.h>
#include <stdbool.h>

struct hostd_config {
	struct nvmetls_options options;	/* io_queues 0: one per processor, at most 4 */
	bool tls;
	bool loop;		/* attach loop devices too */
	int ready_fd;		/* gets one line of JSON when the devices are there, or why not; -1: none */
	bool log_file;		/* standard error becomes nvmeX.log */
};

/*
 * Serve until disconnected or SIGTERM, SIGINT (which must be blocked in all threads). 0, or
 * a negative errno or NVMe status with *e filled in; that was also told on ready_fd.
 */
int hostd_run(const struct hostd_config *c, struct nvmetls_error *e);
