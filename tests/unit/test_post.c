/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue between threads: nothing lost, nothing twice, order per sender, no wake-up missed. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "loop/post.h"

#define SENDERS	     4
#define PER_SENDER   25000
#define WAKE_TIME_MS 5000 /* far more than a wake-up takes: it was missed */

struct message {
	struct world_post post;
	uint32_t sender, number;
};

struct sender {
	pthread_t thread;
	struct post_queue *queue;
	int wake_fd;
	uint32_t index, wakes;
	struct message *messages;
	uint32_t pause_every; /* let the receiver fall asleep */
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (uint32_t i = 0; i < PER_SENDER; i++) {
		uint64_t one = 1;

		s->messages[i].sender = s->index;
		s->messages[i].number = i;
		if (post_push(s->queue, &s->messages[i].post)) {
			s->wakes++;
			if (write(s->wake_fd, &one, sizeof(one)) != sizeof(one))
				abort();
		}
		if (s->pause_every && i % s->pause_every == 0)
			usleep(1000);
	}
	return NULL;
}

static uint32_t take_all(struct post_queue *q, uint32_t next[SENDERS])
{
	struct world_post *p = post_take(q);
	uint32_t n = 0;

	while (p) {
		struct message *m = container_of(p, struct message, post);

		p = p->next;
		assert_true(m->sender < SENDERS);
		assert_int_equal(m->number, next[m->sender]);
		next[m->sender]++;
		n++;
	}
	return n;
}

struct tally {
	uint32_t announced; /* that it will sleep */
	uint32_t slept;
};

/* As a loop does: announce the sleep, sleep, say that it is over. */
static struct tally receive_all(struct post_queue *q, int wake_fd)
{
	uint32_t next[SENDERS] = { 0 }, sum = 0;
	struct tally t = { 0 };

	while (sum < SENDERS * PER_SENDER) {
		struct pollfd p = { .fd = wake_fd, .events = POLLIN };
		uint64_t n;

		sum += take_all(q, next);
		if (sum == SENDERS * PER_SENDER)
			break;
		t.announced++;
		if (!post_sleep(q))
			continue;
		t.slept++;
		if (poll(&p, 1, WAKE_TIME_MS) != 1)
			fail_msg("slept although %s was posted",
				 post_waiting(q) ? "something" : "nothing");
		post_awake(q);
		assert_int_equal(read(wake_fd, &n, sizeof(n)), sizeof(n));
	}
	for (int i = 0; i < SENDERS; i++)
		assert_int_equal(next[i], PER_SENDER);
	assert_null(post_take(q));
	return t;
}

static struct tally run(uint32_t pause_every)
{
	struct sender senders[SENDERS];
	struct post_queue q;
	int wake_fd = eventfd(0, EFD_CLOEXEC);
	uint32_t wakes = 0;
	struct tally t;

	assert_true(wake_fd >= 0);
	post_init(&q);
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .queue = &q, .wake_fd = wake_fd, .index = i };
		senders[i].pause_every = pause_every;
		senders[i].messages = calloc(PER_SENDER, sizeof(struct message));
		assert_non_null(senders[i].messages);
		assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]),
				 0);
	}
	t = receive_all(&q, wake_fd);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(senders[i].thread, NULL);
		wakes += senders[i].wakes;
		free(senders[i].messages);
	}
	/* one wake-up at most per announcement: who posts to a receiver that is awake makes none */
	assert_true(wakes <= t.announced && wakes >= t.slept);
	close(wake_fd);
	return t;
}

static void four_senders_at_full_speed(void **state)
{
	(void)state;
	run(0);
}

static void four_senders_and_a_receiver_that_sleeps(void **state)
{
	(void)state;
	assert_true(run(2500).slept > 0);
}

static void only_a_sleeper_is_woken_and_only_once(void **state)
{
	struct message m[4] = { 0 };
	struct post_queue q;
	struct world_post *p;

	(void)state;
	post_init(&q);
	assert_false(post_waiting(&q));
	assert_null(post_take(&q));
	assert_false(post_push(&q, &m[0].post));
	assert_true(post_waiting(&q));
	assert_false(post_sleep(&q)); /* there is something to do */
	assert_false(post_push(&q, &m[1].post));
	p = post_take(&q);
	assert_ptr_equal(p, &m[0].post);
	assert_ptr_equal(p->next, &m[1].post);
	assert_null(p->next->next);

	assert_true(post_sleep(&q));
	assert_true(post_push(&q, &m[2].post));
	assert_false(post_push(&q, &m[3].post)); /* somebody does it already */
	assert_ptr_equal(post_take(&q), &m[2].post);

	assert_true(post_sleep(&q));
	post_awake(&q);
	assert_false(post_push(&q, &m[0].post));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_sleeper_is_woken_and_only_once),
		cmocka_unit_test(four_senders_at_full_speed),
		cmocka_unit_test(four_senders_and_a_receiver_that_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
