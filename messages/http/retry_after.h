#pragma once
// The header Retry-After.

#include <optional>
#include <string_view>

#include "messages/model/units.h"

namespace tideline::http {

/// In seconds, up to a day; its other form, a date, counts as absent.
std::optional<model::Duration> retry_after_from(std::string_view text);

}  // namespace tideline::http
