/* SPDX-License-Identifier: BSD-3-Clause */
/* Get Log Page. Base 2.1 5.1.12. */
#include <stdlib.h>

#include "nvme/logs.h"
#include "target/target_impl.h"

#define LIST_BYTES 4096u	/* of namespaces */

/* The part of a log of @len bytes that the command asks for; what is behind its end is zero. */
static void reply_part(struct tcmd *c, const struct nvme_log_req *req, const void *log, size_t len)
{
	if (req->lpo > len || req->lpo % 4 || req->ot)
		tcmd_complete(c, NVME_SC_INVALID_FIELD | DNR);
	else
		admin_reply(c, (const uint8_t *)log + req->lpo, len - req->lpo);
}

static void log_supported(struct tcmd *c, const struct nvme_log_req *req, bool discovery)
{
	static const uint8_t io[] = { NVME_LOG_SUPPORTED,  NVME_LOG_ERROR,
				      NVME_LOG_SMART,	   NVME_LOG_FW_SLOT,
				      NVME_LOG_CHANGED_NS, NVME_LOG_CMD_EFFECTS,
				      NVME_LOG_FID_EFFECTS };
	static const uint8_t disc[] = { NVME_LOG_SUPPORTED, NVME_LOG_ERROR, NVME_LOG_FID_EFFECTS,
					NVME_LOG_DISCOVERY };
	struct nvme_supported_log_pages log;
	const uint8_t *lids = discovery ? disc : io;
	size_t n = discovery ? sizeof(disc) : sizeof(io);

	memset(&log, 0, sizeof(log));
	for (size_t i = 0; i < n; i++)
		store_le32(log.lid_support[lids[i]], NVME_LSUPP);
	reply_part(c, req, &log, sizeof(log));
}

static void add_units(uint8_t counter[16], uint64_t bytes)
{
	const uint64_t unit = 1000 * 512;

	nvme_u128_add(counter, bytes / unit + (bytes % unit != 0));
}

/* A device without wear and without sensors: what there is to tell is what it was used for. */
static void log_smart(struct tcmd *c, const struct nvme_log_req *req)
{
	struct nvme_smart_log log;
	struct target_io_sum sum;

	target_io_sum(c->tc->ctrl->subsys, &sum);
	memset(&log, 0, sizeof(log));
	log.avail_spare = 100;
	add_units(log.data_units_read, sum.read_bytes);
	add_units(log.data_units_written, sum.written_bytes);
	nvme_u128_add(log.host_reads, sum.reads);
	nvme_u128_add(log.host_writes, sum.writes);
	reply_part(c, req, &log, sizeof(log));
}

static void log_firmware(struct tcmd *c, const struct nvme_log_req *req)
{
	struct nvme_firmware_slot log;

	memset(&log, 0, sizeof(log));
	log.afi = 1;
	memset(log.frs[0], ' ', sizeof(log.frs[0]));
	memcpy(log.frs[0], c->tc->ctrl->subsys->firmware,
	       strnlen(c->tc->ctrl->subsys->firmware, 8));
	reply_part(c, req, &log, sizeof(log));
}

static void log_effects(struct tcmd *c, const struct nvme_log_req *req)
{
	static const uint8_t admin[] = { NVME_ADMIN_GET_LOG_PAGE, NVME_ADMIN_IDENTIFY,
					 NVME_ADMIN_ABORT,	  NVME_ADMIN_SET_FEATURES,
					 NVME_ADMIN_GET_FEATURES, NVME_ADMIN_ASYNC_EVENT,
					 NVME_ADMIN_KEEP_ALIVE };
	static const uint8_t io[] = { NVME_CMD_FLUSH, NVME_CMD_WRITE, NVME_CMD_READ,
				      NVME_CMD_WRITE_ZEROES, NVME_CMD_DSM };
	struct nvme_cmd_effects_log log;

	memset(&log, 0, sizeof(log));
	for (size_t i = 0; i < sizeof(admin); i++)
		store_le32(log.acs[admin[i]], NVME_CMD_EFFECTS_CSUPP);
	for (size_t i = 0; i < sizeof(io); i++)
		store_le32(log.iocs[io[i]],
			   NVME_CMD_EFFECTS_CSUPP |
				   (io[i] == NVME_CMD_READ || io[i] == NVME_CMD_FLUSH ?
					    0 : NVME_CMD_EFFECTS_LBCC));
	reply_part(c, req, &log, sizeof(log));
}

static void log_features(struct tcmd *c, const struct nvme_log_req *req, bool discovery)
{
	static const uint8_t all[] = { NVME_FEAT_ASYNC_EVENT, NVME_FEAT_KATO };
	static const uint8_t io[] = { NVME_FEAT_VOLATILE_WC, NVME_FEAT_NUM_QUEUES,
				      NVME_FEAT_HOST_ID };
	struct nvme_fid_supported_effects_log log;

	memset(&log, 0, sizeof(log));
	for (size_t i = 0; i < sizeof(all); i++)
		store_le32(log.fid_support[all[i]], NVME_FID_FSUPP | NVME_FID_SCOPE_CTRL);
	for (size_t i = 0; !discovery && i < sizeof(io); i++)
		store_le32(log.fid_support[io[i]], NVME_FID_FSUPP | NVME_FID_SCOPE_CTRL);
	reply_part(c, req, &log, sizeof(log));
}

static void log_discovery(struct tcmd *c, const struct nvme_log_req *req)
{
	size_t len;
	uint8_t *log = discovery_log(c->tc, &len);

	if (!log) {
		tcmd_complete(c, NVME_SC_INTERNAL);
		return;
	}
	reply_part(c, req, log, len);
	free(log);
}

void admin_get_log(struct tcmd *c)
{
	static const uint8_t zeroes[LIST_BYTES];
	bool discovery = c->tc->ctrl->subsys->discovery;
	struct nvme_log_req req;

	nvme_log_req_decode(&c->sqe, &req);
	if (req.bytes != c->len || req.bytes > c->tc->target->config.mdts_bytes) {
		tcmd_complete(c, (c->len != req.bytes ? NVME_SC_SGL_INVALID_DATA :
							NVME_SC_INVALID_FIELD) |
					 DNR);
		return;
	}
	if (req.lid == NVME_LOG_SUPPORTED)
		log_supported(c, &req, discovery);
	else if (req.lid == NVME_LOG_ERROR)
		reply_part(c, &req, zeroes, sizeof(struct nvme_error_log_page));	/* ELPE 0: one */
	else if (req.lid == NVME_LOG_FID_EFFECTS)
		log_features(c, &req, discovery);
	else if (req.lid == NVME_LOG_DISCOVERY && discovery)
		log_discovery(c, &req);
	else if (discovery)
		tcmd_complete(c, NVME_SC_INVALID_LOG_PAGE | DNR);
	else if (req.lid == NVME_LOG_SMART)
		log_smart(c, &req);
	else if (req.lid == NVME_LOG_FW_SLOT)
		log_firmware(c, &req);
	else if (req.lid == NVME_LOG_CHANGED_NS)
		reply_part(c, &req, zeroes, sizeof(zeroes));	/* the namespaces do not change yet */
	else if (req.lid == NVME_LOG_CMD_EFFECTS)
		log_effects(c, &req);
	else
		tcmd_complete(c, NVME_SC_INVALID_LOG_PAGE | DNR);
}
