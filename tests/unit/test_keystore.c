/* SPDX-License-Identifier: BSD-3-Clause */
/* keystore: private, whole files; refuses what others can read; the newest key wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/hostid.h"
#include "keys/keystore.h"

static char top[64], dir[96];

static int make_top(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/nvmetls-keystore.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(dir, sizeof(dir), "%s/a/keys", top);
	return 0;
}

static int remove_top(void **state)
{
	char cmd[96];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

static struct key_entry entry(const char *subsys, uint8_t fill)
{
	struct key_entry e = { .hostnqn = "nqn.h", .identity_version = 1 };

	snprintf(e.subsysnqn, sizeof(e.subsysnqn), "%s", subsys);
	e.psk.hash = NVME_HASH_SHA256;
	e.psk.key.len = 32;
	memset(e.psk.key.bytes, fill, 32);
	return e;
}

static void writes_and_reads_back(void **state)
{
	struct key_entry a = entry("nqn.a", 1), b = entry("nqn.b", 2), *list, got;
	char path[200];
	struct keystore ks;
	struct stat st;
	size_t count;
	uint32_t id;

	(void)state;
	keystore_init(&ks, dir);
	assert_false(fault_is(keystore_list(&ks, &list, &count)));	/* missing: empty */
	assert_int_equal(count, 0);
	b.derivation = PSK_COMPAT;
	b.identity_version = 0;
	assert_false(fault_is(keystore_insert(&ks, &a)));
	assert_false(fault_is(keystore_insert(&ks, &b)));
	id = a.id;
	assert_false(fault_is(keystore_insert(&ks, &a)));	/* the same again: one file */
	assert_int_equal(a.id, id);
	assert_int_not_equal(a.id, b.id);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/%08x.key", dir, id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(fault_is(keystore_list(&ks, &list, &count)));
	assert_int_equal(count, 2);
	keystore_free_list(list, count);
	assert_false(fault_is(keystore_find(&ks, "nqn.h", "nqn.b", &got)));
	assert_int_equal(got.id, b.id);
	assert_int_equal(got.derivation, PSK_COMPAT);
	assert_int_equal(got.identity_version, 0);
	assert_true(secret_equal(&got.psk.key, &b.psk.key));
	assert_int_equal(keystore_find(&ks, "nqn.h", "nqn.c", &got).cause, CAUSE_PSK_MISSING);
}

static void the_newest_wins(void **state)
{
	struct key_entry old = entry("nqn.r", 3), new = entry("nqn.r", 4), got;
	struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };
	char path[200];
	struct keystore ks;

	(void)state;
	keystore_init(&ks, dir);
	assert_false(fault_is(keystore_insert(&ks, &new)));
	assert_false(fault_is(keystore_insert(&ks, &old)));
	snprintf(path, sizeof(path), "%s/%08x.key", dir, old.id);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_false(fault_is(keystore_find(&ks, "nqn.h", "nqn.r", &got)));
	assert_int_equal(got.id, new.id);
	assert_false(fault_is(keystore_remove(&ks, new.id)));
	assert_false(fault_is(keystore_find(&ks, "nqn.h", "nqn.r", &got)));
	assert_int_equal(got.id, old.id);
	assert_int_equal(keystore_remove(&ks, new.id).code, ENOENT);
}

static void put_file(const char *name, mode_t mode, const char *content)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static char said[20000];

static void refuses_what_others_read(void **state)
{
	struct key_entry *list;
	struct keystore ks;
	size_t count;

	(void)state;
	keystore_init(&ks, dir);
	assert_int_equal(chmod(dir, 0750), 0);
	assert_int_equal(keystore_list(&ks, &list, &count).cause, CAUSE_KEYSTORE_ACCESS);
	assert_int_equal(keystore_list(&ks, &list, &count).code, EACCES);
	assert_non_null(strstr(ks.error, dir));
	snprintf(said, sizeof(said), "chmod 700 %s", dir);
	assert_string_equal(ks.hint, said);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(keystore_list(&ks, &list, &count).code, 0);
	keystore_free_list(list, count);
}

/* The number of keys; what was logged on the way is in @said. */
static size_t list_and_listen(struct keystore *ks)
{
	struct key_entry *list;
	int keep = dup(STDERR_FILENO);
	FILE *log = tmpfile();
	size_t n, count;

	assert_non_null(log);
	assert_true(keep >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
	assert_false(fault_is(keystore_list(ks, &list, &count)));
	assert_true(dup2(keep, STDERR_FILENO) >= 0);
	close(keep);
	keystore_free_list(list, count);
	rewind(log);
	n = fread(said, 1, sizeof(said) - 1, log);
	said[n] = '\0';
	fclose(log);
	return count;
}

/* One bad file among good ones is left out, with one warning; the rest is good. */
static void leaves_out_what_is_bad(void **state)
{
	static const struct {
		mode_t mode;
		const char *content, *says;
	} bad[] = {
		{ 0644, "hostnqn nqn.h\n", "chmod 600 /" },
		{ 0600, "hostnqn nqn.h\nsubsysnqn nqn.s\nkey NVMeTLSkey-1:01:AAAA:\n", "not a key file" },
		{ 0600, "", "not a key file" },
	};
	struct keystore ks;
	size_t good;

	(void)state;
	keystore_init(&ks, dir);
	good = list_and_listen(&ks);
	assert_true(good > 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_file("00000001.key", bad[i].mode, bad[i].content);
		assert_int_equal(list_and_listen(&ks), good);
		assert_non_null(strstr(said, "00000001.key"));
		assert_non_null(strstr(said, bad[i].says));
		assert_null(strstr(said, "AAAA"));	/* no secrets in the log */
		assert_int_equal(list_and_listen(&ks), good);
		assert_string_equal(said, "");	/* said before */
		usleep(20000);	/* a tick of the file system's clock */
	}
	assert_false(fault_is(keystore_remove(&ks, 1)));
	put_file("README", 0644, "not a key");	/* other files are none of our business */
	assert_int_equal(list_and_listen(&ks), good);
	assert_string_equal(said, "");
}

/* An editor of another system leaves carriage returns and blanks at the ends of lines. */
static void takes_other_line_ends(void **state)
{
	struct key_entry got;
	struct keystore ks;

	(void)state;
	keystore_init(&ks, dir);
	put_file("00000004.key", 0600,
		 "\r\nhostnqn nqn.h\r\nsubsysnqn nqn.crlf \r\nidentity 1\t\r\n"
		 "key NVMeTLSkey-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:\r\n");
	assert_false(fault_is(keystore_find(&ks, "nqn.h", "nqn.crlf", &got)));
	assert_int_equal(got.identity_version, 1);
	assert_int_equal(got.psk.key.bytes[31], 31);
	assert_int_equal(keystore_find(&ks, "nqn.h", "nqn.none", &got).cause, CAUSE_PSK_MISSING);
	assert_null(strstr(ks.error, "does not exist"));
	assert_false(fault_is(keystore_remove(&ks, 4)));
	keystore_init(&ks, "/nonexistent/keys");
	assert_int_equal(keystore_find(&ks, "nqn.h", "nqn.a", &got).cause, CAUSE_PSK_MISSING);
	assert_non_null(strstr(ks.error, "/nonexistent/keys, which does not exist"));
}

/* What is no file at all is no reason to wait or to give up. */
static void leaves_out_what_is_no_file(void **state)
{
	struct keystore ks;
	char path[200];
	size_t good;

	(void)state;
	keystore_init(&ks, dir);
	good = list_and_listen(&ks);
	snprintf(path, sizeof(path), "%s/00000003.key", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(list_and_listen(&ks), good);
	assert_non_null(strstr(said, "not a key file"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(list_and_listen(&ks), good);
	assert_non_null(strstr(said, "00000003.key: Is a directory"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(list_and_listen(&ks), good);
	assert_non_null(strstr(said, "00000003.key: a symbolic link"));
	assert_int_equal(unlink(path), 0);
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* Where all are bad, the log is not flooded, and nothing is said twice. */
static void many_bad_files(void **state)
{
	struct keystore ks;
	char name[16];
	size_t good;

	(void)state;
	keystore_init(&ks, dir);
	good = list_and_listen(&ks);
	for (unsigned int i = 0; i < 2 * KEYSTORE_SAID; i++) {
		snprintf(name, sizeof(name), "0000f%03x.key", i);
		put_file(name, 0644, "x");
	}
	assert_int_equal(list_and_listen(&ks), good);
	assert_int_equal(lines(said), KEYSTORE_SAID / 2 + 1);
	assert_non_null(strstr(said, "128 keys are left out"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(list_and_listen(&ks), good);
		assert_string_equal(said, "");
	}
	for (unsigned int i = 0; i < 2 * KEYSTORE_SAID; i++)
		assert_false(fault_is(keystore_remove(&ks, 0xf000 + i)));
}

/* The stamp tells a changed store, also when only permissions changed. */
static void stamps(void **state)
{
	struct keystore ks, none;
	int64_t newest_s;
	uint64_t before, after;
	char path[200];

	(void)state;
	keystore_init(&ks, dir);
	keystore_init(&none, "/nonexistent/keys");
	assert_int_equal(keystore_stamp(&none, &newest_s), 0);
	put_file("00000002.key", 0600, "x");
	before = keystore_stamp(&ks, &newest_s);
	assert_true(before != 0 && newest_s > 0);
	assert_int_equal(keystore_stamp(&ks, &newest_s), before);
	snprintf(path, sizeof(path), "%s/00000002.key", dir);
	usleep(20000);	/* a tick of the file system's clock */
	assert_int_equal(chmod(path, 0644), 0);
	after = keystore_stamp(&ks, &newest_s);
	assert_true(after != before);
	assert_int_equal(unlink(path), 0);
	assert_true(keystore_stamp(&ks, &newest_s) != after);
}

/* A name that would write lines of its own is refused before anything is written. */
static void refuses_names_that_are_none(void **state)
{
	static const char *const names[] = { "", "nqn.a\nidentity 0", "nqn.a b", "a", "nqn." };
	struct keystore ks;

	(void)state;
	keystore_init(&ks, dir);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct key_entry subsys = entry(names[i], 9), host = entry("nqn.s", 9), *list;
		size_t count, before;

		assert_false(fault_is(keystore_list(&ks, &list, &before)));
		keystore_free_list(list, before);
		snprintf(host.hostnqn, sizeof(host.hostnqn), "%s", names[i]);
		assert_int_equal(keystore_insert(&ks, &subsys).code, EINVAL);
		assert_int_equal(keystore_insert(&ks, &host).code, EINVAL);
		assert_false(fault_is(keystore_list(&ks, &list, &count)));
		keystore_free_list(list, count);
		assert_int_equal(count, before);
	}
}

static void host_identity(void **state)
{
	struct host_identity a, b;
	struct keystore ks;

	(void)state;
	keystore_init(&ks, dir);
	assert_false(fault_is(hostid_load(
		&ks, "nqn.2014-08.org.nvmexpress:uuid:00000000-1111-2222-3333-444444444444", NULL,
		&a)));
	assert_int_equal(a.id[4], 0x11);
	assert_int_equal(a.id[15], 0x44);
	assert_false(fault_is(hostid_load(&ks, "nqn.plain", NULL, &a)));
	assert_false(fault_is(hostid_load(&ks, "nqn.plain", NULL, &b)));
	assert_memory_equal(a.id, b.id, 16);
	assert_false(fault_is(hostid_load(&ks, NULL, NULL, &a)));	/* made once, and kept */
	assert_false(fault_is(hostid_load(&ks, NULL, NULL, &b)));
	assert_string_equal(a.nqn, b.nqn);
	assert_memory_equal(a.id, b.id, 16);
	assert_true(fault_is(hostid_load(&ks, "no nqn", NULL, &a)));
	assert_true(fault_is(hostid_load(&ks, "nqn.x", "not-a-uuid", &a)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads_back),
		cmocka_unit_test(the_newest_wins),
		cmocka_unit_test(refuses_what_others_read),
		cmocka_unit_test(leaves_out_what_is_bad),
		cmocka_unit_test(leaves_out_what_is_no_file),
		cmocka_unit_test(takes_other_line_ends),
		cmocka_unit_test(many_bad_files),
		cmocka_unit_test(stamps),
		cmocka_unit_test(refuses_names_that_are_none),
		cmocka_unit_test(host_identity),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
