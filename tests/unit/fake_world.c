/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_world.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

static struct fake_world *of(struct world *w)
{
	return (struct fake_world *)w;
}

static uint64_t now_ns(struct world *w)
{
	return of(w)->now_ns;
}

static void fill_random(struct world *w, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		of(w)->seed = of(w)->seed * 6364136223846793005ull + 1442695040888963407ull;
		((uint8_t *)buf)[i] = (uint8_t)(of(w)->seed >> 56);
	}
}

static void post(struct world *to, struct world_post *p)
{
	struct world_post **last = &of(to)->posts;

	while (*last) {
		assert(*last != p); /* a post that is under way is not ours */
		last = &(*last)->next;
	}
	p->next = NULL;
	*last = p;
}

static void job(struct world *w, struct world_job *j)
{
	j->home = w;
	list_add_tail(&of(w)->jobs, &j->node);
}

static void timer_cancel(struct world *w, struct world_timer *t)
{
	(void)w;
	list_del(&t->node);
	list_init(&t->node);
}

static void timer_set(struct world *w, struct world_timer *t, uint64_t deadline_ns)
{
	timer_cancel(w, t);
	t->deadline_ns = deadline_ns;
	list_add_tail(&of(w)->timers, &t->node);
}

static void wake(struct world *w, struct world_task *t)
{
	list_del(&t->node);
	list_add_tail(&of(w)->tasks, &t->node);
}

static void io_submit(struct world *w, struct world_io *io)
{
	list_add_tail(&of(w)->ios, &io->node);
}

static const struct world_ops ops = {
	.name = "fake",
	.now_ns = now_ns,
	.random = fill_random,
	.io_submit = io_submit,
	.job = job,
	.post = post,
	.timer_set = timer_set,
	.timer_cancel = timer_cancel,
	.wake = wake,
};

void fake_world_init(struct fake_world *w, uint32_t index, size_t buf_bytes, uint32_t buf_count)
{
	int rc;

	*w = (struct fake_world){ .now_ns = 1000 * NS_PER_SEC, .seed = index + 1 };
	list_init(&w->ios);
	list_init(&w->jobs);
	list_init(&w->timers);
	list_init(&w->tasks);
	rc = pool_init(&w->pool, buf_bytes, buf_count);
	assert(rc == 0);
	w->world = (struct world){ .ops = &ops, .index = index, .buffers = &w->pool };
}

void fake_world_free(struct fake_world *w)
{
	assert(!w->posts && list_empty(&w->ios) && list_empty(&w->jobs));
	assert(w->pool.avail == w->pool.count);
	pool_free(&w->pool);
}

int fake_world_posts(struct fake_world *w)
{
	struct world_post *p = w->posts;
	int count = 0;

	w->posts = NULL;
	while (p) {
		struct world_post *next = p->next;

		p->run(&w->world, p);
		p = next;
		count++;
	}
	return count;
}

int fake_world_jobs(struct fake_world *w)
{
	int count = 0;

	for (struct list *it; (it = list_first(&w->jobs)); count++) {
		struct world_job *j = container_of(it, struct world_job, node);

		list_del(it);
		j->work(j);
		j->done(&w->world, j);
	}
	return count;
}

int fake_world_tasks(struct fake_world *w)
{
	int count = 0;

	for (struct list *it; (it = list_first(&w->tasks)); count++) {
		struct world_task *t = container_of(it, struct world_task, node);

		list_del(it);
		t->run(&w->world, t);
	}
	return count;
}

/* Uses up offset, length and pieces, as the loop does. */
static int transfer(struct world_io *io)
{
	for (int i = 0; i < io->iov_count; i++) {
		struct iovec *v = &io->iov[i];

		while (v->iov_len) {
			off_t at = (off_t)io->offset;
			ssize_t n = io->op == WORLD_IO_READ ?
					    pread(io->fd, v->iov_base, v->iov_len, at) :
					    pwrite(io->fd, v->iov_base, v->iov_len, at);

			if (n <= 0)
				return n < 0 ? -errno : -EIO;
			v->iov_base = (uint8_t *)v->iov_base + n;
			v->iov_len -= (size_t)n;
			io->offset += (uint64_t)n;
			io->len -= (uint64_t)n;
		}
	}
	return 0;
}

static int run_io(struct world_io *io)
{
	int rc, mode = io->op == WORLD_IO_ZERO_RANGE ? FALLOC_FL_ZERO_RANGE :
						       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	switch (io->op) {
	case WORLD_IO_READ:
	case WORLD_IO_WRITE:
		return transfer(io);
	case WORLD_IO_FDATASYNC:
		rc = fdatasync(io->fd);
		break;
	default:
		rc = fallocate(io->fd, mode, (off_t)io->offset, (off_t)io->len);
		break;
	}
	return rc < 0 ? -errno : 0;
}

int fake_world_ios(struct fake_world *w, int max)
{
	int count = 0;

	for (struct list *it; count < max && (it = list_first(&w->ios)); count++) {
		struct world_io *io = container_of(it, struct world_io, node);

		list_del(it);
		w->io_count++;
		w->io_op = io->op;
		w->io_dsync = io->dsync;
		io->result = w->io_error ? w->io_error : run_io(io);
		io->done(&w->world, io);
	}
	return count;
}

int fake_world_advance(struct fake_world *w, uint64_t ns)
{
	int count = 0;

	w->now_ns += ns;
	list_each_safe(it, next, &w->timers) {
		struct world_timer *t = container_of(it, struct world_timer, node);

		if (t->deadline_ns > w->now_ns)
			continue;
		timer_cancel(&w->world, t);
		t->fire(&w->world, t);
		count++;
	}
	return count;
}
