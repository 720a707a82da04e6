@0xc0a52d0b7e6f1a05;
# Wire form of messages/model/hands_off.h. Ordinals never change; new fields go at the end.

using Cxx = import "/capnp/c++.capnp";
using R = import "report.capnp";
$Cxx.namespace("tideline::schema");

struct HandsOff {
  group @0 :Text;            # cgroup relative to the tree's root; "" = the whole tree
  remainingMs @1 :R.OptInt;  # ms from the arrival; not known = until it is ended
  release @2 :Bool;          # put all originals back first
  who @3 :Text;
  reason @4 :Text;
}

struct HandsOffOrder {
  # All that is to be left alone on one node; replaces what was ordered before.
  number @0 :UInt64;         # rises with each order of one coordinator's term
  epoch @1 :UInt64;          # the coordinator's term
  entries @2 :List(HandsOff);
}
