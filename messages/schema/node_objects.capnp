@0xc0a52d0b7e6f1a07;
# Wire form of messages/model/node_objects.h. Ordinals never change; new fields go at the end.

using Cxx = import "/capnp/c++.capnp";
using R = import "report.capnp";
$Cxx.namespace("tideline::schema");

struct NodeObjects {
  # What Kubernetes has of one node and the pods bound to it; replaces the set before it whole.
  number @0 :UInt64;              # rises with each change within a coordinator's term
  epoch @1 :UInt64;               # the coordinator's term
  labels @2 :List(R.Label);
  annotations @3 :List(R.Label);  # those that Tideline reads
  cpuAllocatable @4 :R.OptInt;    # millicores; not known = as the node says itself
  memoryAllocatable @5 :R.OptInt; # bytes; likewise
  pods @6 :List(R.Pod);           # ended ones too
}
