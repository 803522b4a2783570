/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Properties of Connect: whatever it says, it is answered; it is accepted only if everything that
 * matters is right (judged here again, in other words); a refusal names a field that exists, is
 * final where it must be, and never is Invalid Field (Base 3.3).
 *
 * Input: options, 24 bytes of SQE (RECFMT and on), the 1024 bytes of data; zeroes behind its end.
 * A name that begins with '=' or '@' in the input becomes the right one, or that of discovery.
 */
#include <string.h>

#include "base/bytes.h"
#include "unit/target_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DNR NVME_STATUS_DNR

#define MUST(x) \
	do { \
		if (!(x)) \
			__builtin_trap(); \
	} while (0)

static void fill_in(char field[NVME_NQN_FIELD], const char *right)
{
	const char *text = field[0] == '=' ? right : field[0] == '@' ? NVME_DISC_SUBSYS_NAME : NULL;

	if (!text)
		return;
	memset(field, 0, NVME_NQN_FIELD);
	memcpy(field, text, strlen(text));
}

static bool is(const char field[NVME_NQN_FIELD], const char *text)
{
	return strnlen(field, NVME_NQN_FIELD) == strlen(text) &&
	       memcmp(field, text, strlen(text)) == 0;
}

static bool plausible(const char field[NVME_NQN_FIELD])
{
	size_t len = strnlen(field, NVME_NQN_FIELD);

	if (len > 223 || len < 5 || memcmp(field, "nqn.", 4) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)field[i] <= ' ' || (unsigned char)field[i] > '~')
			return false;
	return true;
}

static bool acceptable(const struct rig_connect *k, bool tls, bool bound)
{
	bool disc = is(k->data.subsysnqn, NVME_DISC_SUBSYS_NAME);
	uint16_t sqsize = load_le16(k->sqe.sqsize);

	return load_le16(k->sqe.recfmt) == 0 && load_le16(k->sqe.qid) == 0 && sqsize >= 1 &&
	       sqsize <= 127 && load_le16(k->data.cntlid) == 0xffff &&
	       plausible(k->data.hostnqn) && (disc || is(k->data.subsysnqn, RIG_SUBSYS)) &&
	       (!tls || (bound && is(k->data.hostnqn, RIG_HOST) && !disc));
}

static void judge_refusal(uint16_t status, uint32_t dw0)
{
	static const uint32_t fields[] = { 42, 44, 0x10010, 0x10000, 0x10100, 0x10200 };
	bool known = false;

	MUST(status & DNR || status == NVME_SC_CONNECT_CTRL_BUSY);
	MUST(nvme_status_code(status) != NVME_SC_INVALID_FIELD);
	if (nvme_status_code(status) != NVME_SC_CONNECT_INVALID_PARAM) {
		MUST(dw0 == 0);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		known |= dw0 == fields[i];
	MUST(known);
}

static void take(const uint8_t **p, size_t *left, void *dst, size_t len)
{
	size_t n = len < *left ? len : *left;

	memset(dst, 0, len);
	memcpy(dst, *p, n);
	*p += n;
	*left -= n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rig_config config = { .buf_count = 12 };
	struct tconn_peer peer = { .tls = true, .addr = "peer" };
	static struct rig rig;
	static struct rig_conn c;
	struct rig_connect k;
	struct nvme_cqe cqe;
	uint8_t options = 0;

	take(&data, &size, &options, 1);
	if (options & 2)
		memcpy(peer.hostnqn, RIG_HOST, sizeof(RIG_HOST));
	memcpy(peer.subsysnqn, RIG_SUBSYS, sizeof(RIG_SUBSYS));
	rig_init(&rig, &config);
	rig_open(&rig, &c, options & 1 ? &peer : NULL);
	rig_icreq(&c);
	rig_connect_init(&k, 0, NVME_CNTLID_DYNAMIC);
	take(&data, &size, k.sqe.recfmt, 24);
	take(&data, &size, &k.data, sizeof(k.data));
	fill_in(k.data.subsysnqn, RIG_SUBSYS);
	fill_in(k.data.hostnqn, RIG_HOST);
	cqe = rig_connect(&c, &k);
	MUST(!c.ended);
	MUST((rig_status(&cqe) == 0) == acceptable(&k, options & 1, options & 2));
	MUST(tconn_connected(c.tc) == (rig_status(&cqe) == 0));
	if (rig_status(&cqe))
		judge_refusal(rig_status(&cqe), load_le32(cqe.dw0));
	rig_close(&c);
	rig_free(&rig);
	return 0;
}
