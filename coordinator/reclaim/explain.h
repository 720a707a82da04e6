#pragma once
// Why a node's account is what it is: each term with its source, and the pods that it charges. The numbers are those of
// reclaim(); only the words are made here.

#include <string>
#include <string_view>

#include "coordinator/reclaim/reclaim.h"
#include "messages/model/explained.h"

namespace tideline::reclaim {

/// What an input rests on, as far as it does not say so itself.
struct Origin {
  model::Seq report;                // the newest live one; 0 = none yet
  model::Duration averaged;         // what the averages span, at most
  std::string_view predictor = {};  // whose answer mid is given; "" = nobody's
  std::string normalized_by = {};   // what gives NodeInput::cpu_normalization
  model::ScalingPolicy scaling = {};
};

/// Of the account that reclaim() gives for the same three. Ages are those of the report. Pods have no name here, and
/// `at` is the caller's.
model::ExplainedAccount explain(const NodeInput& input, const model::ColocationPolicy& policy, model::MonoTime now,
                                const Origin& origin);

/// Of an account alone, as history has it: its terms, but neither details nor pods. `stored` is set.
model::ExplainedAccount explain(const model::AccountAt& kept);

}  // namespace tideline::reclaim
