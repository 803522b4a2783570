/* SPDX-License-Identifier: BSD-3-Clause */
/* has-uring - exit 0 if this process may use io_uring. */
#include <liburing.h>

int main(void)
{
	struct io_uring ring;

	if (io_uring_queue_init(2, &ring, 0) < 0)
		return 1;
	io_uring_queue_exit(&ring);
	return 0;
}
