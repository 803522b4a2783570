/* SPDX-License-Identifier: BSD-3-Clause */
/* Our printers for a Linux target's answers against what nvme-cli 2.16 printed for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/bytes.h"
#include "cli/print_discovery.h"
#include "cli/print_identify.h"
#include "nvme/discovery.h"

static char *load(const char *name, size_t *ret_len)
{
	const char *dir = getenv("VECTORS");
	char path[1024], *data = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	*ret_len = fread(data, 1, 65535, f);
	fclose(f);
	return data;
}

static char *printed_ctrl(const struct nvme_id_ctrl *id)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print_id_ctrl(f, id);
	fclose(f);
	return text;
}

static void id_ctrl_is_printed_as_nvme_cli_does(void **state)
{
	size_t len, want_len;
	char *data = load("wire/id-ctrl.bin", &len), *want = load("text/id-ctrl.txt", &want_len);
	char *text = printed_ctrl((struct nvme_id_ctrl *)data);

	(void)state;
	assert_int_equal(len, 4096);
	assert_true(want_len > 500 && strlen(text) > want_len);
	text[want_len] = '\0';
	assert_string_equal(text, want);
	free(data);
	free(want);
	free(text);
}

static int64_t member(struct json_object *o, const char *name)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, name, &v))
		fail_msg("no member %s", name);
	return json_object_get_int64(v);
}

static void id_ctrl_in_json(void **state)
{
	size_t len;
	char *data = load("wire/id-ctrl.bin", &len);
	struct json_object *o = json_id_ctrl((struct nvme_id_ctrl *)data), *v;

	(void)state;
	/* nvmet's values, from the text of nvme-cli and protocol notes */
	assert_int_equal(member(o, "oaes"), 0x900);
	assert_int_equal(member(o, "kas"), 10);
	assert_int_equal(member(o, "endgidmax"), 1024);
	assert_int_equal(member(o, "nn"), 1024);
	assert_int_equal(member(o, "sqes"), 0x66);
	assert_int_equal(member(o, "tnvmcap"), 0);
	assert_true(json_object_object_get_ex(o, "sn", &v));
	assert_string_equal(json_object_get_string(v), "bbccdc2c5b6e37204871");
	assert_true(json_object_object_get_ex(o, "subnqn", &v));
	assert_string_equal(json_object_get_string(v), "nqn.test");
	assert_true(json_object_object_get_ex(o, "psds", &v));
	assert_int_equal(json_object_array_length(v), 1);
	json_object_put(o);
	free(data);
}

/* A controller may say what it likes: no escape sequence reaches the terminal, no read goes astray. */
static void hostile_answers_are_tame(void **state)
{
	struct nvme_id_ctrl *id = malloc(sizeof(*id));
	struct nvme_id_ns *ns = malloc(sizeof(*ns));
	char *text;
	size_t len;
	FILE *f;

	(void)state;
	memset(id, 0x1b, sizeof(*id));
	id->npss = 255;
	text = printed_ctrl(id);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "ps     31 :"));
	assert_null(strstr(text, "ps     32 :"));
	free(text);
	json_object_put(json_id_ctrl(id));
	memset(ns, 0xff, sizeof(*ns));
	f = open_memstream(&text, &len);
	print_id_ns(f, ns, 1);
	fclose(f);
	assert_non_null(strstr(text, "lbaf 63 :"));
	assert_null(strstr(text, "lbaf 64 :"));
	assert_non_null(strstr(text, "nvmcap  : 340282366920938463463374607431768211455"));
	free(text);
	json_object_put(json_id_ns(ns));
	free(id);
	free(ns);
}

static void id_ns_of_a_linux_target(void **state)
{
	size_t len;
	char *data = load("wire/id-ns.bin", &len), *text = NULL;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	print_id_ns(f, (struct nvme_id_ns *)data, 1);
	fclose(f);
	assert_non_null(strstr(text, "NVME Identify Namespace 1:\nnsze    : 0x20000\nncap    : 0x20000\n"));
	assert_non_null(strstr(text, "lbaf  0 : ms:0   lbads:9  rp:0 (in use)\n"));
	free(data);
	free(text);
}

static void namespaces_are_listed(void **state)
{
	struct nvme_ns_list *list = calloc(1, sizeof(*list));
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	store_le32(list->ns[0], 1);
	store_le32(list->ns[1], 0x10);
	print_list_ns(f, list);
	fclose(f);
	/* nvme-cli's documentation of list-ns has these lines */
	assert_string_equal(text, "NVME Namespace List:\n[   0]:0x1\n[   1]:0x10\n");
	free(text);
	free(list);
}

static void record_of(struct nvmetls_discovery_record *r, const struct nvmf_disc_log_entry *e)
{
	memset(r, 0, sizeof(*r));
	r->trtype = e->trtype;
	r->adrfam = e->adrfam;
	r->subtype = e->subtype;
	r->treq = e->treq;
	r->sectype = e->sectype;
	r->portid = load_le16(e->portid);
	r->eflags = load_le16(e->eflags);
	snprintf(r->trsvcid, sizeof(r->trsvcid), "%.*s", (int)strcspn(e->trsvcid, " "), e->trsvcid);
	snprintf(r->traddr, sizeof(r->traddr), "%.*s", (int)strcspn(e->traddr, " "), e->traddr);
	snprintf(r->subnqn, sizeof(r->subnqn), "%.223s", e->subnqn);
}

static void discovery_is_printed_as_nvme_cli_does(void **state)
{
	struct nvmetls_discovery_record records[2];
	struct nvmetls_discovery d = { .count = 2, .record = records };
	size_t hdr_len, len, want_len, text_len;
	char *hdr = load("wire/discovery-hdr.bin", &hdr_len);
	char *data = load("wire/discovery-entries.bin", &len), *text = NULL;
	char *want = load("text/discover.txt", &want_len);
	FILE *f = open_memstream(&text, &text_len);

	(void)state;
	assert_int_equal(len, 2 * sizeof(struct nvmf_disc_log_entry));
	d.genctr = load_le64(hdr);
	for (size_t i = 0; i < 2; i++)
		record_of(&records[i], (struct nvmf_disc_log_entry *)data + i);
	print_discovery(f, &d);
	fclose(f);
	assert_string_equal(text, want);
	free(hdr);
	free(data);
	free(text);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_ctrl_is_printed_as_nvme_cli_does),
		cmocka_unit_test(id_ctrl_in_json),
		cmocka_unit_test(hostile_answers_are_tame),
		cmocka_unit_test(id_ns_of_a_linux_target),
		cmocka_unit_test(namespaces_are_listed),
		cmocka_unit_test(discovery_is_printed_as_nvme_cli_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
