/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/identify.h"

#include <string.h>

void nvme_id_string_set(char *field, size_t size, const char *text)
{
	size_t len = strnlen(text, size);

	memcpy(field, text, len);
	memset(field + len, ' ', size - len);
}

const char *nvme_id_string_get(char *dst, size_t dst_size, const char *field, size_t size)
{
	size_t len = strnlen(field, size);

	assert(dst_size > size);
	while (len > 0 && field[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++)
		dst[i] = field[i] >= ' ' && field[i] <= '~' ? field[i] : '?';
	dst[len] = '\0';
	return dst;
}

size_t nvme_ns_id_desc_add(uint8_t *list, size_t used, enum nvme_ns_nidt nidt, const void *nid,
			   uint8_t nidl)
{
	struct nvme_ns_id_desc *desc = (struct nvme_ns_id_desc *)(list + used);

	assert(used + sizeof(*desc) + nidl <= 4096);
	*desc = (struct nvme_ns_id_desc){ .nidt = (uint8_t)nidt, .nidl = nidl };
	memcpy(list + used + sizeof(*desc), nid, nidl);
	return used + sizeof(*desc) + nidl;
}
