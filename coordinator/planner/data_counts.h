#pragma once
// How often something had to be made of the data on its way into the planner, and the sentences that say so.

#include <cstdint>
#include <string>
#include <vector>

namespace tideline::planner {

struct DataCounts {
  std::uint64_t filled = 0;           // steps of a gap in what is known of CPU
  std::uint64_t hosts = 0;            // host series taken as a workload
  std::uint64_t without_use = 0;      // series that say what they request alone
  std::uint64_t without_request = 0;  // series that do not say it
  std::uint64_t batch = 0;            // series of QoS BE that are left out
  std::uint64_t empty = 0;            // series that say neither
  std::uint64_t beyond = 0;           // values above what any host has
  std::uint64_t task_services = 0;    // tasks of another QoS than BE
  std::uint64_t task_endless = 0;     // tasks without an end, or none after their begin
  std::uint64_t task_unasked = 0;     // tasks without a request of CPU, or an instance
  // Of exports of history.
  std::uint64_t owners = 0;          // series of workloads, passed over
  std::uint64_t owners_taken = 0;    // ... taken, as there are no pods
  std::uint64_t foreign = 0;         // series of other names
  std::uint64_t hostless = 0;        // series of hosts that there is nothing of
  std::uint64_t batch_pods = 0;      // pods of QoS BE, taken as tasks
  std::uint64_t batch_unasked = 0;   // ... that are none
  std::uint64_t memory_unknown = 0;  // host-steps without a known use of memory
  std::uint64_t cpu_assumed = 0;     // hosts that do not tell how much CPU they have
  std::uint64_t memory_assumed = 0;  // ... how much memory
  void add(const DataCounts& other);
  friend bool operator==(const DataCounts&, const DataCounts&) = default;
};

/// visit(key in files, the sentence behind the number, count) for every one, in the order of notes.
template <class Visit, class Counts>
void counts_fields(Visit&& visit, Counts& counts) {
  visit("filled", "steps without a value, in gaps of up to three, have the value before them.", counts.filled);
  visit("hosts", "host series are taken as one workload each that requests its host's capacity.", counts.hosts);
  visit("withoutUse", "series tell no use of CPU, and are taken to use what they request.", counts.without_use);
  visit("withoutRequest", "series tell no request of CPU, and are taken to request the most that they used.",
        counts.without_request);
  visit("batch", "series are of QoS BE, which is batch and no service: they are left out.", counts.batch);
  visit("empty", "series have neither use nor request of CPU in the range: they are left out.", counts.empty);
  visit("beyond", "values are beyond what any host has, and are taken as not known.", counts.beyond);
  visit("taskServices", "tasks are of another QoS than BE, and are no batch work: they are left out.",
        counts.task_services);
  visit("taskEndless", "tasks have no end after their begin: they are left out.", counts.task_endless);
  visit("taskUnasked", "tasks request no CPU, more than any host has, or no instance: they are left out.",
        counts.task_unasked);
  visit("owners", "series of workloads are passed over: they are the sums of pods that are here one by one.",
        counts.owners);
  visit("ownersTaken", "series are of a workload's pods on a host together, each taken as one: there are no pods.",
        counts.owners_taken);
  visit("foreign", "series have names that history does not give: they are left out.", counts.foreign);
  visit("hostless", "series are of hosts that nothing else is told of: they are left out.", counts.hostless);
  visit("batchPods",
        "pods are of QoS BE, which is batch work as it was recorded, and no service: each is a task from its first "
        "step to its last that asks for the most that it requested.",
        counts.batch_pods);
  visit("batchUnasked", "pods of QoS BE neither request nor use CPU, or more than any host has: they are no task.",
        counts.batch_unasked);
  visit("memoryUnknown", "host-steps do not say what memory is used: no memory is offered while that is so.",
        counts.memory_unknown);
  visit("cpuAssumed",
        "hosts do not tell how much CPU they have, and are taken to have the most that was used of it: how full they "
        "were is not known.",
        counts.cpu_assumed);
  visit("memoryAssumed",
        "hosts do not tell how much memory they have, and are taken to have the most that was used of it: how full "
        "they were is not known.",
        counts.memory_assumed);
}

/// One for each that there is.
std::vector<std::string> notes_of(const DataCounts& counts);

}  // namespace tideline::planner
