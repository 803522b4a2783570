/* SPDX-License-Identifier: BSD-3-Clause */
/* print_identify - id-ctrl, id-ns, list-ns as nvme-cli 2.16 prints them. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "nvme/identify.h"

struct json_object;

void print_id_ctrl(FILE *to, const struct nvme_id_ctrl *id);
struct json_object *json_id_ctrl(const struct nvme_id_ctrl *id);
void print_id_ns(FILE *to, const struct nvme_id_ns *ns, uint32_t nsid);
struct json_object *json_id_ns(const struct nvme_id_ns *ns);
void print_list_ns(FILE *to, const struct nvme_ns_list *list);
struct json_object *json_list_ns(const struct nvme_ns_list *list);
