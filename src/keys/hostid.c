/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys/hostid.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "nvme/fabrics.h"
#include "nvme/uuid.h"

/* The first line of a file without its newline; false where there is none. */
static bool first_line(const char *dir, const char *name, char *dst, size_t size)
{
	char path[4200];
	FILE *f;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	good = fgets(dst, (int)size, f) != NULL;
	fclose(f);
	/* longer than that: its beginning is not it */
	if (good && !dst[strcspn(dst, "\r\n")] && strlen(dst) + 1 == size)
		snprintf(dst, size, "(longer than %zu characters)", size - 2);
	if (good)
		dst[strcspn(dst, "\r\n")] = '\0';
	return good && dst[0];
}

static void keep(const char *dir, const char *name, const char *text)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return;	/* somebody was faster, or we may not: it is read again next time */
	dprintf(fd, "%s\n", text);
	close(fd);
}

/* Our own place, beside the key store: made with a new UUID the first time. */
static void own_identity(const struct keystore *ks, char nqn[224], char uuid_text[64])
{
	char dir[4096], parent[4096], made[NVME_UUID_NQN_BYTES];
	uint8_t uuid[16];

	memcpy(parent, ks->dir, sizeof(parent));
	snprintf(dir, sizeof(dir), "%s", dirname(parent));
	if (!first_line(dir, "hostnqn", nqn, 224)) {
		if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid))
			abort();
		nvme_uuid_make_v4(uuid);
		nvme_uuid_to_nqn(uuid, made);
		mkdir(dir, 0755);
		keep(dir, "hostnqn", made);
		keep(dir, "hostid", nvme_uuid_format(uuid, uuid_text));
		if (!first_line(dir, "hostnqn", nqn, 224)) {
			snprintf(nqn, 224, "%s", made);
			log_warn(
				"the new host NQN %s cannot be kept in %s, the next will be another: keys for it are of no use; make /etc/nvme/hostnqn, or that directory writable",
				made, dir);
		}
	}
	first_line(dir, "hostid", uuid_text, 64);
}

/* @given: by the caller, not read from a file. */
static struct fault bad(struct keystore *ks, const char *what, const char *value, bool given)
{
	snprintf(ks->error, sizeof(ks->error), "%s \"%.230s\" is not valid", what, value);
	snprintf(ks->hint, sizeof(ks->hint), "%s",
		 given ? "" : "see hostnqn and hostid in /etc/nvme or beside the key store");
	return fault_os(EINVAL, CAUSE_ARGUMENT);
}

/* For an NQN without a UUID: an identifier that is stable for it. */
static struct fault id_from_nqn(struct keystore *ks, const char *nqn, uint8_t id[16])
{
	struct span part = span_of(nqn, strlen(nqn));
	uint8_t digest[HASH_LEN_MAX];

	if (kdf_hash(NVME_HASH_SHA256, &part, 1, digest)) {
		snprintf(ks->error, sizeof(ks->error), "no SHA-256 here");
		ks->hint[0] = '\0';
		return fault_os(EIO, CAUSE_OS);
	}
	memcpy(id, digest, 16);
	nvme_uuid_make_v4(id);
	return OK;
}

struct fault hostid_load(struct keystore *ks, const char *hostnqn, const char *hostid,
			 struct host_identity *ret)
{
	char nqn[224] = "", id[64] = "";

	memset(ret, 0, sizeof(*ret));
	if (!hostnqn && !first_line("/etc/nvme", "hostnqn", nqn, sizeof(nqn)))
		own_identity(ks, nqn, id);
	else if (!hostnqn)
		first_line("/etc/nvme", "hostid", id, sizeof(id));
	if (hostnqn && strlen(hostnqn) >= sizeof(nqn))
		return bad(ks, "host NQN", hostnqn, true);
	if (hostnqn)
		memcpy(nqn, hostnqn, strlen(hostnqn) + 1);
	if (!nvme_nqn_valid(nqn, sizeof(nqn)))
		return bad(ks, "host NQN", nqn, hostnqn != NULL);
	memcpy(ret->nqn, nqn, sizeof(ret->nqn));
	if (hostid || id[0]) {
		if (!nvme_uuid_parse(hostid ? hostid : id, ret->id))
			return bad(ks, "host ID", hostid ? hostid : id, hostid != NULL);
		return OK;
	}
	if (nvme_uuid_from_nqn(nqn, ret->id))
		return OK;
	return id_from_nqn(ks, nqn, ret->id);
}
