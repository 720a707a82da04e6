#pragma once
// Accounts added up, one by one: what cluster_sum gives for all of them.

#include "messages/model/reclaimed.h"

namespace tideline::reclaim {

class AccountSum {
 public:
  void add(const model::Reclaimed& account);
  const model::Reclaimed& total() const { return sum_; }

 private:
  model::Reclaimed sum_;
  bool first_ = true;
};

}  // namespace tideline::reclaim
