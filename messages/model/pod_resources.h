#pragma once
// A pod's resources out of its containers'.

#include "messages/model/pod.h"

namespace tideline::model {

/// Fills what `pod.requests` and `pod.limits` do not have themselves: a request is the sum of the containers that ask,
/// a limit the sum of all containers' limits where each has one - a container without makes the pod unlimited.
/// Kubernetes: what kubelet writes into the cgroup of a pod.
void complete_resources(Pod& pod);

/// Adds what one container more asks for. What neither asks for stays absent.
void add(MidRequests& sum, const MidRequests& more);
/// Fills what `own` does not have itself.
void complete(MidRequests& own, const MidRequests& other);

}  // namespace tideline::model
