#pragma once

namespace tideline::planner_program {

/// CPU time that this process has taken, all of its threads, s.
double process_cpu_s();

}  // namespace tideline::planner_program
