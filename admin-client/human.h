#pragma once
// Quantities and foreign text for a terminal. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "messages/model/units.h"

namespace tideline::tidectl {

/// What the coordinator or a node said, harmless for a terminal: control characters, bytes that are no UTF-8 and
/// characters that reorder text become "?". One line.
std::string safe_text(std::string_view text);
/// Columns a text takes: one per character.
std::size_t width_of(std::string_view text);

/// "1.35"; nullopt gives "-".
std::string cores(std::optional<model::MilliCpu> cpu);
/// "3.2 GiB", "512 B"; nullopt gives "-".
std::string bytes(std::optional<model::Bytes> amount);
/// "12.5 %" of a ratio 0.125; nullopt gives "-".
std::string percent(std::optional<double> ratio);
/// "3m05s"; nullopt gives "-".
std::string age(std::optional<model::Duration> duration);

}  // namespace tideline::tidectl
