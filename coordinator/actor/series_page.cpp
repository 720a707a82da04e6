#include "coordinator/actor/series_page.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace tideline::coordinator {
namespace {

/// Empty: each of the kind, and so those of other kinds come along.
std::vector<series::Subject> asked_subjects(const series::Question& question) {
  if (question.kind == series::SubjectKind::kNode) return {series::Subject{}};
  if (!question.subject.empty()) return {series::Subject{question.kind, question.subject}};
  return {};
}

model::WallTime instant_of(std::int64_t time_s) {
  return {time_s * 1000};
}

model::Error ended() {
  return {model::ErrorCode::kUnavailable, "the coordinator stops"};
}

}  // namespace

PageReading::PageReading(admin::SeriesQuery query, PageBounds bounds, Clock mono_now, GivesUp gives_up)
    : question_(std::move(query.question)),
      bounds_(bounds),
      mono_now_(std::move(mono_now)),
      gives_up_(std::move(gives_up)),
      begun_(mono_now_()),
      only_(asked_subjects(question_)) {
  begin(series::page_of(question_, query.page_from_s));
}

void PageReading::begin(series::PageRange page) {
  page_ = page;
  answer_.emplace(question_, page_);
  next_ = 0;
  spent_ = model::kZeroDuration;
}

std::int64_t PageReading::steps() const {
  return (page_.to_s - page_.from_s) / question_.step_s;
}

bool PageReading::shorten() {
  if (steps() <= 1) return false;
  begin({page_.from_s, page_.from_s + std::max<std::int64_t>(1, steps() / 4) * question_.step_s});
  return true;
}

bool PageReading::is_too_long(model::Duration spent, model::MonoTime now) const {
  return now - begun_ >= bounds_.whole || (spent >= bounds_.attempt && steps() > 1);
}

model::Result<bool> PageReading::read_node(const series::SeriesStore& store, const model::NodeName& node,
                                           model::MonoTime since) {
  const series::ReadRange range{node, question_.tier, instant_of(page_.from_s), instant_of(page_.to_s)};
  model::Result<void> added;
  bool is_left = false;
  const auto read = store.read(range, only_.empty() ? nullptr : &only_, [&](series::Table&& table) {
    const model::MonoTime now = mono_now_();
    is_left = is_too_long(spent_ + (now - since), now);
    if (gives_up_ && gives_up_()) {
      added = ended();
    } else if (!is_left && table.subject.kind == question_.kind) {
      added = answer_->add(node, table);
    }
    return added.ok() && !is_left;
  });
  if (!added) return added.error();
  if (!read) return read.error();
  return !is_left;
}

std::optional<model::Result<admin::SeriesPage>> PageReading::read_on(const series::SeriesStore& store) {
  const model::MonoTime turn = mono_now_();
  model::MonoTime before = turn;
  while (next_ < question_.nodes.size()) {
    if (gives_up_ && gives_up_()) return model::Result<admin::SeriesPage>(ended());
    const auto whole = read_node(store, question_.nodes[next_], before);
    if (!whole) return model::Result<admin::SeriesPage>(whole.error());
    if (*whole) ++next_;
    const model::MonoTime now = mono_now_();
    spent_ += now - std::exchange(before, now);
    if (next_ == question_.nodes.size()) break;
    if (now - begun_ >= bounds_.whole) {
      return model::Result<admin::SeriesPage>(model::Error(
          model::ErrorCode::kOverloaded,
          fmt::format("a page of {} s took {} ms, and {} of {} nodes were read by then: ask of fewer",
                      page_.to_s - page_.from_s, model::to_ms(now - begun_), next_, question_.nodes.size())));
    }
    if (spent_ >= bounds_.attempt && shorten()) return std::nullopt;
    if (now - turn >= bounds_.turn) return std::nullopt;
  }
  admin::SeriesPage page;
  page.answer = std::move(*answer_).finish();
  answer_.reset();
  if (page_.to_s < question_.to_s) page.next_s = page_.to_s;
  return model::Result<admin::SeriesPage>(std::move(page));
}

}  // namespace tideline::coordinator
