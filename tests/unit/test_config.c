/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config: what nvmetcli saves is read; every mistake names its line and attribute.
 * The good file has the shape that nvmetcli 0.7 (Debian) writes for the blog's target.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/tree.h"

static const char good[] =
	"{\n"
	"  \"hosts\": [\n"
	"    {\n"
	"      \"nqn\": \"nqn.host\"\n"
	"    }\n"
	"  ], \n"
	"  \"ports\": [\n"
	"    {\n"
	"      \"addr\": {\n"
	"        \"adrfam\": \"ipv4\", \n"
	"        \"traddr\": \"127.0.0.1\", \n"
	"        \"treq\": \"not specified\", \n"
	"        \"trsvcid\": \"4420\", \n"
	"        \"trtype\": \"tcp\", \n"
	"        \"tsas\": \"tls1.3\"\n"
	"      }, \n"
	"      \"ana_groups\": [{\"ana\": {\"state\": \"optimized\"}, \"grpid\": 1}],\n"
	"      \"param\": {\"inline_data_size\": \"16384\"},\n"
	"      \"portid\": 10, \n"
	"      \"referrals\": [], \n"
	"      \"subsystems\": [\n"
	"        \"nqn.test\"\n"
	"      ]\n"
	"    }\n"
	"  ], \n"
	"  \"subsystems\": [\n"
	"    {\n"
	"      \"allowed_hosts\": [\"nqn.host\"], \n"
	"      \"attr\": {\n"
	"        \"allow_any_host\": \"0\", \n"
	"        \"serial\": \"1234\", \n"
	"        \"version\": \"1.3\"\n"
	"      }, \n"
	"      \"namespaces\": [\n"
	"        {\n"
	"          \"device\": {\n"
	"            \"nguid\": \"ef90689c-6c46-d44c-89c1-4067801309a8\", \n"
	"            \"path\": \"/dev/nvme0n1\"\n"
	"          }, \n"
	"          \"ana_grpid\": 1, \"enable\": 1, \n"
	"          \"nsid\": 3\n"
	"        }\n"
	"      ], \n"
	"      \"nqn\": \"nqn.test\"\n"
	"    }\n"
	"  ]\n"
	"}\n";

/* The same in the shape of nvmetcli's newest, on a kernel with everything: all that it saves. */
static const char newest[] =
	"{\n"
	"\"discovery\": {\"nqn\": \"nqn.2014-08.org.nvmexpress.discovery\"},\n"
	"\"hosts\": [{\"dhchap\": {\"ctrl_key\": \"\", \"dhgroup\": \"null\", \"hash\": \"hmac(sha256)\", \"key\": \"\"},\n"
	"  \"nqn\": \"nqn.host\"}],\n"
	"\"ports\": [{\"addr\": {\"adrfam\": \"ipv4\", \"traddr\": \"127.0.0.1\", \"treq\": \"required\",\n"
	"  \"trsvcid\": \"4420\", \"trtype\": \"tcp\", \"tsas\": \"tls1.3\"},\n"
	"  \"ana_groups\": [{\"ana\": {\"state\": \"optimized\"}, \"grpid\": 1},\n"
	"    {\"ana\": {\"state\": \"inaccessible\", \"grpid\": 2}, \"grpid\": 2}],\n"
	"  \"param\": {\"inline_data_size\": \"16384\", \"max_queue_size\": \"-1\", \"mdts\": \"0\", \"pi_enable\": \"0\"},\n"
	"  \"portid\": 1, \"subsystems\": [\"nqn.test\"],\n"
	"  \"referrals\": [{\"addr\": {\"traddr\": \"127.0.0.1\"}, \"enable\": 0, \"name\": \"there\"}]}],\n"
	"\"subsystems\": [{\"allowed_hosts\": [\"nqn.host\"],\n"
	"  \"attr\": {\"allow_any_host\": \"0\", \"cntlid_max\": \"65519\", \"cntlid_min\": \"1\", \"firmware\": \"6.12\",\n"
	"    \"ieee_oui\": \"0x000000\", \"model\": \"Linux\", \"pi_enable\": \"0\", \"qid_max\": \"128\",\n"
	"    \"serial\": \"77c7ea5a7d42ed7d6e3a\", \"version\": \"2.1\"},\n"
	"  \"namespaces\": [{\"ana\": {\"grpid\": \"1\"}, \"ana_grpid\": 1,\n"
	"    \"device\": {\"nguid\": \"00000000-0000-0000-0000-000000000000\", \"path\": \"/dev/vdb\",\n"
	"      \"uuid\": \"0f4b5bd6-5a7f-4e2e-9a35-2d6a3a4b9a10\"},\n"
	"    \"buffered_io\": \"1\", \"p2pmem\": \"none\", \"enable\": 1, \"nsid\": 1, \"resv\": {\"enable\": \"0\"}},\n"
	"    {\"device\": {\"path\": \"(null)\"}, \"enable\": 0, \"nsid\": 2}],\n"
	"  \"nqn\": \"nqn.test\",\n"
	"  \"passthru\": [{\"admin_timeout\": 0, \"clear_ids\": 0, \"device\": {\"path\": \"(null)\"}, \"enable\": 0, \"io_timeout\": 0}]}]\n"
	"}\n";

static void reads_what_nvmetcli_saves(void **state)
{
	struct cfg_tree t = { 0 };
	struct cfg_error err;

	(void)state;
	assert_true(cfg_from_json(&t, good, strlen(good), &err));
	assert_int_equal(t.port_count, 1);
	assert_int_equal(t.ports[0].portid, 10);
	assert_string_equal(t.ports[0].addr_traddr, "127.0.0.1");
	assert_true(t.ports[0].addr_tsas_tls13);
	assert_int_equal(t.ports[0].subsystem_count, 1);
	assert_int_equal(t.subsys_count, 1);
	assert_string_equal(t.subsystems[0].attr_serial, "1234");
	assert_false(t.subsystems[0].attr_allow_any_host);
	assert_string_equal(t.subsystems[0].allowed_hosts[0], "nqn.host");
	assert_int_equal(t.subsystems[0].namespaces[0].nsid, 3);
	assert_string_equal(t.subsystems[0].namespaces[0].device_path, "/dev/nvme0n1");
	assert_int_equal(t.subsystems[0].namespaces[0].device_nguid[0], 0xef);
	cfg_free(&t);
	if (!cfg_from_json(&t, newest, strlen(newest), &err))
		fail_msg("%d: %s: %s", err.line, err.where, err.what);
	assert_int_equal(t.warning_count, 0);
	assert_int_equal(t.subsystems[0].namespace_count, 2);
	assert_string_equal(t.subsystems[0].namespaces[0].device_path, "/dev/vdb");
	assert_string_equal(t.subsystems[0].namespaces[1].device_path, "");
	assert_false(t.subsystems[0].namespaces[1].enable);
	assert_int_equal(t.subsystems[0].attr_qid_max, 128);
	cfg_free(&t);
}

/* Replace the first @from of the good file by @to; the mistake is then on @line at @where. */
static const struct {
	const char *name, *from, *to, *where;
	int line;
} mistakes[] = {
	{ "unknown attribute", "\"traddr\"", "\"tradr\"", "ports[0].addr_tradr", 11 },
	{ "treq of no kind", "not specified", "maybe", "ports[0].addr_treq", 12 },
	{ "not TCP", "\"tcp\"", "\"rdma\"", "ports[0].addr_trtype", 14 },
	{ "TLS of another age", "tls1.3", "tls1.2", "ports[0].addr_tsas", 15 },
	{ "required without TLS",
	  "not specified\", \n        \"trsvcid\": \"4420\", \n        \"trtype\": \"tcp\", \n        \"tsas\": \"tls1.3",
	  "required\", \n        \"trsvcid\": \"4420\", \n        \"trtype\": \"tcp\", \n        \"tsas\": \"none",
	  "ports[0].addr_treq", 12 },
	{ "link to nowhere", "\"nqn.test\"\n      ]", "\"nqn.tset\"\n      ]",
	  "ports[0].subsystems[0]", 22 },
	{ "port id is no number", "\"portid\": 10", "\"portid\": \"ten\"", "ports[0].portid", 19 },
	{ "a list that is none", "\"referrals\": []", "\"referrals\": 7", "ports[0].referrals", 20 },
	{ "a flag that is none", "\"allow_any_host\": \"0\"", "\"allow_any_host\": \"maybe\"",
	  "subsystems[0].attr_allow_any_host", 30 },
	{ "NQN of no form", "\"nqn\": \"nqn.test\"", "\"nqn\": \"nqn.a b\"", "subsystems[0].nqn", 44 },
	{ "no NQN", "\"nqn\": \"nqn.test\"", "\"nqn\": null", "subsystems[0].nqn", 44 },
	{ "host of no form", "\"nqn\": \"nqn.host\"", "\"nqn\": \"nqn.\\u001b[\"", "hosts[0].nqn", 4 },
	{ "host from nowhere", "[\"nqn.host\"]", "[\"nqn.host\", \"nqn.guest\"]",
	  "subsystems[0].allowed_hosts[1]", 28 },
	{ "controller ids over all", "\"serial\": \"1234\"", "\"cntlid_max\": \"65520\"",
	  "subsystems[0].attr_cntlid_max", 31 },
	{ "controller ids from nowhere", "\"serial\": \"1234\"", "\"cntlid_min\": \"65520\"",
	  "subsystems[0].attr_cntlid_min", 31 },
	{ "controller ids of 17 bits", "\"serial\": \"1234\"", "\"cntlid_min\": \"65537\"",
	  "subsystems[0].attr_cntlid_min", 31 },
	{ "controller ids crossed", "\"serial\": \"1234\"",
	  "\"cntlid_min\": \"9\", \"cntlid_max\": \"8\"", "subsystems[0].attr_cntlid_max", 31 },
	{ "namespace 0", "\"nsid\": 3", "\"nsid\": 0", "subsystems[0].namespaces[0].nsid", 41 },
	{ "broken UUID", "ef90689c-", "ef90689-", "subsystems[0].namespaces[0].device_nguid", 37 },
	{ "no path", "\"path\": \"/dev/nvme0n1\"", "\"uuid\": \"ef90689c-6c46-d44c-89c1-4067801309a8\"",
	  "subsystems[0].namespaces[0].device_path", 36 },
	{ "auth that we would not do", "\"nqn\": \"nqn.host\"",
	  "\"nqn\": \"nqn.host\", \"dhchap_key\": \"DHHC-1:00:x:\"", "hosts[0].dhchap_key", 4 },
	{ "misspelt list", "\"subsystems\": [\n    {", "\"subsystem\": [\n    {", "subsystem", 26 },
	{ "an IPv6 port with an IPv4 address", "\"ipv4\"", "\"ipv6\"", "ports[0].addr_traddr", 11 },
	{ "an IPv4 port with an IPv6 address", "127.0.0.1", "::1", "ports[0].addr_traddr", 11 },
	{ "a name for an address", "127.0.0.1", "localhost", "ports[0].addr_traddr", 11 },
	{ "a port over all", "\"4420\"", "\"70000\"", "ports[0].addr_trsvcid", 13 },
	{ "a port with a sign", "\"4420\"", "\"+4420\"", "ports[0].addr_trsvcid", 13 },
	{ "memory of no size", "/dev/nvme0n1", "mem:much",
	  "subsystems[0].namespaces[0].device_path", 38 },
	{ "one file for two", "\"nsid\": 3\n        }",
	  "\"nsid\": 3\n},\n{ \"device\": {\"path\": \"/dev/nvme0n1\"}, \"nsid\": 4 }",
	  "subsystems[0].namespaces[1].device_path", 43 },
	{ "not JSON", "\"portid\": 10, ", "\"portid\": 10 ", "", 20 },
};

/* @whole with the first @from replaced. */
static const char *changed(const char *whole, const char *from, const char *to)
{
	static char text[8192];
	const char *at = strstr(whole, from);

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
	return text;
}

static void names_line_and_attribute(void **state)
{
	struct cfg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const char *text = changed(good, mistakes[i].from, mistakes[i].to);
		struct cfg_tree t = { 0 };

		print_message("- %s\n", mistakes[i].name);
		assert_false(cfg_from_json(&t, text, strlen(text), &err));
		assert_string_equal(err.where, mistakes[i].where);
		assert_int_equal(err.line, mistakes[i].line);
		assert_true(err.what[0] != '\0');
		assert_int_equal(t.port_count + t.subsys_count + t.host_count, 0);
	}
}

/* Taken, with a word about it: on @line at @where it says @what. NULL: without a word. */
static const struct {
	const char *name, *from, *to, *where, *what;
	int line;
} warnings[] = {
	{ "two readers of a file", "\"nsid\": 3\n        }",
	  "\"nsid\": 3, \"readonly\": 1\n},\n{ \"device\": {\"path\": \"/dev/nvme0n1\"}, \"nsid\": 4, \"readonly\": 1 }",
	  NULL, NULL, 0 },
	{ "an IPv6 address without a family",
	  "\"adrfam\": \"ipv4\", \n        \"traddr\": \"127.0.0.1\"", "\"traddr\": \"::1\"", NULL,
	  NULL, 0 },
	{ "nothing", "\"version\": \"1.3\"", "\"version\": \"2.0\"", NULL, NULL, 0 },
	{ "a subsystem as Linux takes it", "\"nqn\": \"nqn.test\"",
	  "\"nqn\": \"nqn.test\"},\n{\"attr\": {\"allow_any_host\": \"1\"}, \"namespaces\": [{\"device\": {\"path\": \"mem:1M\"}}], \"nqn\": \"test\"",
	  "subsystems[1].nqn", "test is not an NQN", 45 },
	{ "a host as Linux takes it", "{\n      \"nqn\": \"nqn.host\"", "{\"nqn\": \"host\"},\n{\"nqn\": \"nqn.host\"",
	  "hosts[0].nqn", "host is not an NQN", 3 },
	{ "no namespace that is enabled", "\"enable\": 1", "\"enable\": 0",
	  "subsystems[0].namespaces", "nqn.test has no namespace", 34 },
	{ "anybody and one more", "\"allow_any_host\": \"0\"", "\"allow_any_host\": \"1\"",
	  "subsystems[0].allowed_hosts", "without effect", 28 },
	{ "nobody", "[\"nqn.host\"]", "[]", "subsystems[0].allowed_hosts", "nobody may use nqn.test", 28 },
};

static void warns(void **state)
{
	struct cfg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
		const char *text = changed(good, warnings[i].from, warnings[i].to);
		struct cfg_tree t = { 0 };

		print_message("- %s\n", warnings[i].name);
		if (!cfg_from_json(&t, text, strlen(text), &err))
			fail_msg("%d: %s: %s", err.line, err.where, err.what);
		assert_int_equal(t.warning_count, warnings[i].where != NULL);
		if (t.warning_count) {
			assert_string_equal(t.warnings[0].where, warnings[i].where);
			assert_non_null(strstr(t.warnings[0].what, warnings[i].what));
			assert_int_equal(t.warnings[0].line, warnings[i].line);
		}
		cfg_free(&t);
	}
}

/* What asks for something that is not there is not taken for the sake of peace: by name and line. */
static const struct {
	const char *from, *to, *where, *what;
	int line;
} unable[] = {
	{ "discovery\"}", "discoverx\"}", "discovery.nqn", "well-known name", 2 },
	{ "\"key\": \"\"", "\"key\": \"DHHC-1:00:geheim:\"", "hosts[0].dhchap_key", "in-band", 3 },
	{ "\"optimized\"", "\"inaccessible\"", "ports[0].ana_groups[0].ana_state", "ANA states", 7 },
	{ "\"grpid\": 1}", "\"group\": 1}", "ports[0].ana_groups[0].group", "no such attribute", 7 },
	{ "\"mdts\": \"0\", \"pi_enable\": \"0\"", "\"pi_enable\": \"1\"", "ports[0].param_pi_enable",
	  "protection information", 9 },
	{ "\"enable\": 0, \"name\"", "\"enable\": 1, \"name\"", "ports[0].referrals[0]", "referrals", 11 },
	{ "\"Linux\", \"pi_enable\": \"0\"", "\"Linux\", \"pi_enable\": \"1\"",
	  "subsystems[0].attr_pi_enable", "protection information", 14 },
	{ "{\"grpid\": \"1\"}, \"ana_grpid\": 1", "{\"grpid\": \"2\"}", "subsystems[0].namespaces[0].ana_grpid",
	  "ANA group 1", 16 },
	{ "\"ana_grpid\": 1", "\"ana_grpid\": 7", "subsystems[0].namespaces[0].ana_grpid",
	  "ANA group 1", 16 },
	{ "{\"enable\": \"0\"}", "{\"enable\": \"1\"}", "subsystems[0].namespaces[0].resv_enable",
	  "reservations", 19 },
	{ "{\"enable\": \"0\"}", "{\"enable\": \"maybe\"}",
	  "subsystems[0].namespaces[0].resv_enable", "wants 0", 19 },
	{ "\"enable\": 0, \"nsid\"", "\"enable\": 1, \"nsid\"",
	  "subsystems[0].namespaces[1].device_path", "missing", 20 },
	{ "\"enable\": 0, \"io_timeout\"", "\"enable\": 1, \"io_timeout\"",
	  "subsystems[0].passthru[0].enable", "passthru of a controller", 22 },
	{ "\"admin_timeout\"", "\"timeout\"", "subsystems[0].passthru[0].timeout",
	  "no such attribute", 22 },
};

static void refuses_what_it_cannot(void **state)
{
	struct cfg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(unable) / sizeof(unable[0]); i++) {
		const char *text = changed(newest, unable[i].from, unable[i].to);
		struct cfg_tree t = { 0 };

		print_message("- %s\n", unable[i].where);
		assert_false(cfg_from_json(&t, text, strlen(text), &err));
		assert_string_equal(err.where, unable[i].where);
		assert_non_null(strstr(err.what, unable[i].what));
		assert_int_equal(err.line, unable[i].line);
		assert_null(strstr(err.what, "geheim"));
	}
}

/* ... and what can do without is told. */
static void says_what_has_no_effect(void **state)
{
	static const struct {
		const char *from, *to, *where, *what;
		int line;
	} cases[] = {
		{ "\"none\"", "\"0000:01:00.0\"", "subsystems[0].namespaces[0].p2pmem", "no effect", 19 },
		{ "0x000000", "0x00dead", "subsystems[0].attr_ieee_oui", "no effect", 14 },
		{ "(null)\"}, \"enable\": 0, \"io", "/dev/nvme0\"}, \"io", "subsystems[0].passthru[0]",
		  "/dev/nvme0 is not exported", 22 },
	};
	struct cfg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = changed(newest, cases[i].from, cases[i].to);
		struct cfg_tree t = { 0 };

		assert_true(cfg_from_json(&t, text, strlen(text), &err));
		assert_int_equal(t.warning_count, 1);
		assert_string_equal(t.warnings[0].where, cases[i].where);
		assert_non_null(strstr(t.warnings[0].what, cases[i].what));
		assert_int_equal(t.warnings[0].line, cases[i].line);
		cfg_free(&t);
	}
}

/* NGUIDs as nvmet takes them: the separators may be anywhere between bytes, or nowhere. */
static void nguids(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "ef90689c6c46d44c89c14067801309a8", true },
		{ "EF:90:68:9C:6C:46:D4:4C:89:C1:40:67:80:13:09:A8", true },
		{ "ef90689c-6c46-d44c-89c1-4067801309a8", true },
		{ "ef90689c-6c46-d44c-89c1-4067801309a", false },
		{ "ef90689c-6c46-d44c-89c1-4067801309a8-", false },
		{ "ef90689c-6c46-d44c-89c1-4067801309a80", false },
		{ "e-f90689c6c46d44c89c14067801309a8", false },
		{ "+f90689c6c46d44c89c14067801309a8", false },
		{ "", false },
	};
	struct cfg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = changed(good, "ef90689c-6c46-d44c-89c1-4067801309a8", cases[i].text);
		struct cfg_tree t = { 0 };

		if (cfg_from_json(&t, text, strlen(text), &err) != cases[i].good)
			fail_msg("%s", cases[i].text);
		if (cases[i].good)
			assert_int_equal(t.subsystems[0].namespaces[0].device_nguid[15], 0xa8);
		cfg_free(&t);
	}
}

/* Every prefix of a good file is a mistake, and none is a crash. */
static void refuses_every_prefix(void **state)
{
	struct cfg_error err;

	(void)state;
	for (size_t n = 0; n + 2 < strlen(good); n++) {
		struct cfg_tree t = { 0 };

		assert_false(cfg_from_json(&t, good, n, &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_nvmetcli_saves),
		cmocka_unit_test(names_line_and_attribute),
		cmocka_unit_test(refuses_what_it_cannot),
		cmocka_unit_test(warns),
		cmocka_unit_test(says_what_has_no_effect),
		cmocka_unit_test(nguids),
		cmocka_unit_test(refuses_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
