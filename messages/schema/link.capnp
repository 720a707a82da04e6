@0xc0a52d0b7e6f1a03;
# The node link: RPC between tideline-node and tideline-coordinator over mutual TLS. The node's certificate carries the
# DNS SAN <node>.node.tideline, checked against the name it registers. Ordinals never change.

using Cxx = import "/capnp/c++.capnp";
using Report = import "report.capnp".Report;
using NodePolicy = import "policy.capnp".NodePolicy;
using HandsOffOrder = import "hands_off.capnp".HandsOffOrder;
using NodeObjects = import "node_objects.capnp".NodeObjects;
using E = import "eviction.capnp";
$Cxx.namespace("tideline::schema");

struct Hello {
  node @0 :Text;
  incarnation @1 :UInt64;
  protocol @2 :UInt32;       # link protocol version of the node; this file is 1
  agentVersion @3 :Text;
  monoNs @4 :Int64;          # ns, sender's monotonic clock now
  wallMs @5 :Int64;          # ms since the epoch, sender's wall clock now
}

struct Welcome {
  session @0 :NodeSession;
  protocol @1 :UInt32;
  epoch @2 :UInt64;              # the coordinator's term
  heartbeatMs @3 :UInt32;        # ms: about the longest time the node sends neither a heartbeat nor a report
  deadlineMs @4 :UInt32;         # ms of silence after which either end closes
  ackedThrough @5 :UInt64;       # highest seq of this incarnation below which all are durable; 0 = none
  keepsPods @6 :Bool;            # a report may leave its pods out (Report.podList) once the one that has them was acked
}

interface Coordinator {
  # The bootstrap capability of the node port.
  enroll @0 (hello :Hello, agent :NodeAgent) -> (welcome :Welcome);
}

interface NodeSession {
  # Returns when the report is durable, with what the node may promise to batch as the ledger has it by then; null = the
  # ledger has no account of the node yet.
  report @0 (report :Report) -> (seq :UInt64, batch :E.BatchAllocatable);
  heartbeat @1 (monoNs :Int64, wallMs :Int64) -> ();
  evict @2 (ask :E.EvictionAsk) -> (answer :E.EvictionAnswer);   # returns when what is granted is remembered for good
}

interface NodeAgent {
  setPolicy @0 (policy :NodePolicy) -> (appliedVersion :UInt64, problem :Text);  # problem "" = applied
  setReportInterval @1 (intervalMs :UInt32, forMs :UInt32) -> ();                # while someone watches
  setHandsOff @2 (order :HandsOffOrder) -> (problem :Text);                      # problem "" = obeyed from now on
  setObjects @3 (objects :NodeObjects) -> (problem :Text);                       # problem "" = the node's from now on
}
