/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/std_files.h"
#include "daemon/control.h"

#define ASK_MS	   5000
#define READY_FD   3
#define ARGS_MAX   64
#define ANSWER_MAX 65536

const char *info_text(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ? json_object_get_string(v) : "";
}

uint64_t info_number(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ? json_object_get_uint64(v) : 0;
}

int hosts_error(const struct report *r, struct json_object *answer)
{
	struct json_object *o = NULL;
	struct nvmetls_error e;

	memset(&e, 0, sizeof(e));
	if (!json_object_object_get_ex(answer, "error", &o))
		return report_failed(r, "host-silent", "see the processes nvmetls-host",
				     "nvmetls-host gave no answer");
	snprintf(e.cause, sizeof(e.cause), "%s", info_text(o, "cause"));
	snprintf(e.message, sizeof(e.message), "%s", info_text(o, "message"));
	snprintf(e.hint, sizeof(e.hint), "%s", info_text(o, "hint"));
	e.err = (int)(int64_t)json_object_get_int64(json_object_object_get(o, "status"));
	return report_error(r, &e);
}

int hosts_ask(const struct report *r, struct hosts *ret)
{
	char why[256];

	memset(ret, 0, sizeof(*ret));
	if (run_dir_open(&ret->dir, false, why, sizeof(why)))
		return report_failed(r, "os-error", "set XDG_RUNTIME_DIR to a directory of your own",
				     "%s", why);
	ret->count = run_hosts(&ret->dir, ret->x, RUN_HOSTS_MAX);
	for (size_t i = 0; i < ret->count; i++)
		ret->info[i] = control_ask(&ret->dir, ret->x[i], "info", ASK_MS);
	return GO_ON;
}

void hosts_free(struct hosts *h)
{
	for (size_t i = 0; i < h->count; i++)
		json_object_put(h->info[i]);
}

const char *hosts_connected(const struct hosts *h, const struct address *a)
{
	for (size_t i = 0; i < h->count; i++) {
		struct json_object *o = h->info[i];

		if (o && strcmp(info_text(o, "subsysnqn"), a->nqn) == 0 &&
		    strcmp(info_text(o, "traddr"), a->traddr) == 0 &&
		    strcmp(info_text(o, "trsvcid"), a->trsvcid ? a->trsvcid : "4420") == 0 &&
		    (!a->hostnqn || strcmp(info_text(o, "hostnqn"), a->hostnqn) == 0))
			return info_text(o, "name");
	}
	return NULL;
}

/* ---- starting one ---- */

/* The next of the options in @set as "--name=value", until @argv is full. */
static size_t format_options(const struct opt_set *set, char **argv, size_t n)
{
	for (size_t i = 0; i < set->count && n < ARGS_MAX - 4; i++) {
		const struct opt *o = &set->opts[i];
		const char *at = (const char *)set->base + o->offset;
		uint64_t number;
		char *text;
		int rc = -1;

		if (o->kind == OPT_FLAG && *(const bool *)at)
			rc = asprintf(&argv[n], "--%s", o->name);
		if (o->kind == OPT_TEXT) {
			memcpy(&text, at, sizeof(text));
			/* a key goes through a pipe: others can see our arguments */
			if (text)
				rc = asprintf(&argv[n], "--%s=%s", o->name,
					      strcmp(o->name, "tls-key") == 0 ? "-" : text);
		}
		if (o->kind == OPT_NUMBER || o->kind == OPT_SIZE) {
			memcpy(&number, at, sizeof(number));
			/* what was not given may be out of range */
			if (number >= o->min)
				rc = asprintf(&argv[n], "--%s=%llu", o->name,
					      (unsigned long long)number);
		}
		if (o->kind == OPT_TIMEOUT) {
			memcpy(&number, at, sizeof(number));
			rc = asprintf(&argv[n], "--%s=%lld", o->name, (long long)number);
		}
		n += rc >= 0;
	}
	return n;
}

bool hosts_number(const char *device, unsigned int *ret)
{
	const char *name = strrchr(device, '/') ? strrchr(device, '/') + 1 : device;
	unsigned long x;
	char *end;

	if (strncmp(name, "nvme", 4) != 0 || name[4] < '0' || name[4] > '9')
		return false;
	x = strtoul(name + 4, &end, 10);
	if (*end == 'n' && end[1])
		end += 1 + strspn(end + 1, "0123456789");
	*ret = (unsigned int)x;
	return *end == '\0' && x < RUN_HOSTS_MAX;
}

/* Beside this program, in ../sbin, or somewhere in PATH. */
static void find_program(char *ret, size_t size)
{
	static const char *const places[] = { "/nvmetls-host", "/../sbin/nvmetls-host" };
	char dir[400];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	dir[n > 0 ? n : 0] = '\0';
	if (strrchr(dir, '/'))
		*strrchr(dir, '/') = '\0';
	for (size_t i = 0; n > 0 && i < 2; i++) {
		snprintf(ret, size, "%s%s", dir, places[i]);
		if (access(ret, X_OK) == 0)
			return;
	}
	snprintf(ret, size, "nvmetls-host");
}

static void become_host(char **argv, int ready, int key)
{
	int null = open("/dev/null", O_RDWR);
	char program[512];

	find_program(program, sizeof(program));
	setsid();
	dup2(key >= 0 ? key : null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);	/* standard error is ours until it has its log */
	if (ready == READY_FD)
		fcntl(ready, F_SETFD, 0);
	else
		dup2(ready, READY_FD);
	std_files_close_above(READY_FD); /* the caller's pipes and locks are not ours to keep */
	execvp(program, argv);
	dprintf(READY_FD, "{\"error\":{\"cause\":\"os-error\",\"message\":\"nvmetls-host: %s\","
			  "\"hint\":\"see that it is installed beside nvmetls\",\"status\":%d}}\n",
		strerror(errno), -errno);
	_exit(127);
}

/* The line that says how it went, within @timeout_ms. */
static struct json_object *read_answer(int fd, int timeout_ms)
{
	static char text[ANSWER_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len + 1 < sizeof(text) && !memchr(text, '\n', len)) {
		ssize_t n = poll(&p, 1, timeout_ms) == 1 ?
				    read(fd, text + len, sizeof(text) - 1 - len) :
				    0;

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return json_tokener_parse(text);
}

static size_t host_arguments(const struct address *a, bool loop, char **argv)
{
	struct address copy = *a;
	const struct opt_set set = OPTIONS_ADDRESS(&copy), back = OPTIONS_RECOVERY(&copy);
	size_t n = 0;

	argv[n++] = strdup("nvmetls-host");
	n = format_options(&set, argv, n);
	n = format_options(&back, argv, n);
	explicit_bzero(copy.key_text, sizeof(copy.key_text));
	if (loop)
		argv[n++] = strdup("--loop");
	argv[n++] = strdup("--log-file");
	if (asprintf(&argv[n], "--ready-fd=%d", READY_FD) >= 0)
		n++;
	argv[n] = NULL;
	return n;
}

int hosts_start(const struct report *r, const struct address *a, bool loop,
		struct json_object **ret)
{
	int wait_ms = (int)a->connect_timeout_s * 1000 + 30000;
	int ready[2], key[2] = { -1, -1 };
	char *argv[ARGS_MAX] = { NULL };
	size_t n = host_arguments(a, loop, argv);
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) != 0 || (a->tls_key && pipe2(key, O_CLOEXEC) != 0))
		return report_failed(r, "os-error", "", "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become_host(argv, ready[1], key[0]);
	interrupt_ends_child(pid);
	close(ready[1]);
	if (a->tls_key) {
		dprintf(key[1], "%s\n", a->key_text);
		close(key[0]);
		close(key[1]);
	}
	*ret = pid > 0 ? read_answer(ready[0], wait_ms) : NULL;
	interrupt_ends_child(0);
	close(ready[0]);
	for (size_t i = 0; i < n; i++)
		free(argv[i]);
	if (*ret && !json_object_object_get_ex(*ret, "error", NULL))
		return GO_ON;
	hosts_error(r, *ret);
	json_object_put(*ret);
	*ret = NULL;
	return EXIT_FAILED;
}
