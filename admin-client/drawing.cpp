#include "admin-client/drawing.h"

namespace tideline::tidectl {

PlotOptions plot_options(const Options& options, const Terminal& terminal) {
  PlotOptions drawing;
  drawing.width = terminal.width;
  drawing.height = options.height;
  drawing.utf8 = terminal.utf8 && !options.ascii;
  drawing.color = terminal.color;
  drawing.from = options.from;
  drawing.to = options.to;
  return drawing;
}

}  // namespace tideline::tidectl
