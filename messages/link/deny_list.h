#pragma once
// Names that are turned away although their certificates are good: a lost key's, a host's that was given away. Stands
// in for revocation lists.

#include <set>
#include <string>
#include <string_view>

#include "messages/link/identity.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::link {

class DenyList {
 public:
  /// One name a line, as certificates have it: a node's DNS SAN `<node>.node.tideline`, or an operator's CN
  /// `viewer|operator|admin:<name>`. Blank lines are left out, and so is all from a '#' that
  /// begins a line or follows a blank. kInvalidArgument with the number of
  /// the first line that is neither: a list that is misread lets in whom it should not.
  static model::Result<DenyList> parse(std::string_view text);
  /// An empty path is an empty list. Errors of parse and of the file name it.
  static model::Result<DenyList> load(const std::string& path);

  bool denies(const model::NodeName& node) const;
  bool denies(const Operator& who) const;
  std::size_t size() const { return names_.size(); }

 private:
  std::set<std::string, std::less<>> names_;
};

}  // namespace tideline::link
