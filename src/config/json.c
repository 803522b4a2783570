/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json - the object tree from what `nvmetcli save` writes (json-c does the parsing).
 *
 * An object's members are attributes, groups of attributes ("addr": {"traddr": ...} is
 * addr_traddr), lists of child objects, or lists of links. Three levels deep, no recursion.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "config/attrs.h"
#include "config/json_line.h"
#include "config/tree.h"
#include "nvme/fabrics.h"

struct reading {
	struct cfg_tree *tree;
	struct cfg_error *err;
};

static bool mistake(struct reading *r, const char *where, const char *what)
{
	snprintf(r->err->where, sizeof(r->err->where), "%s", where);
	snprintf(r->err->what, sizeof(r->err->what), "%s", what);
	return false;
}

static bool set_attr(struct reading *r, enum cfg_object object, void *ptr, const char *where,
		     const char *name, struct json_object *value)
{
	char what[320], path[CFG_NQN_MAX + 160];

	if (json_object_is_type(value, json_type_null))
		return true;
	snprintf(path, sizeof(path), "%s.%s", where, name);
	switch (cfg_attr_set(object, ptr, name, json_object_get_string(value), what,
			     sizeof(what))) {
	case CFG_ATTR_GOOD:
		return true;
	case CFG_ATTR_NO_EFFECT:
		cfg_warn(r->tree, path, "%s", what);
		return true;
	default:
		return mistake(r, path, what);
	}
}

/* The members of @obj but those in @skip (lists with a reader of their own). */
static bool read_attrs(struct reading *r, enum cfg_object object, void *ptr, const char *where,
		       struct json_object *obj, const char *const *skip)
{
	json_object_object_foreach(obj, name, value) {
		char full[128];
		bool skipped = false;

		for (int i = 0; skip[i]; i++)
			skipped |= strcmp(skip[i], name) == 0;
		if (skipped)
			continue;
		if (!json_object_is_type(value, json_type_object)) {
			if (!set_attr(r, object, ptr, where, name, value))
				return false;
			continue;
		}
		json_object_object_foreach(value, sub, subvalue) {
			snprintf(full, sizeof(full), "%.50s_%.50s", name, sub);
			if (!set_attr(r, object, ptr, where, full, subvalue))
				return false;
		}
	}
	return true;
}

/* A member that must be a list, or absent. Returns its length; *ret_list may be NULL. */
static bool get_list(struct reading *r, const char *where, struct json_object *obj,
		     const char *name, struct json_object **ret_list, size_t *ret_len)
{
	char path[192];

	*ret_list = NULL;
	*ret_len = 0;
	if (!json_object_object_get_ex(obj, name, ret_list) || !*ret_list)
		return true;
	if (json_object_is_type(*ret_list, json_type_array)) {
		*ret_len = json_object_array_length(*ret_list);
		return true;
	}
	snprintf(path, sizeof(path), "%s%s%s", where, where[0] ? "." : "", name);
	return mistake(r, path, "wants a list");
}

/* A list of NQNs, each handed to @add. */
static bool read_links(struct reading *r, const char *where, struct json_object *obj,
		       const char *name, void *ptr, bool (*add)(void *ptr, const char *nqn))
{
	struct json_object *list, *item;
	char path[192];
	size_t n;

	if (!get_list(r, where, obj, name, &list, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		item = json_object_array_get_idx(list, i);
		snprintf(path, sizeof(path), "%s.%s[%zu]", where, name, i);
		if (!json_object_is_type(item, json_type_string) ||
		    json_object_get_string_len(item) >= CFG_NQN_MAX)
			return mistake(r, path, "wants an NQN");
		if (!add(ptr, json_object_get_string(item)))
			return mistake(r, path, "out of memory");
	}
	return true;
}

static bool add_allowed_host(void *ptr, const char *nqn)
{
	return cfg_allow_host(ptr, nqn);
}

static bool add_link(void *ptr, const char *nqn)
{
	return cfg_link(ptr, nqn);
}

static bool read_host(struct reading *r, const char *where, struct json_object *obj)
{
	static const char *const none[] = { NULL };
	struct cfg_host *h = cfg_add_host(r->tree, "");

	return h ? read_attrs(r, CFG_HOST, h, where, obj, none) : mistake(r, where, "out of memory");
}

static bool read_namespaces(struct reading *r, struct cfg_subsys *s, const char *where,
			    struct json_object *obj)
{
	static const char *const none[] = { NULL };
	struct json_object *list, *item;
	struct cfg_namespace *n;
	char path[192];
	size_t len;

	if (!get_list(r, where, obj, "namespaces", &list, &len))
		return false;
	for (size_t i = 0; i < len; i++) {
		item = json_object_array_get_idx(list, i);
		snprintf(path, sizeof(path), "%.100s.namespaces[%zu]", where, i);
		if (!json_object_is_type(item, json_type_object))
			return mistake(r, path, "wants an object");
		n = cfg_add_namespace(s);
		if (!n)
			return mistake(r, path, "out of memory");
		if (!read_attrs(r, CFG_NAMESPACE, n, path, item, none))
			return false;
	}
	return true;
}

/* One of a list of objects that have no place in the tree: read, so that it can be judged. */
static bool read_item(struct reading *r, enum cfg_object object, void *ptr, const char *where,
		      struct json_object *item)
{
	static const char *const none[] = { NULL };

	if (!json_object_is_type(item, json_type_object))
		return mistake(r, where, "wants an object");
	return read_attrs(r, object, ptr, where, item, none);
}

/* A list of one, as newer nvmetcli saves it. Not enabled it does nothing on Linux either. */
static bool read_passthru(struct reading *r, const char *where, struct json_object *obj)
{
	struct json_object *list;
	char path[192];
	size_t n;

	if (!get_list(r, where, obj, "passthru", &list, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct cfg_passthru p = { .device_path = "" };

		snprintf(path, sizeof(path), "%.100s.passthru[%zu]", where, i);
		if (!read_item(r, CFG_PASSTHRU, &p, path, json_object_array_get_idx(list, i)))
			return false;
		if (p.device_path[0])
			cfg_warn(r->tree, path, "passthru is not supported; %.200s is not exported",
				 p.device_path);
	}
	return true;
}

/*
 * There is one group, in the optimized state. Others are empty, as namespaces are of group 1; group 1
 * in another state is what hosts would have to be told.
 */
static bool read_ana_groups(struct reading *r, const char *where, struct json_object *obj)
{
	struct json_object *list;
	char path[192];
	size_t n;

	if (!get_list(r, where, obj, "ana_groups", &list, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct cfg_ana_group g = { .grpid = 1, .ana_state = "optimized" };

		snprintf(path, sizeof(path), "%.100s.ana_groups[%zu]", where, i);
		if (!read_item(r, CFG_ANA_GROUP, &g, path, json_object_array_get_idx(list, i)))
			return false;
		snprintf(path, sizeof(path), "%.100s.ana_groups[%zu].ana_state", where, i);
		if (g.grpid == 1 && strcmp(g.ana_state, "optimized") != 0)
			return mistake(r, path, "ANA states are not supported; group 1 is \"optimized\"");
	}
	return true;
}

/* Referrals that are not enabled are told to nobody on Linux either. */
static bool read_referrals(struct reading *r, const char *where, struct json_object *obj)
{
	struct json_object *list, *item, *enable;
	char path[192];
	size_t n;

	if (!get_list(r, where, obj, "referrals", &list, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		item = json_object_array_get_idx(list, i);
		snprintf(path, sizeof(path), "%.100s.referrals[%zu]", where, i);
		if (!json_object_is_type(item, json_type_object))
			return mistake(r, path, "wants an object");
		if (!json_object_object_get_ex(item, "enable", &enable) ||
		    json_object_get_int(enable) != 0)
			return mistake(r, path, "referrals are not supported; remove it");
	}
	return true;
}

static bool read_subsys(struct reading *r, const char *where, struct json_object *obj)
{
	static const char *const lists[] = { "namespaces", "allowed_hosts", "passthru", NULL };
	struct cfg_subsys *s = cfg_add_subsys(r->tree, "");

	if (!s)
		return mistake(r, where, "out of memory");
	return read_attrs(r, CFG_SUBSYS, s, where, obj, lists) &&
	       read_links(r, where, obj, "allowed_hosts", s, add_allowed_host) &&
	       read_namespaces(r, s, where, obj) && read_passthru(r, where, obj);
}

static bool read_port(struct reading *r, const char *where, struct json_object *obj)
{
	static const char *const lists[] = { "subsystems", "referrals", "ana_groups", NULL };
	struct cfg_port *p = cfg_add_port(r->tree);

	if (!p)
		return mistake(r, where, "out of memory");
	return read_attrs(r, CFG_PORT, p, where, obj, lists) &&
	       read_links(r, where, obj, "subsystems", p, add_link) &&
	       read_ana_groups(r, where, obj) && read_referrals(r, where, obj);
}

static bool read_objects(struct reading *r, struct json_object *root)
{
	static const struct {
		const char *name;
		bool (*read)(struct reading *r, const char *where, struct json_object *obj);
	} kinds[] = { { "hosts", read_host }, { "subsystems", read_subsys }, { "ports", read_port } };
	struct json_object *list, *item;
	char path[64];
	size_t n;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (!get_list(r, "", root, kinds[k].name, &list, &n))
			return false;
		for (size_t i = 0; i < n; i++) {
			item = json_object_array_get_idx(list, i);
			snprintf(path, sizeof(path), "%s[%zu]", kinds[k].name, i);
			if (!json_object_is_type(item, json_type_object))
				return mistake(r, path, "wants an object");
			if (!kinds[k].read(r, path, item))
				return false;
		}
	}
	return true;
}

/* Newer kernels can give the discovery subsystem a name of its own. */
static bool check_discovery(struct reading *r, struct json_object *obj)
{
	struct json_object *nqn;

	if (json_object_is_type(obj, json_type_object) &&
	    json_object_object_get_ex(obj, "nqn", &nqn) && json_object_get_string(nqn) &&
	    strcmp(json_object_get_string(nqn), NVME_DISC_SUBSYS_NAME) != 0)
		return mistake(r, "discovery.nqn", "the discovery subsystem has its well-known name here");
	return true;
}

/* Members of the top level that are none of ours: a typo must not lose a whole list. */
static bool check_top(struct reading *r, struct json_object *root)
{
	json_object_object_foreach(root, name, value) {
		if (strcmp(name, "discovery") == 0) {
			if (!check_discovery(r, value))
				return false;
		} else if (strcmp(name, "hosts") && strcmp(name, "subsystems") &&
			   strcmp(name, "ports")) {
			return mistake(r, name, "not one of \"hosts\", \"subsystems\", \"ports\"");
		}
	}
	return true;
}

/* nvmet links a subsystem to host objects: a name that none of them has is a slip of the pen. */
static bool check_allowed_hosts(struct reading *r)
{
	const struct cfg_tree *t = r->tree;

	for (size_t i = 0; i < t->subsys_count; i++)
		for (size_t k = 0; k < t->subsystems[i].allowed_host_count; k++) {
			const char *nqn = t->subsystems[i].allowed_hosts[k];
			char path[80], what[320];
			bool there = false;

			for (size_t h = 0; h < t->host_count; h++)
				there |= strcmp(t->hosts[h].nqn, nqn) == 0;
			if (there)
				continue;
			snprintf(path, sizeof(path), "subsystems[%zu].allowed_hosts[%zu]", i, k);
			snprintf(what, sizeof(what), "there is no host %.223s; add it to \"hosts\"",
				 nqn);
			return mistake(r, path, what);
		}
	return true;
}

static struct json_object *parse_text(const char *text, size_t len, struct cfg_error *err)
{
	struct json_tokener *tok = json_tokener_new_ex(16);
	struct json_object *root = NULL;
	enum json_tokener_error why = json_tokener_error_size;
	size_t at = 0;

	if (tok && len < INT32_MAX) {
		root = json_tokener_parse_ex(tok, text, (int)len);
		why = json_tokener_get_error(tok);
		at = json_tokener_get_parse_end(tok);
	}
	if (tok)
		json_tokener_free(tok);
	if (root && why == json_tokener_success && json_object_is_type(root, json_type_object) &&
	    strspn(text + at, " \t\r\n") == len - at)
		return root;
	err->line = json_line_at(text, at < len ? at : len);
	snprintf(err->what, sizeof(err->what), "not JSON as nvmetcli saves it: %s",
		 why == json_tokener_success ? "one object is wanted" : json_tokener_error_desc(why));
	json_object_put(root);
	return NULL;
}

bool cfg_from_json(struct cfg_tree *t, const char *text, size_t len, struct cfg_error *err)
{
	struct reading r = { .tree = t, .err = err };
	struct json_object *root;
	bool good;

	memset(err, 0, sizeof(*err));
	root = parse_text(text, len, err);
	if (!root)
		return false;
	good = check_top(&r, root) && read_objects(&r, root) && cfg_check(t, err) &&
	       check_allowed_hosts(&r);
	json_object_put(root);
	for (size_t i = 0; good && i < t->warning_count; i++)
		t->warnings[i].line = json_line_of(text, len, t->warnings[i].where);
	if (!good) {
		err->line = json_line_of(text, len, err->where);
		cfg_free(t);
	}
	return good;
}
