/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/print_identify.h"

#include <json-c/json.h>

#include "base/bytes.h"
#include "cli/print_table.h"

#define CTRL(member, kind) FIELD(struct nvme_id_ctrl, member, kind)
#define NS(member, kind)   FIELD(struct nvme_id_ns, member, kind)

/* clang-format off */
static const struct field ctrl_fields[] = {
	CTRL(vid, FIELD_HEX),
	CTRL(ssvid, FIELD_HEX),
	CTRL(sn, FIELD_TEXT),
	CTRL(mn, FIELD_TEXT),
	CTRL(fr, FIELD_TEXT),
	CTRL(rab, FIELD_DEC),
	CTRL(ieee, FIELD_OUI),
	CTRL(cmic, FIELD_HEX),
	CTRL(mdts, FIELD_DEC),
	CTRL(cntlid, FIELD_HEX),
	CTRL(ver, FIELD_HEX),
	CTRL(rtd3r, FIELD_HEX),
	CTRL(rtd3e, FIELD_HEX),
	CTRL(oaes, FIELD_HEX),
	CTRL(ctratt, FIELD_HEX),
	CTRL(rrls, FIELD_HEX),
	CTRL(bpcap, FIELD_HEX),
	CTRL(nssl, FIELD_HEX),
	CTRL(plsi, FIELD_DEC),
	CTRL(cntrltype, FIELD_DEC),
	CTRL(fguid, FIELD_UUID),
	CTRL(crdt1, FIELD_DEC),
	CTRL(crdt2, FIELD_DEC),
	CTRL(crdt3, FIELD_DEC),
	CTRL(crcap, FIELD_DEC),
	CTRL(nvmsr, FIELD_DEC),
	CTRL(vwci, FIELD_DEC),
	CTRL(mec, FIELD_DEC),
	CTRL(oacs, FIELD_HEX),
	CTRL(acl, FIELD_DEC),
	CTRL(aerl, FIELD_DEC),
	CTRL(frmw, FIELD_HEX),
	CTRL(lpa, FIELD_HEX),
	CTRL(elpe, FIELD_DEC),
	CTRL(npss, FIELD_DEC),
	CTRL(avscc, FIELD_HEX),
	CTRL(apsta, FIELD_HEX),
	CTRL(wctemp, FIELD_DEC),
	CTRL(cctemp, FIELD_DEC),
	CTRL(mtfa, FIELD_DEC),
	CTRL(hmpre, FIELD_DEC),
	CTRL(hmmin, FIELD_DEC),
	CTRL(tnvmcap, FIELD_U128),
	CTRL(unvmcap, FIELD_U128),
	CTRL(rpmbs, FIELD_HEX),
	CTRL(edstt, FIELD_DEC),
	CTRL(dsto, FIELD_DEC),
	CTRL(fwug, FIELD_DEC),
	CTRL(kas, FIELD_DEC),
	CTRL(hctma, FIELD_HEX),
	CTRL(mntmt, FIELD_DEC),
	CTRL(mxtmt, FIELD_DEC),
	CTRL(sanicap, FIELD_HEX),
	CTRL(hmminds, FIELD_DEC),
	CTRL(hmmaxd, FIELD_DEC),
	CTRL(nsetidmax, FIELD_DEC),
	CTRL(endgidmax, FIELD_DEC),
	CTRL(anatt, FIELD_DEC),
	CTRL(anacap, FIELD_DEC),
	CTRL(anagrpmax, FIELD_DEC),
	CTRL(nanagrpid, FIELD_DEC),
	CTRL(pels, FIELD_DEC),
	CTRL(domainid, FIELD_DEC),
	CTRL(kpioc, FIELD_DEC),
	CTRL(mptfawr, FIELD_DEC),
	CTRL(megcap, FIELD_U128),
	CTRL(tmpthha, FIELD_HEX),
	CTRL(cqt, FIELD_DEC),
	CTRL(sqes, FIELD_HEX),
	CTRL(cqes, FIELD_HEX),
	CTRL(maxcmd, FIELD_DEC),
	CTRL(nn, FIELD_DEC),
	CTRL(oncs, FIELD_HEX),
	CTRL(fuses, FIELD_HEX),
	CTRL(fna, FIELD_HEX),
	CTRL(vwc, FIELD_HEX),
	CTRL(awun, FIELD_DEC),
	CTRL(awupf, FIELD_DEC),
	CTRL(icsvscc, FIELD_DEC),
	CTRL(nwpc, FIELD_DEC),
	CTRL(acwu, FIELD_DEC),
	CTRL(ocfs, FIELD_HEX),
	CTRL(sgls, FIELD_HEX),
	CTRL(mnan, FIELD_DEC),
	CTRL(maxdna, FIELD_U128),
	CTRL(maxcna, FIELD_DEC),
	CTRL(oaqd, FIELD_DEC),
	/* NVMe Base 2.2 and later; reserved, so zero, before */
	{ "rhiri", 568, 1, FIELD_DEC },
	{ "hirt", 569, 1, FIELD_DEC },
	{ "cmmrtd", 570, 2, FIELD_DEC },
	{ "nmmrtd", 572, 2, FIELD_DEC },
	{ "minmrtg", 574, 1, FIELD_DEC },
	{ "maxmrtg", 575, 1, FIELD_DEC },
	{ "trattr", 576, 1, FIELD_DEC },
	{ "mcudmq", 578, 2, FIELD_DEC },
	{ "mnsudmq", 580, 2, FIELD_DEC },
	{ "mcmr", 582, 2, FIELD_DEC },
	{ "nmcmr", 584, 2, FIELD_DEC },
	{ "mcdqpc", 586, 2, FIELD_DEC },
	CTRL(subnqn, FIELD_STRING),
	CTRL(ioccsz, FIELD_DEC),
	CTRL(iorcsz, FIELD_DEC),
	CTRL(icdoff, FIELD_DEC),
	CTRL(fcatt, FIELD_HEX),
	CTRL(msdbd, FIELD_DEC),
	CTRL(ofcs, FIELD_DEC),
};

static const struct field ns_head[] = {
	NS(nsze, FIELD_HEX),
	NS(ncap, FIELD_HEX),
	NS(nuse, FIELD_HEX),
	NS(nsfeat, FIELD_HEX),
	NS(nlbaf, FIELD_DEC),
	NS(flbas, FIELD_HEX),
	NS(mc, FIELD_HEX),
	NS(dpc, FIELD_HEX),
	NS(dps, FIELD_HEX),
	NS(nmic, FIELD_HEX),
	NS(rescap, FIELD_HEX),
	NS(fpi, FIELD_HEX),
	NS(dlfeat, FIELD_DEC),
	NS(nawun, FIELD_DEC),
	NS(nawupf, FIELD_DEC),
	NS(nacwu, FIELD_DEC),
	NS(nabsn, FIELD_DEC),
	NS(nabo, FIELD_DEC),
	NS(nabspf, FIELD_DEC),
	NS(noiob, FIELD_DEC),
	NS(nvmcap, FIELD_U128),
};

/* valid where NSFEAT says so */
static const struct field ns_io_opt[] = {
	NS(npwg, FIELD_DEC),
	NS(npwa, FIELD_DEC),
	NS(npdg, FIELD_DEC),
	NS(npda, FIELD_DEC),
	NS(nows, FIELD_DEC),
};

static const struct field ns_middle[] = {
	NS(mssrl, FIELD_DEC),
	NS(mcl, FIELD_DEC),
	NS(msrc, FIELD_DEC),
	NS(kpios, FIELD_DEC),
	NS(nulbaf, FIELD_DEC),
	NS(kpiodaag, FIELD_DEC),
	NS(anagrpid, FIELD_DEC),
};

static const struct field ns_attr[] = {
	NS(nsattr, FIELD_DEC),
};

static const struct field ns_tail[] = {
	NS(nvmsetid, FIELD_DEC),
	NS(endgid, FIELD_DEC),
	NS(nguid, FIELD_BYTES),
	NS(eui64, FIELD_BYTES),
};
/* clang-format on */

#define NS_FEAT_OPTPERF 0x30	/* NSFEAT 5:4: NPWG, NPWA, NPDA, NOWS are valid; NPDG with 4 */
#define POWER_SCALE_100UW 1
#define POWER_SCALE_10MW  2
#define PSD_FLAGS_MXPS	  0x01	/* MP counts in 100 uW, not 10 mW */
#define PSD_FLAGS_NOPS	  0x02	/* a non-operational state */

/* ---- power states ---- */

static void print_power(FILE *to, const uint8_t power[2], unsigned int scale)
{
	unsigned int v = load_le16(power);

	if (scale == 0)
		fprintf(to, "-");
	else if (scale == POWER_SCALE_100UW)
		fprintf(to, "%u.%04uW", v / 10000, v % 10000);
	else if (scale == POWER_SCALE_10MW)
		fprintf(to, "%u.%02uW", v / 100, v % 100);
	else
		fprintf(to, "reserved");
}

/* "- " or a number with its unit; the time scales are those of NVMe Base 2.2, figure 315. */
static void print_recovery(FILE *to, const char *what, uint8_t time, unsigned int scale)
{
	static const char *const units[] = {
		"1 microsecond",    "10 microseconds",	"100 microseconds", "1 millisecond",
		"10 milliseconds",  "100 milliseconds", "1 second",	    "10 seconds",
		"100 seconds",	    "1,000 seconds",	"10,000 seconds",   "100,000 seconds",
		"1,000,000 seconds"
	};

	fprintf(to, "            %s: ", what);
	if (time == 0)
		fprintf(to, "-\n");
	else if (time < 100)
		fprintf(to, "%d (unit: %s)\n", time,
			scale < ARRAY_SIZE(units) ? units[scale] : "Reserved");
	else
		fprintf(to, "reserved\n");
}

static void print_psd(FILE *to, unsigned int index, const struct nvme_id_psd *p)
{
	static const char *const workloads[] = { "-", "1MiB 32 RW, 30s idle", "80K 128KiB SW" };
	unsigned int mp = load_le16(p->mp), workload = p->apws & 7u;

	fprintf(to, "ps   %4u : mp:", index);
	if (p->flags & PSD_FLAGS_MXPS)
		fprintf(to, "%u.%04uW ", mp / 10000, mp % 10000);
	else
		fprintf(to, "%u.%02uW ", mp / 100, mp % 100);
	fprintf(to, "%soperational enlat:%u exlat:%u rrt:%u rrl:%u\n",
		p->flags & PSD_FLAGS_NOPS ? "non-" : "", load_le32(p->enlat), load_le32(p->exlat),
		p->rrt, p->rrl);
	fprintf(to, "            rwt:%u rwl:%u idle_power:", p->rwt, p->rwl);
	print_power(to, p->idlp, p->ips >> 6);
	fprintf(to, " active_power:");
	print_power(to, p->actp, p->apws >> 6);
	fprintf(to, "\n            active_power_workload:%s\n",
		workload < ARRAY_SIZE(workloads) ? workloads[workload] : "reserved");
	/* bytes 23 to 27: EPFRT, FQVT, EPFVT and their scales (Base 2.2) */
	print_recovery(to, "emergency power fail recovery time", p->rsvd23[0], p->rsvd23[3] & 0xfu);
	print_recovery(to, "forced quiescence vault time", p->rsvd23[1], p->rsvd23[3] >> 4);
	print_recovery(to, "emergency power fail vault time", p->rsvd23[2], p->rsvd23[4] & 0xfu);
}

static void add(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

static struct json_object *json_psd(const struct nvme_id_psd *p)
{
	struct json_object *o = json_object_new_object();

	add(o, "max_power", load_le16(p->mp));
	add(o, "max_power_scale", p->flags & PSD_FLAGS_MXPS);
	add(o, "non-operational_state", !!(p->flags & PSD_FLAGS_NOPS));
	add(o, "entry_lat", load_le32(p->enlat));
	add(o, "exit_lat", load_le32(p->exlat));
	add(o, "read_tput", p->rrt);
	add(o, "read_lat", p->rrl);
	add(o, "write_tput", p->rwt);
	add(o, "write_lat", p->rwl);
	add(o, "idle_power", load_le16(p->idlp));
	add(o, "idle_scale", p->ips >> 6);
	add(o, "active_power", load_le16(p->actp));
	add(o, "active_power_work", p->apws & 7u);
	add(o, "active_scale", p->apws >> 6);
	add(o, "emerg_power_fail_recover_time", p->rsvd23[0]);
	add(o, "emerg_power_fail_recover_scale", p->rsvd23[3] & 0xfu);
	add(o, "force_quiesce_vault_time", p->rsvd23[1]);
	add(o, "force_quiesce_vault_scale", p->rsvd23[3] >> 4);
	add(o, "emerg_power_fail_vault_time", p->rsvd23[2]);
	add(o, "emerg_power_fail_vault_scale", p->rsvd23[4] & 0xfu);
	return o;
}

/* NPSS comes from the wire: no more than the 32 states that there is room for. */
static unsigned int power_states(const struct nvme_id_ctrl *id)
{
	return id->npss < ARRAY_SIZE(id->psd) ? id->npss + 1u : ARRAY_SIZE(id->psd);
}

/* ---- the controller ---- */

void print_id_ctrl(FILE *to, const struct nvme_id_ctrl *id)
{
	fprintf(to, "NVME Identify Controller:\n");
	print_fields(to, 10, ctrl_fields, ARRAY_SIZE(ctrl_fields), (const uint8_t *)id);
	for (unsigned int i = 0; i < power_states(id); i++)
		print_psd(to, i, &id->psd[i]);
}

struct json_object *json_id_ctrl(const struct nvme_id_ctrl *id)
{
	struct json_object *o = json_object_new_object(), *psds = json_object_new_array();

	json_fields(o, ctrl_fields, ARRAY_SIZE(ctrl_fields), (const uint8_t *)id);
	for (unsigned int i = 0; i < power_states(id); i++)
		json_object_array_add(psds, json_psd(&id->psd[i]));
	json_object_object_add(o, "psds", psds);
	return o;
}

/* ---- a namespace ---- */

static unsigned int lba_formats(const struct nvme_id_ns *ns)
{
	unsigned int n = ns->nlbaf + ns->nulbaf + 1u;

	return n < ARRAY_SIZE(ns->lbaf) ? n : ARRAY_SIZE(ns->lbaf);
}

/* The one of NPWG.. that needs another bit of NSFEAT. */
static size_t without_npdg(const struct nvme_id_ns *ns, struct field *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ns_io_opt); i++)
		if (ns_io_opt[i].at != offsetof(struct nvme_id_ns, npdg) ||
		    ns->nsfeat & NVME_NS_FEAT_IO_OPT)
			ret[n++] = ns_io_opt[i];
	return ns->nsfeat & NS_FEAT_OPTPERF ? n : 0;
}

void print_id_ns(FILE *to, const struct nvme_id_ns *ns, uint32_t nsid)
{
	const uint8_t *data = (const uint8_t *)ns;
	struct field opt[ARRAY_SIZE(ns_io_opt)];
	size_t opt_count = without_npdg(ns, opt);

	fprintf(to, "NVME Identify Namespace %u:\n", nsid);
	print_fields(to, 8, ns_head, ARRAY_SIZE(ns_head), data);
	print_fields(to, 8, opt, opt_count, data);
	print_fields(to, 8, ns_middle, ARRAY_SIZE(ns_middle), data);
	fprintf(to, "nsattr\t: %u\n", ns->nsattr);	/* nvme-cli has a tab here */
	print_fields(to, 8, ns_tail, ARRAY_SIZE(ns_tail), data);
	for (unsigned int i = 0; i < lba_formats(ns); i++)
		fprintf(to, "lbaf %2u : ms:%-3d lbads:%-2d rp:%#x %s\n", i, load_le16(ns->lbaf[i].ms),
			ns->lbaf[i].ds, ns->lbaf[i].rp, i == nvme_id_ns_lbaf_index(ns) ? "(in use)" : "");
}

struct json_object *json_id_ns(const struct nvme_id_ns *ns)
{
	struct json_object *o = json_object_new_object(), *lbafs = json_object_new_array();
	const uint8_t *data = (const uint8_t *)ns;
	struct field opt[ARRAY_SIZE(ns_io_opt)];
	size_t opt_count = without_npdg(ns, opt);

	json_fields(o, ns_head, ARRAY_SIZE(ns_head), data);
	json_fields(o, opt, opt_count, data);
	json_fields(o, ns_middle, ARRAY_SIZE(ns_middle), data);
	json_fields(o, ns_attr, ARRAY_SIZE(ns_attr), data);
	json_fields(o, ns_tail, ARRAY_SIZE(ns_tail), data);
	for (unsigned int i = 0; i <= ns->nlbaf && i < lba_formats(ns); i++) {
		struct json_object *f = json_object_new_object();

		add(f, "lbaf", i);
		add(f, "ms", load_le16(ns->lbaf[i].ms));
		add(f, "ds", ns->lbaf[i].ds);
		add(f, "rp", ns->lbaf[i].rp);
		add(f, "in_use", i == nvme_id_ns_lbaf_index(ns));
		json_object_array_add(lbafs, f);
	}
	json_object_object_add(o, "lbafs", lbafs);
	return o;
}

/* ---- the list ---- */

void print_list_ns(FILE *to, const struct nvme_ns_list *list)
{
	fprintf(to, "NVME Namespace List:\n");
	for (unsigned int i = 0; i < NVME_ID_NS_LIST_MAX && load_le32(list->ns[i]); i++)
		fprintf(to, "[%4u]:%#x\n", i, load_le32(list->ns[i]));
}

struct json_object *json_list_ns(const struct nvme_ns_list *list)
{
	struct json_object *o = json_object_new_object(), *ids = json_object_new_array();

	for (unsigned int i = 0; i < NVME_ID_NS_LIST_MAX && load_le32(list->ns[i]); i++) {
		struct json_object *one = json_object_new_object();

		add(one, "nsid", load_le32(list->ns[i]));
		json_object_array_add(ids, one);
	}
	json_object_object_add(o, "nsid_list", ids);
	return o;
}
