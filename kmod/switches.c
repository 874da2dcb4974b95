// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the administrator switches on and off while programs use their ports: the parameters
 * "rings", "histograms" and "late_packet_ms".
 *
 * Each may mean that no ring is to be open, and all that are open are shut then: so who switches
 * histograms on sees the packets of programs, too, that did not call the module before.  They
 * are written one at a time.
 */
#include "histogram.h"
#include "ring.h"

#include <linux/moduleparam.h>

static bool rings = true;
static bool histograms;
static unsigned int late_packet_ms;

static int switches_set_rings(const char *value, const struct kernel_param *param)
{
	int error = param_set_bool(value, param);

	if (!error)
		sockiocp_ring_allow(rings);
	return error;
}

static void switches_count(void)
{
	sockiocp_histogram_switch(histograms, late_packet_ms);
	sockiocp_ring_shut_all();
}

static int switches_set_histograms(const char *value, const struct kernel_param *param)
{
	int error = param_set_bool(value, param);

	if (!error)
		switches_count();
	return error;
}

static int switches_set_late_packet_ms(const char *value, const struct kernel_param *param)
{
	int error = param_set_uint(value, param);

	if (!error)
		switches_count();
	return error;
}

static const struct kernel_param_ops switches_rings_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = switches_set_rings,
	.get = param_get_bool,
};

static const struct kernel_param_ops switches_histograms_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = switches_set_histograms,
	.get = param_get_bool,
};

static const struct kernel_param_ops switches_late_packet_ms_ops = {
	.set = switches_set_late_packet_ms,
	.get = param_get_uint,
};

module_param_cb(rings, &switches_rings_ops, &rings, 0644);
__MODULE_PARM_TYPE(rings, "bool");
MODULE_PARM_DESC(rings, "May programs post to themselves without a system call?");

module_param_cb(histograms, &switches_histograms_ops, &histograms, 0644);
__MODULE_PARM_TYPE(histograms, "bool");
MODULE_PARM_DESC(histograms,
		 "Count packets per call and times in the queue, for sockiocpctl histograms");

module_param_cb(late_packet_ms, &switches_late_packet_ms_ops, &late_packet_ms, 0644);
__MODULE_PARM_TYPE(late_packet_ms, "uint");
MODULE_PARM_DESC(late_packet_ms,
		 "Tell who listens of packets that were queued for so long (default: 0, never)");
