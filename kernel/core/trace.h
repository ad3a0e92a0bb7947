/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events of the core: the way of a job, faults and resets. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM halyard

#if !defined(HALYARD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HALYARD_TRACE_H

#include <linux/tracepoint.h>

#include "queue.h"

DECLARE_EVENT_CLASS(halyard_job,
		    TP_PROTO(struct halyard_job_core *job),
		    TP_ARGS(job),
		    TP_STRUCT__entry(__string(dev, dev_name(job->job.queue->hdev->dev))
				     __field(u64, client)
				     __field(u32, queue)
				     __field(u64, context)
				     __field(u64, seqno)
				     __field(int, error)),
		    TP_fast_assign(__assign_str(dev);
				   __entry->client = halyard_job_queue(job)->client_id;
				   __entry->queue = job->job.queue->hw_id;
				   __entry->context = halyard_job_queue(job)->fence_context;
				   __entry->seqno = job->job.seqno;
				   __entry->error = job->fence.error;),
		    TP_printk("dev=%s client=%llu queue=%u context=%llu job=%llu error=%d",
			      __get_str(dev), __entry->client, __entry->queue, __entry->context,
			      __entry->seqno, __entry->error)
);

/* Accepted by SUBMIT. */
DEFINE_EVENT(halyard_job, halyard_job_submit,
	     TP_PROTO(struct halyard_job_core *job),
	     TP_ARGS(job)
);

/* Given to the device. */
DEFINE_EVENT(halyard_job, halyard_job_run,
	     TP_PROTO(struct halyard_job_core *job),
	     TP_ARGS(job)
);

/* Its fence is about to be signalled. */
DEFINE_EVENT(halyard_job, halyard_job_done,
	     TP_PROTO(struct halyard_job_core *job),
	     TP_ARGS(job)
);

TRACE_EVENT(halyard_queue_fault,
	    TP_PROTO(struct halyard_queue *queue, u64 seqno, const struct halyard_fault *fault),
	    TP_ARGS(queue, seqno, fault),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->hdev->dev))
			     __field(u32, queue)
			     __field(u64, seqno)
			     __field(u32, cause)
			     __field(int, error)
			     __field(u64, address)
			     __field(bool, write)
			     __field(u32, command)
			     __field(u32, tag)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hw_id;
			   __entry->seqno = seqno;
			   __entry->cause = fault->cause;
			   __entry->error = fault->error;
			   __entry->address = fault->address;
			   __entry->write = fault->write;
			   __entry->command = fault->command;
			   __entry->tag = fault->tag;),
	    TP_printk("dev=%s queue=%u job=%llu cause=%u error=%d %s=%#llx command=%u tag=%#x",
		      __get_str(dev), __entry->queue, __entry->seqno, __entry->cause,
		      __entry->error, __entry->write ? "write" : "read", __entry->address,
		      __entry->command, __entry->tag)
);

TRACE_EVENT(halyard_reset,
	    TP_PROTO(struct halyard_device *hdev, enum halyard_reset_level level, int result),
	    TP_ARGS(hdev, level, result),
	    TP_STRUCT__entry(__string(dev, dev_name(hdev->dev))
			     __field(u32, level)
			     __field(int, result)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->level = level;
			   __entry->result = result;),
	    TP_printk("dev=%s level=%s result=%d", __get_str(dev),
		      __print_symbolic(__entry->level,
				       { HALYARD_RESET_QUEUE, "queue" },
				       { HALYARD_RESET_ENGINE, "engine" },
				       { HALYARD_RESET_DEVICE, "device" },
				       { HALYARD_RESET_FUNCTION, "function" }),
		      __entry->result)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
