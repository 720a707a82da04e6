#pragma once
// The annotation k8s::kAccountAnnotation: why a Node's extended resources are what they are, and which older names of
// batch's were written there, so that whoever comes after knows what to take away.

#include <cstddef>
#include <string>

#include "k8s-bridge/translate/batch_names.h"
#include "messages/model/reclaimed.h"

namespace tideline::publish {

/// JSON of the account's terms, its rules, age and policy version, and `older`; at most `max_bytes`, zones left out
/// first, then the terms. "" where not even the rules fit.
std::string account_annotation(const model::Reclaimed& account, std::size_t max_bytes,
                               const k8s::OlderNames& older = {});

/// Older names that such a text says were written. Anybody's text: one that cannot be read says none.
k8s::OlderNames older_names_in(const std::string& annotation);

}  // namespace tideline::publish
