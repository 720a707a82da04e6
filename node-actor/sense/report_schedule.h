#pragma once

#include <optional>
#include <string_view>

#include "messages/model/units.h"

namespace tideline::sense {

/// When a node's reports are due: at instants an interval apart. Where they lie within the interval is drawn from the
/// node's name and stays, whatever the interval is meanwhile, so that nodes which started, connected or were asked
/// together do not report together. A plain value; every time comes in.
class ReportSchedule {
 public:
  /// `own`: the interval while nobody asks for another; > 0.
  ReportSchedule(std::string_view node, model::Duration own);

  /// Instants count from the first call; later ones do nothing.
  void start(model::MonoTime now);
  /// For `length` reports are due each `interval`, cut to 1 s .. own, beginning at the first instant from now on; then
  /// at the own interval again. Asked again for the interval in force only the end moves.
  void ask(model::Duration interval, model::Duration length, model::MonoTime now);
  bool due(model::MonoTime now);
  /// A report was made. One that was not due moves no instant: the next that counts is half an interval later at least.
  void made(model::MonoTime now);
  /// nullopt: not started.
  const std::optional<model::MonoTime>& next() const { return next_; }

 private:
  model::MonoTime at_or_after(model::MonoTime time) const;

  double phase_;  // 0 <= phase < 1
  model::Duration own_;
  model::Duration interval_;
  std::optional<model::MonoTime> until_;   // of an interval that was asked for
  std::optional<model::MonoTime> origin_;  // one of the instants
  std::optional<model::MonoTime> next_;
  std::optional<model::MonoTime> last_;  // when one was made
};

}  // namespace tideline::sense
