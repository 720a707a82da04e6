#pragma once
// How the groups of kubelet's tree lie in each other. The root of Guaranteed is kubepods itself, with the two other
// roots and the Guaranteed pods directly below it.

#include <vector>

#include "messages/model/knob.h"

namespace tideline::decide {

/// 0 for kubepods, 1 for the other roots, 2 for pods, 3 for containers. A group is deeper than any group above it.
int depth_of(const model::GroupRef& group);

/// Every group above this one, the nearest first.
std::vector<model::GroupRef> groups_above(const model::GroupRef& group);

/// Whether `group` is `top` or lies below it. A pod is known by its uid alone.
bool is_within(const model::GroupRef& group, const model::GroupRef& top);

}  // namespace tideline::decide
