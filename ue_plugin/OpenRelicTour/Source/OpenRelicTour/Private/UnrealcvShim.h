// SPDX-License-Identifier: Apache-2.0
// What differs between UnrealCV's versions. Since March 2026 the server has accessors; before, the
// same things are its public members. Whichever a version has is found when it is compiled.
#pragma once

#include <string>

#include "CommandDispatcher.h"
#include "ExecStatus.h"
#include "UnrealcvServer.h"

#include "Core/Tour.h"

namespace openrelic {
namespace shim {

// An `int` argument prefers the first of each pair; where it does not compile, the second is taken.
template <typename Server>
auto Dispatcher(Server& server, int) -> decltype(server.GetCommandDispatcher()) {
    return server.GetCommandDispatcher();
}
template <typename Server>
auto Dispatcher(Server& server, long) -> decltype(server.CommandDispatcher) {
    return server.CommandDispatcher;
}

template <typename Server>
auto Config(Server& server, int) -> decltype(server.GetConfig()) {
    return server.GetConfig();
}
template <typename Server>
auto Config(Server& server, long) -> decltype((server.Config)) {
    return server.Config;
}

template <typename Server>
auto Controller(Server& server, int) -> decltype(server.GetWorldController()) {
    return server.GetWorldController();
}
template <typename Server>
auto Controller(Server& server, long) -> decltype(server.WorldController) {
    return server.WorldController;
}

/// A reply as UnrealCV sends it. Text goes as bytes, so that it stays the UTF-8 that it is.
inline FExecStatus StatusOf(const Reply& reply) {
    std::string text = reply.good ? reply.text : "error " + reply.text;
    const uint8* const data = reply.good && !reply.bytes.empty() ? reply.bytes.data()
                                                                 : reinterpret_cast<const uint8*>(text.data());
    const size_t size = reply.good && !reply.bytes.empty() ? reply.bytes.size() : text.size();
    TArray<uint8> bytes;
    bytes.Append(data, static_cast<int32>(size));
    return FExecStatus::Binary(bytes);  // older versions take no temporary
}

}  // namespace shim
}  // namespace openrelic
