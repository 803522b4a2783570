/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/key_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"

struct key_watch {
	pthread_mutex_t lock;
	bool fixed, both;
	struct keystore store;
	struct keytable *table;
	struct timespec dir_seen;	/* mtime of the directory at the last look */
	time_t looked_s;		/* when all files were looked at */
	uint64_t stamp;			/* of what the table was made from; 0: look again */
	bool failing;		/* the last read failed and was logged */
};

static struct key_watch *new_watch(void)
{
	struct key_watch *k = calloc(1, sizeof(*k));

	if (k)
		pthread_mutex_init(&k->lock, NULL);
	return k;
}

struct key_watch *key_watch_new(const char *dir, bool both_derivations)
{
	struct key_watch *k = new_watch();

	if (!k)
		return NULL;
	k->both = both_derivations;
	keystore_init(&k->store, dir);
	k->table = keytable_new(NULL, 0, both_derivations);
	if (k->table)
		return k;
	key_watch_free(k);
	return NULL;
}

struct key_watch *key_watch_fixed(struct keytable *t)
{
	struct key_watch *k = new_watch();

	if (!k)
		return NULL;
	k->fixed = true;
	k->table = t;
	return k;
}

void key_watch_free(struct key_watch *k)
{
	if (!k)
		return;
	keytable_unref(k->table);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/*
 * Nothing changed since the last look? A key that came or went shows at once, in the directory's
 * time; for one that was edited or given other permissions all files are looked at once a second.
 */
static bool unchanged(struct key_watch *k, uint64_t *ret_stamp)
{
	struct timespec now, dir = { 0, 0 };
	int64_t newest_s;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	if (stat(k->store.dir, &st) == 0)
		dir = st.st_mtim;
	if (k->stamp && now.tv_sec == k->looked_s && dir.tv_sec == k->dir_seen.tv_sec &&
	    dir.tv_nsec == k->dir_seen.tv_nsec)
		return true;
	k->looked_s = now.tv_sec;
	k->dir_seen = dir;
	*ret_stamp = keystore_stamp(&k->store, &newest_s);
	if (*ret_stamp && *ret_stamp == k->stamp)
		return true;
	/* a second change in the same tick of the clock would not show: then the next pin looks again */
	if (now.tv_sec <= newest_s + 1)
		*ret_stamp = 0;
	return false;
}

/* Read the store if it changed. 0 or negative errno; the old table stays on failure. */
static int refresh(struct key_watch *k)
{
	struct key_entry *list = NULL;
	struct keytable *fresh;
	struct fault why;
	size_t count = 0;
	uint64_t stamp = 0;

	if (unchanged(k, &stamp))
		return 0;
	k->stamp = 0;	/* until it was read, each pin tries */
	why = keystore_list(&k->store, &list, &count);
	if (fault_is(why))
		return -(int)why.code;
	fresh = keytable_new(list, count, k->both);
	keystore_free_list(list, count);
	if (!fresh)
		return -ENOMEM;
	log_info("key store %s: %zu keys, %zu identities", k->store.dir, count, keytable_count(fresh));
	keytable_unref(k->table);
	k->table = fresh;
	k->stamp = stamp;
	return 0;
}

const char *key_watch_dir(const struct key_watch *k)
{
	return k->store.dir;
}

struct keytable *key_watch_pin(struct key_watch *k)
{
	struct keytable *t;
	int rc = 0;

	pthread_mutex_lock(&k->lock);
	if (!k->fixed)
		rc = refresh(k);
	if (rc && !k->failing)
		log_error("key store: %s; the keys read before stay in use%s%s", k->store.error,
			  k->store.hint[0] ? "; " : "", k->store.hint);
	k->failing = rc != 0;
	t = keytable_ref(k->table);
	pthread_mutex_unlock(&k->lock);
	return t;
}

int key_watch_check(struct key_watch *k, char *why, size_t why_size)
{
	int rc = 0;

	pthread_mutex_lock(&k->lock);
	if (!k->fixed)
		rc = refresh(k);
	if (rc)
		snprintf(why, why_size, "%s%s%s", k->store.error, k->store.hint[0] ? "; " : "",
			 k->store.hint);
	pthread_mutex_unlock(&k->lock);
	return rc;
}
