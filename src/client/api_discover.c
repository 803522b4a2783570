/* SPDX-License-Identifier: BSD-3-Clause */
/* nvmetls_discover(): connect to a discovery controller, read its log, leave. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/api_impl.h"
#include "host/discover.h"

struct run {
	struct nvmetls *c;
	struct discover d;
	struct world_task task;
	sem_t done;
};

static void wake(void *ctx)
{
	struct run *r = ctx;

	world_wake(r->c->home, &r->task);
}

static void run_task(struct world *w, struct world_task *t)
{
	struct run *r = container_of(t, struct run, task);

	if (discover_turn(&r->d, assoc_admin(r->c->assoc), world_now(w)))
		sem_post(&r->done);
}

static void start(struct nvmetls *c, void *arg)
{
	struct run *r = arg;
	struct discover_config dc = { .transfer_max = c->mdts_bytes, .wake = wake, .ctx = r };

	discover_start(&r->d, &dc);
	list_init(&r->task.node);
	r->task.run = run_task;
	wake(r);
}

static struct nvmetls_discovery *convert(const struct discover *d)
{
	struct nvmetls_discovery *ret = calloc(1, sizeof(*ret));

	if (!ret)
		return NULL;
	ret->record = calloc(d->count ? d->count : 1, sizeof(*ret->record));
	if (!ret->record) {
		free(ret);
		return NULL;
	}
	ret->genctr = d->genctr;
	ret->count = d->count;
	for (size_t i = 0; i < d->count; i++) {
		struct nvmetls_discovery_record *to = &ret->record[i];
		struct discover_entry e;

		discover_entry_decode(&d->entries[i], &e);
		*to = (struct nvmetls_discovery_record){
			.trtype = e.trtype, .adrfam = e.adrfam, .subtype = e.subtype,
			.treq = e.treq, .sectype = e.sectype, .portid = e.portid,
			.cntlid = e.cntlid, .asqsz = e.asqsz, .eflags = e.eflags,
		};
		memcpy(to->trsvcid, e.trsvcid, sizeof(to->trsvcid));
		memcpy(to->traddr, e.traddr, sizeof(to->traddr));
		memcpy(to->subnqn, e.subnqn, sizeof(to->subnqn));
	}
	return ret;
}

static int read_log(struct nvmetls *c, struct nvmetls_discovery **ret, struct nvmetls_error *e)
{
	struct run *r = calloc(1, sizeof(*r));
	int rc = 0;

	if (!r)
		return api_error_fault(e, fault_os(ENOMEM, CAUSE_NO_MEMORY), "", "");
	r->c = c;
	sem_init(&r->done, 0, 0);
	api_at_home(c, start, r);
	while (sem_wait(&r->done) != 0 && errno == EINTR)
		;
	sem_destroy(&r->done);
	if (r->d.state == DISCOVER_FAILED) {
		/* a lost connection has a reason of its own */
		rc = nvmetls_state(c, e);
		if (rc == 0)
			rc = api_error_fault(e, r->d.why, c->where, r->d.detail);
	} else {
		*ret = convert(&r->d);
		if (!*ret)
			rc = api_error_fault(e, fault_os(ENOMEM, CAUSE_NO_MEMORY), "", "");
	}
	discover_free(&r->d);
	free(r);
	return rc;
}

int nvmetls_discover(const struct nvmetls_options *o, struct nvmetls_discovery **ret,
		     struct nvmetls_error *e)
{
	struct nvmetls *c;
	int rc;

	if (e)
		memset(e, 0, sizeof(*e));
	*ret = NULL;
	rc = api_connect(o, true, &c, e);
	if (rc)
		return rc;
	rc = read_log(c, ret, e);
	nvmetls_disconnect(c);
	return rc;
}

void nvmetls_discovery_free(struct nvmetls_discovery *d)
{
	if (!d)
		return;
	free(d->record);
	free(d);
}
