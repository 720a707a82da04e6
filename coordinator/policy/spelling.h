#pragma once
// Helps a person who mistyped a name.

#include <string>
#include <string_view>
#include <vector>

namespace tideline::policy {

/// The known name closest to `name`: equal but for case, or at most two edits away; "" if none is.
std::string closest(std::string_view name, const std::vector<std::string_view>& known);

/// `; did you mean "x"?`, or "" without a close name.
std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace tideline::policy
