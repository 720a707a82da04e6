#pragma once
// Which CPUs of a host a piece of BE work is put on, so that LS feels it least. Knows hardware threads, cores,
// last-level cache domains, NUMA nodes and packages; no kernel interface is behind it.
//
// BE is packed: whole cores, then whole cache domains, one after the other. Koordinator deals its choice round-robin
// over the NUMA nodes. Packed is better for LS: batch evicts its neighbours' cache lines and takes their memory
// bandwidth, and packed it has few neighbours; the other cache domains and nodes stay whole. What it costs is BE's own:
// it competes with itself for one node's bandwidth first. Whole cores for the same reason: SMT threads share a core's
// units, so that a core with BE on one thread is half a core for the LS on the other.

#include "messages/model/cpu_set.h"
#include "messages/model/topology.h"

namespace tideline::decide {

struct PickRequest {
  model::CpuSet allowed;   // those not in the topology (offline) are never taken
  model::CpuSet previous;  // the last choice
  model::CpuSet bound;     // others are bound to these: their SMT siblings are taken last, their cache domains late
  model::CpuSet beside;    // the same work has these already: near them is better than far
  int count = 0;
};

/// `count` of the allowed CPUs, or all of them if they are fewer. Same input, same answer.
///
/// In this order:
/// 1. No sibling of a bound CPU while there is another CPU.
/// 2. Sticky: previous CPUs stay. Where only the count changes, by k, exactly k CPUs change. The choice may therefore
/// be
///    spread wider than a fresh one after `allowed` has changed; it tightens as the count moves.
/// 3. More: cores begun already, then the cache domain, NUMA node and package that has most of the work, then the
/// domain
///    with fewest bound CPUs, the one with most room, the lowest number. Whole cores before parts of cores.
/// 4. Fewer: the cache domain with least of the work is cleared first, parts of cores before whole ones.
model::CpuSet pick_cpus(const model::Topology& topology, const PickRequest& request);

/// The CPUs that share a core with one of `cpus` and are not in it.
model::CpuSet siblings_of(const model::Topology& topology, const model::CpuSet& cpus);

}  // namespace tideline::decide
