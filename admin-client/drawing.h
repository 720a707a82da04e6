#pragma once

#include "admin-client/options.h"
#include "admin-client/plot.h"
#include "admin-client/terminal.h"

namespace tideline::tidectl {

/// As the options and the terminal want it, over the options' range.
PlotOptions plot_options(const Options& options, const Terminal& terminal);

}  // namespace tideline::tidectl
