#include "k8s-bridge/actor/feed.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::bridge {
namespace {

constexpr std::size_t kMaxTextBytes = 253;
// An object of the largest size is a ConfigMap of a megabyte; a page of a few is enough where there is one.
constexpr std::size_t kConfigMapPage = 10;

/// metadata.NAME, "" where it is no text of a bearable length.
std::string metadata_text(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find("metadata");
  if (found == object.end() || !found->is_object()) return {};
  const auto text = found->find(name);
  if (text == found->end() || !text->is_string()) return {};
  const auto& whole = text->get_ref<const std::string&>();
  return whole.size() <= kMaxTextBytes ? whole : std::string();
}

k8s_api::WatchedResource watched_config_map(const ConfigMapName& name) {
  k8s_api::WatchedResource resource;
  resource.name = subject_of(name);
  resource.path = fmt::format("/api/v1/namespaces/{}/configmaps", name.name_space);
  resource.query = fmt::format("fieldSelector=metadata.name%3D{}", name.name);
  resource.page_size = kConfigMapPage;
  return resource;
}

k8s_api::WatchedResource watched(std::string_view name) {
  k8s_api::WatchedResource resource;
  resource.name = name;
  resource.path = fmt::format("/api/v1/{}", name);
  return resource;
}

}  // namespace

class Feed::Sink final : public k8s_api::WatchSink {
 public:
  Sink(Feed& feed, ResourceIndex index, k8s_api::WatchedResource resource)
      : feed_(feed), index_(index), resource_(std::move(resource)) {}

  const k8s_api::WatchedResource& resource() const { return resource_; }

  void on_list() override { feed_.put(ListBegan{index_}); }
  void on_listed() override { feed_.put(ListEnded{index_}); }
  void on_watching(const std::string& problem) override { feed_.put(WatchState{index_, problem}); }
  void on_deleted(const nlohmann::json& object) override {
    feed_.put(ObjectGone{index_, metadata_text(object, "name"), metadata_text(object, "uid")});
  }
  void on_object(const nlohmann::json& object) override {
    if (index_ == kNodes) {
      put(k8s::node_from(object), object);
    } else if (index_ == kPods) {
      put(k8s::pod_from(object), object);
    } else {
      auto map = k8s::config_map_from(object);
      if (map) {
        feed_.put(ConfigMapCame{index_, *std::move(map)});
      } else {
        unreadable(object, map.error());
      }
    }
  }

 private:
  template <class Object>
  void put(model::Result<Object> translated, const nlohmann::json& object) {
    if (translated) {
      feed_.put(*std::move(translated));
    } else {
      unreadable(object, translated.error());
    }
  }
  void unreadable(const nlohmann::json& object, const model::Error& why) {
    const auto name_space = metadata_text(object, "namespace");
    feed_.put(ObjectUnreadable{
        index_, fmt::format("{} \"{}{}{}\": {}", resource_.name, name_space, name_space.empty() ? "" : "/",
                            metadata_text(object, "name"), why.message())});
  }

  Feed& feed_;
  ResourceIndex index_;
  k8s_api::WatchedResource resource_;
};

Feed::Feed(const std::vector<ConfigMapName>& config_maps) {
  std::vector<k8s_api::WatchedResource> resources{watched("nodes"), watched("pods")};
  for (const auto& name : config_maps)
    resources.push_back(watched_config_map(name));
  for (auto& resource : resources) {
    names_.push_back(resource.name);
    sinks_.push_back(std::make_unique<Sink>(*this, sinks_.size(), std::move(resource)));
  }
}

Feed::~Feed() = default;

void Feed::begin(ApiPort& api, std::function<void()> wake) {
  {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  for (const auto& sink : sinks_)
    api.watch(sink->resource(), *sink);
}

void Feed::put(Change change) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(change));
  if (waiting_.size() == 1 && wake_) wake_();
}

std::vector<Change> Feed::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void Feed::end() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
}

}  // namespace tideline::bridge
