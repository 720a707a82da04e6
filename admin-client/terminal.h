#pragma once
// What the output goes to.

#include <cstddef>
#include <optional>

namespace tideline::tidectl {

struct Terminal {
  bool is_tty = false;
  bool utf8 = false;
  bool color = false;
  std::size_t width = 100;
  bool progress = false;  // stderr is a terminal that a line can be drawn over on
};

/// From stdout, LC_ALL / LC_CTYPE / LANG, NO_COLOR, TERM and COLUMNS.
Terminal terminal_of_stdout();

}  // namespace tideline::tidectl
