/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices of a running host follow their namespaces. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/hostd_impl.h"

/* Of what is there only growth gets here: of a namespace that is smaller or another one the library keeps away. */
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

static int show(struct hostd *h, struct hostd_device *d, struct nvmetls_error *e)
{
	int rc = hostd_mount(h, d, e);

	if (rc)
		return rc;
	rc = fuse_pool_add(h->pool, &d->fuse);
	if (rc == 0 && h->c.loop)
		rc = loopdev_attach(d->path, d->fuse.disk.ns.block_bytes, d->loop);
	if (rc)
		snprintf(e->message, sizeof(e->message), "%s", strerror(-rc));
	return rc;
}

/* What cannot be shown is not there; it is tried again when there is a next time to look. */
static void add_devices(struct hostd *h)
{
	unsigned int had = h->count, have;
	struct nvmetls_error e;
	int rc = hostd_identify_more(h);

	if (rc)
		log_warn("looking for new namespaces: status %d", rc);
	have = h->count;
	for (h->count = had; h->count < have; h->count++) {
		struct hostd_device *d = &h->devices[h->count];

		if (show(h, d, &e)) {
			log_error("%s: %s", d->name, e.message);
			fuse_disk_unmount(&d->fuse);
			disk_free(&d->fuse.disk);
			return;
		}
		log_notice("%s is new", d->name);
	}
}

void hostd_follow(struct hostd *h)
{
	uint64_t count;

	if (read(h->changed_fd, &count, sizeof(count)) != sizeof(count))
		return;
	for (unsigned int i = 0; i < h->count; i++)
		follow(h, &h->devices[i]);
	add_devices(h);
}
