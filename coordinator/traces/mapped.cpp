#include "coordinator/traces/mapped.h"

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "coordinator/traces/fields.h"
#include "coordinator/traces/header.h"
#include "coordinator/traces/line_importer.h"
#include "coordinator/traces/mapped_rows.h"
#include "messages/model/json_text.h"

namespace tideline::traces {
namespace {

constexpr std::size_t kMaxLineDepth = 16;

class MappedCsv final : public LineImporter {
 public:
  MappedCsv(Mapping mapping, Importer::Sink sink)
      : rows_(std::move(mapping), std::move(sink)), texts_(rows_.sources().size()) {}

 protected:
  model::Result<bool> is_header(std::string_view text) override {
    if (!csv_.read(text)) return model::invalid(place() + ": a quote of the header is not closed");
    width_ = csv_.fields().size();
    const std::vector<std::string_view> wanted(rows_.sources().begin(), rows_.sources().end());
    auto places = find_columns(place(), csv_.fields(), wanted);
    if (!places) return places.error();
    places_ = *std::move(places);
    return true;
  }

  model::Result<RowClass> row(std::string_view text) override {
    if (!csv_.read(text) || csv_.fields().size() != width_) return RowClass::kFieldCount;
    for (std::size_t i = 0; i < places_.size(); ++i)
      texts_[i] = csv_.fields()[places_[i]];
    return rows_.put(texts_);
  }

  model::Result<void> end(ImportReport& report) override { return rows_.finish(report); }

 private:
  MappedRows rows_;
  CsvFields csv_;
  std::size_t width_ = 0;
  std::vector<std::size_t> places_;  // of the rows' sources
  std::vector<std::string_view> texts_;
};

class MappedJsonLines final : public LineImporter {
 public:
  MappedJsonLines(Mapping mapping, Importer::Sink sink)
      : rows_(std::move(mapping), std::move(sink)), spelled_(rows_.sources().size()), texts_(rows_.sources().size()) {}

 protected:
  model::Result<bool> is_header(std::string_view /*text*/) override { return false; }

  model::Result<RowClass> row(std::string_view text) override {
    const auto object = model::parse_json(text, {.max_bytes = ImportLimits::kMaxLine, .max_depth = kMaxLineDepth});
    if (!object || !object->is_object()) return RowClass::kFieldCount;
    for (std::size_t i = 0; i < spelled_.size(); ++i) {
      const auto member = object->find(rows_.sources()[i]);
      spelled_[i] = member == object->end() ? std::string() : spelled(*member);
      texts_[i] = spelled_[i];
    }
    return rows_.put(texts_);
  }

  model::Result<void> end(ImportReport& report) override { return rows_.finish(report); }

 private:
  /// As a field of CSV would have it.
  static std::string spelled(const nlohmann::json& value) {
    if (value.is_null()) return "";
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number()) return value.dump();
    // Lists and the like: a text that is no name, number or time.
    return "\x01";
  }

  MappedRows rows_;
  std::vector<std::string> spelled_;  // of the rows' sources
  std::vector<std::string_view> texts_;
};

}  // namespace

std::unique_ptr<Importer> make_mapped_csv(Mapping mapping, Importer::Sink sink) {
  return std::make_unique<MappedCsv>(std::move(mapping), std::move(sink));
}

std::unique_ptr<Importer> make_mapped_json_lines(Mapping mapping, Importer::Sink sink) {
  return std::make_unique<MappedJsonLines>(std::move(mapping), std::move(sink));
}

}  // namespace tideline::traces
