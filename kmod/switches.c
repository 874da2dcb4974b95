// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the administrator switches on and off while programs use their ports: the parameters
 * "rings", "histograms" and "late_packet_ms".  They are written one at a time.
 *
 * While packets are counted no ring is open: so the packets of programs are seen, too, that did
 * not call the module before.
 */
#include "histogram.h"
#include "ring.h"

#include <linux/moduleparam.h>

static bool rings = true;
static bool histograms;
static unsigned int late_packet_ms;

static void switches_apply(void)
{
	sockiocp_histogram_switch(histograms, late_packet_ms);
	sockiocp_ring_allow(rings && !histograms && !late_packet_ms);
}

static int switches_set_bool(const char *value, const struct kernel_param *param)
{
	int error = param_set_bool(value, param);

	if (!error)
		switches_apply();
	return error;
}

static int switches_set_uint(const char *value, const struct kernel_param *param)
{
	int error = param_set_uint(value, param);

	if (!error)
		switches_apply();
	return error;
}

static const struct kernel_param_ops switches_bool_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = switches_set_bool,
	.get = param_get_bool,
};

static const struct kernel_param_ops switches_uint_ops = {
	.set = switches_set_uint,
	.get = param_get_uint,
};

module_param_cb(rings, &switches_bool_ops, &rings, 0644);
__MODULE_PARM_TYPE(rings, "bool");
MODULE_PARM_DESC(rings, "May programs post to themselves without a system call?");

module_param_cb(histograms, &switches_bool_ops, &histograms, 0644);
__MODULE_PARM_TYPE(histograms, "bool");
MODULE_PARM_DESC(histograms,
		 "Count packets per call and times in the queue, for sockiocpctl histograms");

module_param_cb(late_packet_ms, &switches_uint_ops, &late_packet_ms, 0644);
__MODULE_PARM_TYPE(late_packet_ms, "uint");
MODULE_PARM_DESC(late_packet_ms,
		 "Tell who listens of packets that were queued for so long (default: 0, never)");
