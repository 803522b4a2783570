/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control - talking to a running nvmetls-host over nvmeX.sock. One request per connection, a line of
 * words; the answer is one JSON object.
 *
 *	info			{"name","pid","state","transport","traddr",...,"devices":[...]}
 *	reconnect		{"done":true,"identity":"..."}: anew, with the newest key; or an error
 *	disconnect [force]	{"done":true}, or {"error":{"cause","message","hint","status"}}
 */
#pragma once

#include "daemon/run_dir.h"

struct json_object;

/* The listening socket, or -errno. */
int control_listen(const char *path);
/* Ask nvmeX. NULL: it does not answer within @timeout_ms. */
struct json_object *control_ask(const struct run_dir *d, unsigned int x, const char *request,
				int timeout_ms);
/* Accept one client and read its request into @ret: returns its descriptor, or -1. */
int control_accept(int fd, char *ret, size_t size);
/* Answer and close; @o is released. */
void control_answer(int fd, struct json_object *o);
