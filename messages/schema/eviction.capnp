@0xc0a52d0b7e6f1a06;
# Wire form of messages/model/eviction.h. Ordinals never change; new fields go at the end.

using Cxx = import "/capnp/c++.capnp";
using R = import "report.capnp";
$Cxx.namespace("tideline::schema");

enum EvictionUrgency { batch @0; services @1; }

struct EvictionRequest {
  id @0 :Text;               # the same for each ask of the same eviction
  uid @1 :Text;              # of the pod
  namespace @2 :Text;
  name @3 :Text;
  workload @4 :Text;         # "kind/name" of the owner; "" = not known
  group @5 :Text;            # cgroup relative to the tree's root
  reason @6 :UInt16;         # model::Reason: what triggers it
  urgency @7 :EvictionUrgency;
}

struct EvictionAsk {
  seen @0 :UInt64;           # highest coordinator's term that the node has seen
  requests @1 :List(EvictionRequest);
  throughApi @2 :Bool;       # what is granted the coordinator evicts through the Kubernetes API
}

enum EvictionVerdictKind { granted @0; deferred @1; refused @2; underWay @3; evicted @4; }

struct EvictionVerdict {
  id @0 :Text;
  kind @1 :EvictionVerdictKind;
  reason @2 :UInt16;         # model::Reason
  why @3 :Text;
  retryAfterMs @4 :UInt32;   # ms; of deferred and underWay
}

struct EvictionAnswer {
  epoch @0 :UInt64;          # the coordinator's term
  verdicts @1 :List(EvictionVerdict);
}

struct BatchAllocatable {
  cpu @0 :R.OptInt;          # millicores of kubernetes.io/batch-cpu; not known = none is to be counted on
  ageMs @1 :UInt64;          # ms, of the report it rests on
  memory @2 :R.OptInt;       # bytes of kubernetes.io/batch-memory; not known as cpu, and of a sender that does not tell it
}
