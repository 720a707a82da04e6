#pragma once
// Whole files of people's making: certificates, lists of names.

#include <string>

#include "messages/model/result.h"

namespace tideline::link {

/// kNotFound, kPermissionDenied, or kInvalidArgument for all else, over 1 MiB included. `what` begins the error's text,
/// the path follows.
model::Result<std::string> read_small_file(const std::string& what, const std::string& path);

}  // namespace tideline::link
