/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices of a running host follow their namespaces. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/hostd_impl.h"

/* Only growth gets here: of a namespace that is smaller or another one the library keeps away. */
static void follow(struct hostd *h, struct hostd_device *d)
{
	const struct nvmetls_ns *was = &d->fuse.disk.ns;
	struct nvmetls_ns ns;
	int rc = nvmetls_namespace(h->conn, was->nsid, &ns);

	if (rc || ns.block_bytes != was->block_bytes || !disk_grow(&d->fuse.disk, ns.blocks))
		return;
	fuse_disk_changed(&d->fuse);
	rc = d->loop[0] ? loopdev_resize(d->loop, d->path) : 0;
	if (rc)
		log_warn("%s keeps its old size: %s", d->loop, strerror(-rc));
	log_notice("%s has %llu bytes now", d->name, (unsigned long long)d->fuse.disk.bytes);
}

void hostd_follow(struct hostd *h)
{
	uint64_t count;

	if (read(h->changed_fd, &count, sizeof(count)) != sizeof(count))
		return;
	for (unsigned int i = 0; i < h->count; i++)
		follow(h, &h->devices[i]);
}
