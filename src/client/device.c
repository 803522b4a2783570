/* SPDX-License-Identifier: BSD-3-Clause */
#include "client/device.h"

static void *queue(void *ctx, unsigned int index)
{
	return nvmetls_get_queue(ctx, index);
}

static int submit(void *q, struct nvmetls_io *io)
{
	return nvmetls_submit(q, io);
}

static int poll_queue(void *q, int timeout_ms)
{
	return nvmetls_poll(q, timeout_ms);
}

static int queue_fd(void *q)
{
	return nvmetls_fd(q);
}

static const struct device_ops ops = {
	.queue = queue,
	.submit = submit,
	.poll = poll_queue,
	.fd = queue_fd,
};

void device_of(struct nvmetls *c, struct device *ret)
{
	struct nvmetls_info info;

	nvmetls_get_info(c, &info);
	*ret = (struct device){ &ops, c, info.io_queues, info.mdts_bytes };
}
