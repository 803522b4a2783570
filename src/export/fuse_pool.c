/* SPDX-License-Identifier: BSD-3-Clause */
#include "export/fuse_pool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

#define NS_PER_S      UINT64_C(1000000000)
#define BATCH	      16u	/* requests of one disk before the others get their turn */
#define STACK_BYTES   (512u << 10)

struct worker {
	struct fuse_pool *pool;
	pthread_t thread;
	bool started;
	struct disk_queue q;
	struct fuse_slot *slots;
	struct list free;
	struct pollfd *fds;	/* device, wake-up, then the disks */
	bool dead;		/* the device's queue will not serve any more */
	uint64_t busy_ns;	/* when there was something to do */
};

struct fuse_pool {
	struct fuse_pool_config c;
	struct fuse_disk *disks[FUSE_POOL_DISKS];	/* those below disk_count stay */
	atomic_uint disk_count;
	uint32_t block_bytes;	/* of the largest block that slots have room for */
	struct worker *workers;
	atomic_bool stop;
	/* a flush for the owner, run by worker 0 */
	atomic_bool flush_asked;
	struct disk_req *flush;	/* one per disk */
	atomic_uint flush_left;
	atomic_int flush_err;
	sem_t flushed;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void fuse_slot_done(struct fuse_slot *s)
{
	struct worker *w = container_of(s->q, struct worker, q);

	list_add_tail(&w->free, &s->node);
}

/* ---- a flush for the owner ---- */

static void flush_done(struct disk_req *r, int err)
{
	struct fuse_pool *p = container_of(r->q, struct worker, q)->pool;
	int none = 0;

	if (err)
		atomic_compare_exchange_strong(&p->flush_err, &none, err);
	if (atomic_fetch_sub(&p->flush_left, 1) == 1)
		sem_post(&p->flushed);
}

static void start_flush(struct worker *w)
{
	struct fuse_pool *p = w->pool;

	unsigned int n = atomic_load(&p->flush_left);

	for (unsigned int i = 0; i < n; i++) {
		p->flush[i].op = DISK_FLUSH;
		p->flush[i].done = flush_done;
		disk_submit(&p->disks[i]->disk, &w->q, &p->flush[i]);
	}
}

int fuse_pool_flush(struct fuse_pool *p, unsigned int timeout_ms)
{
	struct timespec until;

	if (p->disk_count == 0)
		return 0;
	if (atomic_load(&p->flush_left))
		return -ETIMEDOUT;	/* the one before is still under way */
	while (sem_trywait(&p->flushed) == 0)
		;
	atomic_store(&p->flush_left, p->disk_count);
	atomic_store(&p->flush_err, 0);
	atomic_store(&p->flush_asked, true);
	disk_queue_wake(&p->workers[0].q);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	while (sem_timedwait(&p->flushed, &until) != 0)
		if (errno != EINTR)
			return -errno;
	return atomic_load(&p->flush_err);
}

/* ---- a worker ---- */

/* What the kernel has for us, as long as there are slots. Returns how many. */
static unsigned int receive(struct worker *w)
{
	struct fuse_pool *p = w->pool;
	unsigned int n = 0, count = atomic_load_explicit(&p->disk_count, memory_order_acquire);

	for (unsigned int i = 0; i < count; i++) {
		struct fuse_disk *d = p->disks[i];
		int rc = atomic_load_explicit(&d->gone, memory_order_relaxed) ? 0 : 1;

		for (unsigned int k = 0; rc > 0 && k < BATCH && !list_empty(&w->free); k++) {
			struct fuse_slot *s =
				container_of(list_first(&w->free), struct fuse_slot, node);

			list_del(&s->node);
			rc = fuse_disk_receive(d, s);
			n += rc > 0;
			if (!s->busy && list_empty(&s->node))
				list_add_tail(&w->free, &s->node);
		}
		if (rc < 0)
			atomic_store(&d->gone, true);
	}
	return n;
}

static void sleep_on(struct worker *w)
{
	struct fuse_pool *p = w->pool;
	unsigned int count = atomic_load(&p->disk_count);
	bool room = !list_empty(&w->free);
	/* what the device refused and has nothing to say about is tried again */
	int ms = list_empty(&w->q.stalled) ? -1 : w->q.in_flight ? 100 : 1;

	w->fds[0].fd = w->dead ? -1 : disk_queue_fd(&w->q);
	w->fds[1].fd = w->q.wake_fd;
	for (unsigned int i = 0; i < count; i++)
		w->fds[2 + i].fd = room && !atomic_load(&p->disks[i]->gone) ? p->disks[i]->fd : -1;
	if (w->fds[0].fd < 0 && !w->dead)
		w->dead = true;
	poll(w->fds, 2 + count, ms);
}

/*
 * Was something asked? To be looked at again after disk_queue_run() has emptied the wake-up
 * descriptor: it may have been for this.
 */
static bool asked(struct worker *w)
{
	struct fuse_pool *p = w->pool;

	return atomic_load(&p->stop) || (w == &p->workers[0] && atomic_load(&p->flush_asked));
}

static void *serve(void *arg)
{
	struct worker *w = arg;
	struct fuse_pool *p = w->pool;
	uint64_t spin_ns = p->c.spin_us * UINT64_C(1000);

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		unsigned int n;
		int rc;

		if (atomic_load_explicit(&p->flush_asked, memory_order_relaxed) &&
		    w == &p->workers[0] && atomic_exchange(&p->flush_asked, false))
			start_flush(w);
		n = receive(w);
		rc = disk_queue_run(&w->q);
		/* the last words: nothing is under way, nothing will be */
		w->dead = rc < 0 && w->q.in_flight == 0;
		if (n || rc > 0)
			w->busy_ns = now_ns();
		else if (!asked(w) && (w->dead || now_ns() - w->busy_ns >= spin_ns))
			sleep_on(w);
	}
	return NULL;
}

/* ---- start and end ---- */

static uint32_t largest_block(const struct fuse_pool *p)
{
	uint32_t block = 512;

	for (unsigned int i = 0; i < p->disk_count; i++)
		if (p->disks[i]->disk.ns.block_bytes > block)
			block = p->disks[i]->disk.ns.block_bytes;
	return block;
}

static int init_worker(struct fuse_pool *p, unsigned int index)
{
	struct worker *w = &p->workers[index];
	int rc = disk_queue_init(&w->q, p->c.device, index);

	if (rc)
		return rc;
	w->pool = p;
	list_init(&w->free);
	w->slots = calloc(p->c.slots, sizeof(*w->slots));
	w->fds = calloc(2 + FUSE_POOL_DISKS, sizeof(*w->fds));
	if (!w->slots || !w->fds)
		return -ENOMEM;
	for (unsigned int i = 0; i < 2 + FUSE_POOL_DISKS; i++)
		w->fds[i].events = POLLIN;
	for (unsigned int i = 0; rc == 0 && i < p->c.slots; i++) {
		rc = fuse_slot_init(&w->slots[i], &w->q, p->block_bytes);
		list_add_tail(&w->free, &w->slots[i].node);
	}
	return rc;
}

static void free_worker(struct fuse_pool *p, struct worker *w)
{
	for (unsigned int i = 0; w->slots && i < p->c.slots; i++)
		fuse_slot_free(&w->slots[i]);
	free(w->slots);
	free(w->fds);
	disk_queue_free(&w->q);
}

static int start_threads(struct fuse_pool *p)
{
	pthread_attr_t attr;
	int rc = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned int i = 0; rc == 0 && i < p->c.workers; i++) {
		rc = -pthread_create(&p->workers[i].thread, &attr, serve, &p->workers[i]);
		p->workers[i].started = rc == 0;
	}
	pthread_attr_destroy(&attr);
	return rc;
}

int fuse_pool_new(const struct fuse_pool_config *c, struct fuse_pool **ret)
{
	struct fuse_pool *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p)
		return -ENOMEM;
	assert(c->disk_count <= FUSE_POOL_DISKS);
	p->c = *c;
	memcpy(p->disks, c->disks, c->disk_count * sizeof(*c->disks));
	p->disk_count = c->disk_count;
	p->block_bytes = largest_block(p);
	sem_init(&p->flushed, 0, 0);
	p->workers = calloc(c->workers, sizeof(*p->workers));
	p->flush = calloc(FUSE_POOL_DISKS, sizeof(*p->flush));
	if (!p->workers || !p->flush)
		rc = -ENOMEM;
	for (unsigned int i = 0; rc == 0 && i < c->workers; i++)
		rc = init_worker(p, i);
	if (rc == 0)
		rc = start_threads(p);
	if (rc) {
		fuse_pool_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

int fuse_pool_add(struct fuse_pool *p, struct fuse_disk *d)
{
	unsigned int n = p->disk_count;

	if (n == FUSE_POOL_DISKS)
		return -ENOSPC;
	if (d->disk.ns.block_bytes > p->block_bytes)
		return -EINVAL;
	p->disks[n] = d;
	atomic_store_explicit(&p->disk_count, n + 1, memory_order_release);
	for (unsigned int i = 0; i < p->c.workers; i++)
		disk_queue_wake(&p->workers[i].q);
	return 0;
}

void fuse_pool_stop(struct fuse_pool *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	for (unsigned int i = 0; p->workers && i < p->c.workers; i++) {
		if (!p->workers[i].started)
			continue;
		disk_queue_wake(&p->workers[i].q);
		pthread_join(p->workers[i].thread, NULL);
		p->workers[i].started = false;
	}
}

void fuse_pool_free(struct fuse_pool *p)
{
	if (!p)
		return;
	fuse_pool_stop(p);
	for (unsigned int i = 0; p->workers && i < p->c.workers; i++)
		free_worker(p, &p->workers[i]);
	sem_destroy(&p->flushed);
	free(p->flush);
	free(p->workers);
	free(p);
}
