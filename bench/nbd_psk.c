/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nbd_psk - preloaded into fio: lets libnbd read the key file that the URI names, which it refuses
 * unless the program allows it, and fio's engine has no option for that.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

struct nbd_handle;
struct nbd_handle *nbd_create(void);

struct nbd_handle *nbd_create(void)
{
	struct nbd_handle *(*create)(void);
	int (*allow)(struct nbd_handle *h, bool allow);
	struct nbd_handle *h = NULL;

	*(void **)&create = dlsym(RTLD_NEXT, "nbd_create");
	*(void **)&allow = dlsym(RTLD_NEXT, "nbd_set_uri_allow_local_file");
	if (create)
		h = create();
	if (h && allow)
		(void)allow(h, true);
	return h;
}
