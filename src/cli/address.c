/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/address.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/key_text.h"
#include "nvme/fabrics.h"
#include "nvme/uuid.h"

#define AT(member)  offsetof(struct address, member)
#define SECONDS_MAX 2147483

/* clang-format off */
const struct opt address_opts[] = {
	{ "transport", 't', OPT_TEXT, AT(transport), "tcp", "transport type: tcp", 0, 0 },
	{ "traddr", 'a', OPT_TEXT, AT(traddr), "ADDR", "transport address: IPv4, IPv6 or a name", 0, 0 },
	{ "trsvcid", 's', OPT_TEXT, AT(trsvcid), "PORT", "transport service id: the TCP port (4420; discovery 8009)", 0, 0 },
	{ "nqn", 'n', OPT_TEXT, AT(nqn), "NQN", "subsystem NQN", 0, 0 },
	{ "hostnqn", 'q', OPT_TEXT, AT(hostnqn), "NQN", "host NQN, instead of this host's", 0, 0 },
	{ "hostid", 'I', OPT_TEXT, AT(hostid), "UUID", "host ID, instead of this host's", 0, 0 },
	{ "tls", 0, OPT_FLAG, AT(tls), NULL, "connect with TLS 1.3 and a key of the key store", 0, 0 },
	{ "keystore", 0, OPT_TEXT, AT(keystore), "DIR", "directory of TLS keys", 0, 0 },
	{ "tls-key", 0, OPT_TEXT, AT(tls_key), "KEY|@FILE|-", "this key instead of the key store's; implies --tls", 0, 0 },
	{ "tls-identity", 0, OPT_NUMBER, AT(tls_identity), "0|1", "PSK identity version for --tls-key (default 1)", 0, 1 },
	{ "compat", 0, OPT_FLAG, AT(compat), NULL, "derive --tls-key as libnvme before 1.16 did", 0, 0 },
	{ "nr-io-queues", 'i', OPT_NUMBER, AT(io_queues), "N", "I/O queues to use", 1, 1024 },
	{ "queue-size", 'Q', OPT_NUMBER, AT(queue_size), "N", "entries per I/O queue (default 128)", 16, 1024 },
	{ "keep-alive-tmo", 'k', OPT_NUMBER, AT(keep_alive_s), "SEC", "keep alive timeout in seconds (default 5; 0: none)", 0, 86400 },
	{ "disable-sqflow", 'd', OPT_FLAG, AT(disable_sqflow), NULL, "disable controller SQ flow control", 0, 0 },
	{ "hdr-digest", 'g', OPT_FLAG, AT(hdr_digest), NULL, "enable transport protocol header digest", 0, 0 },
	{ "data-digest", 'G', OPT_FLAG, AT(data_digest), NULL, "enable transport protocol data digest", 0, 0 },
	{ "connect-timeout", 0, OPT_NUMBER, AT(connect_timeout_s), "SEC", "give up connecting after that (default 10)", 1, 3600 },
	{ "timeout", 0, OPT_NUMBER, AT(timeout_ms), "MS", "give up a command after that (default 30000)", 1, 86400000 },
	{ "spin-us", 0, OPT_NUMBER, AT(spin_us), "N", "spin at most so long before sleeping (default 50)", 0, 1000000 },
	{ "rekey-bytes", 0, OPT_SIZE, AT(rekey_bytes), "SIZE", "TLS KeyUpdate after so many bytes per key", 65536, 0 },
	{ "key-update", 0, OPT_FLAG, AT(key_update), NULL, "send KeyUpdate also to targets that do not announce it", 0, 0 },
	{ "keylog", 0, OPT_TEXT, AT(keylog), "FILE", "append TLS secrets to FILE, for debugging only", 0, 0 },
	{ "output-format", 'o', OPT_FORMAT, AT(json), "FMT", "output format: normal|json", 0, 0 },
};

const struct opt recovery_opts[] = {
	{ "reconnect-delay", 'c', OPT_NUMBER, AT(reconnect_delay_s), "SEC", "longest time between two attempts to connect again", 1, 86400 },
	{ "ctrl-loss-tmo", 'l', OPT_TIMEOUT, AT(ctrl_loss_s), "SEC", "give a lost controller up after that (default 600; -1: never)", 0, SECONDS_MAX },
	{ "fast-io-fail-tmo", 'F', OPT_TIMEOUT, AT(fast_io_fail_s), "SEC", "let I/O fail so long after the loss (default -1: it waits)", 0, SECONDS_MAX },
};
/* clang-format on */
const size_t address_opt_count = ARRAY_SIZE(address_opts);
const size_t recovery_opt_count = ARRAY_SIZE(recovery_opts);

static int check_names(const struct verb *v, const struct address *a, bool discovery)
{
	uint64_t port;
	uint8_t uuid[NVME_UUID_BYTES];

	if (!a->transport)
		return options_misuse(v, "--transport is missing, say -t tcp");
	if (strcmp(a->transport, "tcp") != 0)
		return options_misuse(v, "transport \"%s\" is not served here, only tcp is",
				      a->transport);
	if (!a->traddr || !a->traddr[0])
		return options_misuse(v, "--traddr is missing");
	if (a->trsvcid && (!parse_number(a->trsvcid, &port) || port < 1 || port > 65535))
		return options_misuse(v, "--trsvcid: \"%s\" is not a port", a->trsvcid);
	if (!a->nqn && !discovery)
		return options_misuse(v, "--nqn is missing");
	if (a->nqn && !nvme_nqn_valid(a->nqn, strlen(a->nqn) + 1))
		return options_misuse(v, "--nqn: not an NQN (it begins with \"nqn.\" and has at most "
					 "%d printable characters)", NVME_NQN_MAX);
	if (a->hostnqn && !nvme_nqn_valid(a->hostnqn, strlen(a->hostnqn) + 1))
		return options_misuse(v, "--hostnqn: not an NQN (it begins with \"nqn.\" and has at most "
					 "%d printable characters)", NVME_NQN_MAX);
	if (a->hostid && !nvme_uuid_parse(a->hostid, uuid))
		return options_misuse(v, "--hostid: not a UUID");
	return GO_ON;
}

/* An IPv6 address may stand in brackets, as it does before a port elsewhere. */
static void drop_brackets(char **text)
{
	size_t len = *text ? strlen(*text) : 0;

	if (len < 4 || (*text)[0] != '[' || (*text)[len - 1] != ']')
		return;
	(*text)[len - 1] = '\0';
	++*text;
}

static int32_t milliseconds(int64_t s)
{
	return s < 0 ? -1 : (int32_t)(s * 1000);
}

static void copy_recovery(const struct address *a, struct nvmetls_options *ret)
{
	ret->reconnect_delay_ms = (uint32_t)a->reconnect_delay_s * 1000;
	ret->ctrl_loss_ms = milliseconds(a->ctrl_loss_s);
	ret->fast_io_fail_ms = milliseconds(a->fast_io_fail_s);
}

int address_check(const struct verb *v, struct address *a, bool discovery,
		  struct nvmetls_options *ret)
{
	struct report r = { .verb = v->name, .json = a->json };
	int rc;

	drop_brackets(&a->traddr);
	rc = check_names(v, a, discovery);
	if (rc == GO_ON && a->tls_key)
		rc = key_text_take(v, &r, a->tls_key, a->key_text, sizeof(a->key_text));
	if (rc != GO_ON)
		return rc;
	*ret = (struct nvmetls_options)NVMETLS_OPTIONS_INIT;
	ret->traddr = a->traddr;
	ret->trsvcid = a->trsvcid;
	ret->subsysnqn = a->nqn;
	ret->hostnqn = a->hostnqn;
	ret->hostid = a->hostid;
	ret->tls = a->tls || a->tls_key ? NVMETLS_TLS_REQUIRED : NVMETLS_TLS_OFF;
	ret->keystore = a->keystore;
	ret->tls_key = a->tls_key ? a->key_text : NULL;
	ret->tls_identity = (int)a->tls_identity;
	ret->tls_compat = a->compat;
	ret->io_queues = (uint16_t)a->io_queues;
	ret->queue_size = a->queue_size ? (uint16_t)a->queue_size : 128;
	ret->keep_alive_ms = (uint32_t)a->keep_alive_s * 1000;
	ret->hdr_digest = a->hdr_digest;
	ret->data_digest = a->data_digest;
	ret->disable_sqflow = a->disable_sqflow;
	ret->connect_timeout_ms = (uint32_t)a->connect_timeout_s * 1000;
	ret->command_timeout_ms = (uint32_t)a->timeout_ms;
	ret->spin_us = (uint32_t)a->spin_us;
	ret->rekey_bytes = a->rekey_bytes;
	ret->key_update = a->key_update;
	ret->keylog_file = a->keylog;
	copy_recovery(a, ret);
	return GO_ON;
}

int address_connect(const struct report *r, const struct nvmetls_options *o, struct nvmetls **ret)
{
	struct nvmetls_error e;

	memset(&e, 0, sizeof(e));
	if (nvmetls_connect(o, ret, &e) == 0)
		return GO_ON;
	return report_error(r, &e);
}

void address_done(struct address *a)
{
	explicit_bzero(a->key_text, sizeof(a->key_text));
}
