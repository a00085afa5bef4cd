import { performance } from 'node:perf_hooks';
import type { AddMetric } from './serving-metrics.js';

/** Memory and processor time of this process, by the names that Prometheus' clients agree on. */
export function processMetrics(counter: AddMetric, gauge: AddMetric): void {
  const startSeconds = Date.now() / 1_000 - process.uptime();
  counter('process_cpu_seconds_total', 'Processor time of user and system, in seconds', [], () => {
    const { user, system } = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  });
  gauge('process_resident_memory_bytes', 'Resident memory', [], () => [[{}, process.memoryUsage.rss()]]);
  gauge('nodejs_heap_size_used_bytes', "Used memory of JavaScript's heap", [], () => [[{}, process.memoryUsage().heapUsed]]);
  gauge('process_start_time_seconds', 'When the process was started, in seconds since 1970', [], () => [[{}, startSeconds]]);
  let before = performance.eventLoopUtilization();
  gauge('nodejs_eventloop_utilization', 'Share of the time since the last look in which the event loop was busy', [], () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return [[{}, utilization]];
  });
}
